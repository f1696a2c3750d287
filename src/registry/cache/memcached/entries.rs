//! The entries in one server.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::super::key::{CacheKey, EntryKind, FORMAT};
use super::super::option::Server;
use super::super::warnings::Warnings;
use super::super::worker::{Batch, Store};
use super::connection::{CacheServerError, Connection, MAX_VALUE, SetOutcome};

/// How many keys are requested at a time: memcached reads a line with this many
/// keys at once.
const MAX_KEYS: usize = 100;

/// The approximate number of bytes of values sent at a time.
const BATCH_BYTES: usize = 64 << 10;

/// The expiry time, in seconds, of entries that are not addressed by a digest: the
/// longest relative time that memcached accepts. How long an entry is trusted is
/// decided elsewhere.
const THIRTY_DAYS: u32 = 30 * 24 * 60 * 60;

/// How long a server may delay a run in total, beyond the normal response times.
const MAX_DELAY: Duration = Duration::from_secs(1);

/// The normal time for one response.
const NORMAL_TIME: Duration = Duration::from_millis(50);

/// The entries in one server.
pub(crate) struct Entries {
    server: Server,
    connection: Option<Connection>,
    delay: Duration,
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
            delay: Duration::ZERO,
            over: false,
            warnings,
        }
    }

    /// Sends a request to the server. After an error the server is given up for the
    /// run, except that a connection that was closed since its last use, for
    /// example by a restart, is opened again once.
    fn request<T>(
        &mut self,
        send: impl Fn(&mut Connection) -> Result<T, CacheServerError>,
    ) -> Option<T> {
        let since = Instant::now();
        let was_open = self.connection.is_some();
        let mut response = self.request_once(&send);
        if was_open && matches!(response, Err(CacheServerError::Closed)) {
            response = self.request_once(&send);
        }
        self.delay += since.elapsed().saturating_sub(NORMAL_TIME);
        match response {
            Ok(response) => {
                if self.delay > MAX_DELAY {
                    self.give_up(&CacheServerError::TooSlow);
                }
                Some(response)
            }
            Err(error) => {
                self.give_up(&error);
                None
            }
        }
    }

    fn request_once<T>(
        &mut self,
        send: impl Fn(&mut Connection) -> Result<T, CacheServerError>,
    ) -> Result<T, CacheServerError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(&self.server)?,
        };
        let response = send(&mut connection)?;
        self.connection = Some(connection);
        Ok(response)
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
        let Some(stored) = self.request(|connection| connection.set(values)) else {
            return;
        };
        for outcome in stored {
            if let SetOutcome::Refused(text) = outcome {
                self.warnings.add(format!(
                    "the cache server {} does not store all values: {text}",
                    self.server
                ));
            }
        }
    }
}

impl Store for Entries {
    fn read(&mut self, keys: &[CacheKey]) -> Vec<Option<Vec<u8>>> {
        let mut values = Vec::with_capacity(keys.len());
        for keys in keys.chunks(MAX_KEYS) {
            let names: Vec<String> = keys.iter().map(name).collect();
            let found = if self.over {
                HashMap::new()
            } else {
                self.request(|connection| connection.get(&names))
                    .unwrap_or_default()
            };
            values.extend(names.iter().map(|name| found.get(name).cloned()));
        }
        values
    }

    fn write(&mut self, batch: Batch) {
        let mut waiting = Vec::new();
        let mut bytes = 0;
        for (key, value) in batch {
            if value.len() > MAX_VALUE {
                self.warnings.add(
                    "entries larger than 1 MiB, such as a very long page of tags, \
                     are not stored in memcached",
                );
                continue;
            }
            let seconds = match key.kind() {
                EntryKind::Image => 0,
                EntryKind::Tag | EntryKind::TagList | EntryKind::Places => THIRTY_DAYS,
            };
            bytes += value.len();
            waiting.push((name(&key), seconds, value));
            if bytes >= BATCH_BYTES || waiting.len() >= MAX_KEYS {
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
