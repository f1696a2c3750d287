//! The thread that owns a store, so that nothing waits on a disk or a socket
//! where requests to registries are under way.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::checksum::{seal, unseal};
use super::key::CacheKey;
use super::warnings::Warnings;

/// How long an entry waits at most before it is written: what a `kill -9` loses.
const LINGER: Duration = Duration::from_millis(500);

/// How many entries, and bytes of them, wait at most.
const MOST_ENTRIES: usize = 1000;
const MOST_BYTES: usize = 4 << 20;

/// Entries to write, sealed.
pub(crate) type Batch = HashMap<CacheKey, Vec<u8>>;

/// A store as its thread sees it: it may block, but not for ever.
pub(crate) trait Store: Send + 'static {
    /// The stored bytes, in the order of the keys. What goes wrong is a miss,
    /// and a warning where the user should know.
    fn read(&mut self, keys: &[CacheKey]) -> Vec<Option<Vec<u8>>>;

    /// Writes these, or not.
    fn write(&mut self, batch: Batch);

    /// Nothing more is coming for a while: writes what else it has to write.
    fn flush(&mut self) {}

    /// Whether it has given up: nothing is asked of it any more.
    fn is_over(&self) -> bool;
}

enum WorkerMessage {
    Get(Vec<CacheKey>, oneshot::Sender<Vec<Option<Vec<u8>>>>),
    Put(CacheKey, Vec<u8>),
    Flush(oneshot::Sender<()>),
}

/// A store behind its thread, which starts with the first request.
pub(crate) struct Worker {
    requests: Mutex<Option<Sender<WorkerMessage>>>,
    idle: Mutex<Option<Box<dyn Store>>>,
    over: Arc<AtomicBool>,
    warnings: Warnings,
}

impl Worker {
    pub(crate) fn new(store: impl Store, warnings: Warnings) -> Self {
        Self {
            requests: Mutex::new(None),
            idle: Mutex::new(Some(Box::new(store))),
            over: Arc::default(),
            warnings,
        }
    }

    /// Whether the store has given up.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Asks for these keys. The answer comes through the receiver; none comes
    /// where the store is gone.
    pub(crate) fn get(&self, keys: Vec<CacheKey>) -> oneshot::Receiver<Vec<Option<Vec<u8>>>> {
        let (sender, receiver) = oneshot::channel();
        self.send(WorkerMessage::Get(keys, sender));
        receiver
    }

    pub(crate) fn put(&self, key: CacheKey, value: Vec<u8>) {
        self.send(WorkerMessage::Put(key, value));
    }

    /// Asks that everything be written; answered when it is. `None` where the
    /// thread never had anything to do.
    pub(crate) fn flush(&self) -> Option<oneshot::Receiver<()>> {
        if !self.is_running() {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        self.send(WorkerMessage::Flush(sender));
        Some(receiver)
    }

    fn is_running(&self) -> bool {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.is_some()
    }

    fn send(&self, request: WorkerMessage) {
        if self.is_over() {
            return;
        }
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.is_none() {
            *requests = self.start();
        }
        if let Some(sender) = &*requests
            && sender.send(request).is_err()
        {
            // The thread has ended, which it does only in a panic.
            self.over.store(true, Ordering::Relaxed);
        }
    }

    fn start(&self) -> Option<Sender<WorkerMessage>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let store = idle.take()?;
        let (sender, receiver) = channel();
        let over = Arc::clone(&self.over);
        let thread = thread::Builder::new().name("cache".to_owned());
        match thread.spawn(move || WriteQueue::new(store, over).run(&receiver)) {
            Ok(_) => Some(sender),
            Err(error) => {
                self.over.store(true, Ordering::Relaxed);
                self.warnings.add(format!(
                    "the metadata cache is off: no thread for it: {error}"
                ));
                None
            }
        }
    }
}

/// What the thread does.
struct WriteQueue {
    store: Box<dyn Store>,
    over: Arc<AtomicBool>,
    waiting: Batch,
    bytes: usize,
    since: Instant,
}

impl WriteQueue {
    fn new(store: Box<dyn Store>, over: Arc<AtomicBool>) -> Self {
        Self {
            store,
            over,
            waiting: Batch::new(),
            bytes: 0,
            since: Instant::now(),
        }
    }

    fn run(mut self, requests: &Receiver<WorkerMessage>) {
        loop {
            let request = if self.waiting.is_empty() {
                requests.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                requests.recv_timeout(LINGER.saturating_sub(self.since.elapsed()))
            };
            // The answers come last: whoever has one sees whether the store has
            // given up. Nobody may be listening any more.
            match request {
                Ok(WorkerMessage::Get(keys, answer)) => {
                    let values = self.get(&keys);
                    self.note_end();
                    let _ = answer.send(values);
                }
                Ok(WorkerMessage::Put(key, value)) => self.put(key, &value),
                Ok(WorkerMessage::Flush(answer)) => {
                    self.write();
                    self.store.flush();
                    self.note_end();
                    let _ = answer.send(());
                }
                Err(RecvTimeoutError::Timeout) => self.write(),
                Err(RecvTimeoutError::Disconnected) => {
                    self.write();
                    self.store.flush();
                    return;
                }
            }
            self.note_end();
        }
    }

    fn note_end(&mut self) {
        if self.store.is_over() {
            self.over.store(true, Ordering::Release);
            self.waiting.clear();
        }
    }

    fn get(&mut self, keys: &[CacheKey]) -> Vec<Option<Vec<u8>>> {
        let mut found: Vec<Option<Vec<u8>>> = keys
            .iter()
            .map(|key| self.waiting.get(key).cloned())
            .collect();
        let (places, missing): (Vec<usize>, Vec<CacheKey>) = keys
            .iter()
            .enumerate()
            .filter(|(place, _)| found[*place].is_none())
            .map(|(place, key)| (place, *key))
            .unzip();
        if !missing.is_empty() && !self.store.is_over() {
            for (place, value) in places.into_iter().zip(self.store.read(&missing)) {
                found[place] = value;
            }
        }
        keys.iter()
            .zip(found)
            .map(|(key, sealed)| unseal(key, sealed?))
            .collect()
    }

    fn put(&mut self, key: CacheKey, value: &[u8]) {
        if self.waiting.is_empty() {
            self.since = Instant::now();
        }
        let sealed = seal(&key, value);
        self.bytes += sealed.len();
        self.waiting.insert(key, sealed);
        if self.waiting.len() >= MOST_ENTRIES
            || self.bytes >= MOST_BYTES
            || self.since.elapsed() >= LINGER
        {
            self.write();
        }
    }

    fn write(&mut self) {
        self.bytes = 0;
        let batch = std::mem::take(&mut self.waiting);
        if !batch.is_empty() && !self.store.is_over() {
            self.store.write(batch);
        }
    }
}
