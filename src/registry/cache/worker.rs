//! The thread that owns a store, so that requests to registries never wait for a
//! disk or a socket.

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

/// How long an entry waits at most before it is written. `kill -9` loses the
/// entries of this time.
const WRITE_DELAY: Duration = Duration::from_millis(500);

/// The most entries that wait, and their total size in bytes.
const MAX_WAITING: usize = 1000;
const MAX_WAITING_BYTES: usize = 4 << 20;

/// Entries to write, in their stored form.
pub(crate) type Batch = HashMap<CacheKey, Vec<u8>>;

/// A store, used by one thread. Its methods may block, but only for a limited time.
pub(crate) trait Store: Send + 'static {
    /// Returns the stored bytes, in the order of the keys. A problem is a miss, and
    /// a warning if the user should know.
    fn read(&mut self, keys: &[CacheKey]) -> Vec<Option<Vec<u8>>>;

    /// Writes these entries, if possible.
    fn write(&mut self, batch: Batch);

    /// Writes whatever else is pending, because no entries will follow for a while.
    fn flush(&mut self) {}

    /// Whether the store has been given up for this run.
    fn is_over(&self) -> bool;
}

enum WorkerMessage {
    Get(Vec<CacheKey>, oneshot::Sender<Vec<Option<Vec<u8>>>>),
    Put(CacheKey, Vec<u8>),
    Flush(oneshot::Sender<()>),
}

/// A store and its thread, which starts with the first message.
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

    /// Looks up these keys. The receiver gets the values, or an error if the store
    /// has been given up.
    pub(crate) fn get(&self, keys: Vec<CacheKey>) -> oneshot::Receiver<Vec<Option<Vec<u8>>>> {
        let (sender, receiver) = oneshot::channel();
        self.send(WorkerMessage::Get(keys, sender));
        receiver
    }

    pub(crate) fn put(&self, key: CacheKey, value: Vec<u8>) {
        self.send(WorkerMessage::Put(key, value));
    }

    /// Writes everything; the receiver is notified when this is done. `None` if the
    /// thread was never started.
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
            // The thread has ended, which only a panic can cause.
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
                    "the metadata cache is off: cannot start its thread: {error}"
                ));
                None
            }
        }
    }
}

/// The loop of the thread: entries wait here until they are written.
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
                requests.recv_timeout(WRITE_DELAY.saturating_sub(self.since.elapsed()))
            };
            // Reply last, so that the receiver sees whether the store has been given
            // up. The receiver may be gone, so errors are ignored.
            match request {
                Ok(WorkerMessage::Get(keys, answer)) => {
                    let values = self.get(&keys);
                    self.update_over();
                    let _ = answer.send(values);
                }
                Ok(WorkerMessage::Put(key, value)) => self.put(key, &value),
                Ok(WorkerMessage::Flush(answer)) => {
                    self.write();
                    self.store.flush();
                    self.update_over();
                    let _ = answer.send(());
                }
                Err(RecvTimeoutError::Timeout) => self.write(),
                Err(RecvTimeoutError::Disconnected) => {
                    self.write();
                    self.store.flush();
                    return;
                }
            }
            self.update_over();
        }
    }

    fn update_over(&mut self) {
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
        let (positions, missing): (Vec<usize>, Vec<CacheKey>) = keys
            .iter()
            .enumerate()
            .filter(|(position, _)| found[*position].is_none())
            .map(|(position, key)| (position, *key))
            .unzip();
        if !missing.is_empty() && !self.store.is_over() {
            for (position, value) in positions.into_iter().zip(self.store.read(&missing)) {
                found[position] = value;
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
        if self.waiting.len() >= MAX_WAITING
            || self.bytes >= MAX_WAITING_BYTES
            || self.since.elapsed() >= WRITE_DELAY
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
