//! A server as its worker sees it.

use std::time::{Duration, Instant};

use super::super::key::{CacheKey, EntryKind, FORMAT};
use super::super::option::Server;
use super::super::warnings::Warnings;
use super::super::worker::{Batch, Store};
use super::connection::{CacheServerError, Connection, LARGEST, SetOutcome};

/// How many keys are asked at a time: memcached reads a line of so many at once.
const KEYS: usize = 100;

/// How many bytes of values are sent at a time, about.
const BYTES: usize = 64 << 10;

/// How long what is not addressed by a digest is kept, in seconds: the most that
/// memcached takes for a span. For how long it is trusted is not said here.
const THIRTY_DAYS: u32 = 30 * 24 * 60 * 60;

/// How long a server may keep a run waiting in all, beside what is normal.
const MOST_WAITING: Duration = Duration::from_secs(1);

/// What is normal for one answer.
const NORMAL: Duration = Duration::from_millis(50);

/// The entries in one server.
pub(crate) struct Entries {
    server: Server,
    connection: Option<Connection>,
    waited: Duration,
    over: bool,
    warnings: Warnings,
}

fn name(key: &CacheKey) -> String {
    format!("{FORMAT}:{}", key.hex())
}

impl Entries {
    pub(crate) fn new(server: Server, warnings: Warnings) -> Self {
        Self {
            server,
            connection: None,
            waited: Duration::ZERO,
            over: false,
            warnings,
        }
    }

    /// Asks the server. After an error it is given up for the run; but a
    /// connection that has ended since it was used last, as by a restart, is
    /// opened anew once.
    fn ask<T>(
        &mut self,
        question: impl Fn(&mut Connection) -> Result<T, CacheServerError>,
    ) -> Option<T> {
        let since = Instant::now();
        let was_open = self.connection.is_some();
        let mut answer = self.ask_once(&question);
        if was_open && matches!(answer, Err(CacheServerError::Closed)) {
            answer = self.ask_once(&question);
        }
        self.waited += since.elapsed().saturating_sub(NORMAL);
        match answer {
            Ok(answer) => {
                if self.waited > MOST_WAITING {
                    self.give_up(&CacheServerError::TooSlow);
                }
                Some(answer)
            }
            Err(error) => {
                self.give_up(&error);
                None
            }
        }
    }

    fn ask_once<T>(
        &mut self,
        question: impl Fn(&mut Connection) -> Result<T, CacheServerError>,
    ) -> Result<T, CacheServerError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(&self.server)?,
        };
        let answer = question(&mut connection)?;
        self.connection = Some(connection);
        Ok(answer)
    }

    fn give_up(&mut self, why: &CacheServerError) {
        self.over = true;
        self.connection = None;
        self.warnings.add(format!(
            "the cache server {} is not used in this run: {why}",
            self.server
        ));
    }

    fn store(&mut self, values: &[(String, u32, Vec<u8>)]) {
        let Some(stored) = self.ask(|connection| connection.set(values)) else {
            return;
        };
        for outcome in stored {
            if let SetOutcome::No(text) = outcome {
                self.warnings.add(format!(
                    "the cache server {} does not keep all values: {text}",
                    self.server
                ));
            }
        }
    }
}

impl Store for Entries {
    fn read(&mut self, keys: &[CacheKey]) -> Vec<Option<Vec<u8>>> {
        let mut values = Vec::with_capacity(keys.len());
        for keys in keys.chunks(KEYS) {
            let names: Vec<String> = keys.iter().map(name).collect();
            let found = match self.over {
                true => None,
                false => self.ask(|connection| connection.get(&names)),
            }
            .unwrap_or_default();
            values.extend(names.iter().map(|name| found.get(name).cloned()));
        }
        values
    }

    fn write(&mut self, batch: Batch) {
        let mut waiting = Vec::new();
        let mut bytes = 0;
        for (key, value) in batch {
            if value.len() > LARGEST {
                self.warnings.add(
                    "what takes more than 1 MiB, such as a page of very many tags, \
                     is not kept in memcached",
                );
                continue;
            }
            let seconds = match key.kind() {
                EntryKind::Image => 0,
                EntryKind::Tag | EntryKind::TagList => THIRTY_DAYS,
            };
            bytes += value.len();
            waiting.push((name(&key), seconds, value));
            if bytes >= BYTES || waiting.len() >= KEYS {
                if self.over {
                    return;
                }
                self.store(&std::mem::take(&mut waiting));
                bytes = 0;
            }
        }
        if !waiting.is_empty() && !self.over {
            self.store(&waiting);
        }
    }

    fn is_over(&self) -> bool {
        self.over
    }
}
