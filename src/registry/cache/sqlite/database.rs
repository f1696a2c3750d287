//! The file as the worker sees it.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, TransactionBehavior};

use super::super::key::CacheKey;
use super::super::warnings::Warnings;
use super::super::worker::{Batch, Store};
use super::file::{self, FileIdentity};
use super::open::{self, CacheFileError};
use super::rows;

const DAY: i64 = 24 * 60 * 60;

/// How large the file may grow.
pub(crate) const LIMIT: u64 = 256 << 20;

/// The entries of one file.
pub(crate) struct Database {
    file: PathBuf,
    /// The bytes that the entries may take.
    pub(crate) limit: u64,
    /// Seconds since 1970.
    pub(crate) clock: fn() -> i64,
    state: DatabaseState,
    /// Read entries that were not read yet today.
    touched: Vec<[u8; 32]>,
    /// Whether a damaged file was replaced in this run.
    replaced: bool,
    warnings: Warnings,
}

enum DatabaseState {
    /// Not looked at, or not there when last looked at.
    Closed,
    Open {
        connection: Connection,
        identity: FileIdentity,
        writable: bool,
        /// What is in it was written by an older release.
        older: bool,
    },
    Over,
}

/// Seconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "when an entry was last used decides what is evicted, and nothing else"
)]
fn seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |age| age.as_secs().try_into().unwrap_or(i64::MAX))
}

impl Database {
    pub(crate) fn new(file: PathBuf, warnings: Warnings) -> Self {
        Self {
            file,
            limit: LIMIT,
            clock: seconds,
            state: DatabaseState::Closed,
            touched: Vec::new(),
            replaced: false,
            warnings,
        }
    }

    fn today(&self) -> i64 {
        (self.clock)() / DAY
    }

    /// Opens the file if it is not open yet; makes it where it shall be made.
    fn open(&mut self, create: bool) -> Result<(), CacheFileError> {
        if !matches!(self.state, DatabaseState::Closed) {
            return Ok(());
        }
        if !file::exists(&self.file)? {
            if !create {
                return Ok(());
            }
            file::create(&self.file)?;
        }
        let identity = file::identity(&self.file);
        let (connection, writable) = match open::writable(&self.file) {
            Ok(connection) => (connection, true),
            Err(
                error @ (CacheFileError::Damaged
                | CacheFileError::Foreign
                | CacheFileError::Newer(_)
                | CacheFileError::Busy),
            ) => {
                // Closed now, but it was this file that is damaged.
                if matches!(error, CacheFileError::Damaged) {
                    self.replace(&identity)?;
                    return self.open(true);
                }
                return Err(error);
            }
            Err(error) => {
                let connection = open::readable(&self.file).map_err(|_| error)?;
                (connection, false)
            }
        };
        if !writable {
            self.warn(
                "can only be read, so nothing new is kept",
                &CacheFileError::ReadOnly,
            );
        }
        let older = open::is_older(&connection)?;
        if older {
            self.warnings.add(format!(
                "the metadata cache {} was made by an older version; what it remembers is not used",
                self.file.display()
            ));
        }
        self.state = DatabaseState::Open {
            connection,
            identity,
            writable,
            older,
        };
        Ok(())
    }

    /// Sets the damaged file aside, once in a run.
    fn replace(&mut self, damaged: &FileIdentity) -> Result<(), CacheFileError> {
        self.state = DatabaseState::Closed;
        if self.replaced {
            return Err(CacheFileError::Damaged);
        }
        self.replaced = true;
        if let Some(aside) = file::set_aside(&self.file, damaged)? {
            self.warnings.add(format!(
                "the metadata cache {} was damaged; it is now {}, and a new one is begun",
                self.file.display(),
                aside.display()
            ));
        }
        Ok(())
    }

    fn warn(&self, what: &str, why: &CacheFileError) {
        self.warnings.add(format!(
            "the metadata cache {} {what}: {why}",
            self.file.display()
        ));
    }

    fn give_up(&mut self, why: &CacheFileError) {
        self.warn("is not used", why);
        self.state = DatabaseState::Over;
    }

    /// What to do about error with the open file: whether to try again.
    fn recover(&mut self, error: CacheFileError, writing: bool) -> bool {
        let DatabaseState::Open {
            identity, writable, ..
        } = &mut self.state
        else {
            self.give_up(&error);
            return false;
        };
        match error {
            CacheFileError::Damaged if *writable => {
                let identity = identity.clone();
                match self.replace(&identity) {
                    Ok(()) => true,
                    Err(error) => {
                        self.give_up(&error);
                        false
                    }
                }
            }
            CacheFileError::Busy => {
                self.warn("was not used for a while", &error);
                false
            }
            error if writing => {
                *writable = false;
                self.warn("can only be read, so nothing new is kept", &error);
                false
            }
            error => {
                self.give_up(&error);
                false
            }
        }
    }

    fn try_read(&mut self, keys: &[CacheKey]) -> Result<Vec<Option<Vec<u8>>>, CacheFileError> {
        self.open(false)?;
        let today = self.today();
        let DatabaseState::Open { connection, .. } = &mut self.state else {
            return Ok(vec![None; keys.len()]);
        };
        let found = rows::read(connection, keys)?;
        let mut values = Vec::with_capacity(keys.len());
        for (key, entry) in keys.iter().zip(found) {
            if entry.as_ref().is_some_and(|entry| entry.used != today) {
                self.touched.push(*key.hash());
            }
            values.push(entry.map(|entry| entry.value));
        }
        Ok(values)
    }

    /// Writes these, and which entries were read today.
    fn try_write(&mut self, batch: &Batch) -> Result<(), CacheFileError> {
        self.open(!batch.is_empty())?;
        let (now, today) = ((self.clock)(), self.today());
        let DatabaseState::Open {
            connection,
            writable: true,
            older,
            ..
        } = &mut self.state
        else {
            return Ok(());
        };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have done so meanwhile.
        if *older && !batch.is_empty() && open::is_older(&transaction)? {
            open::renew(&transaction)?;
        }
        rows::touch(&transaction, &self.touched, today)?;
        // What would push out an eighth of the rest is not worth it.
        let most = self.limit / 8;
        let small = batch.iter().filter(|(_, value)| value.len() as u64 <= most);
        rows::insert(&transaction, small, now, today)?;
        transaction.commit()?;
        *older = *older && batch.is_empty();
        self.touched.clear();
        rows::evict(connection, self.limit)?;
        Ok(())
    }

    fn write_or_warn(&mut self, batch: &Batch) {
        let Err(error) = self.try_write(batch) else {
            return;
        };
        // In place of a damaged file there is a new one now.
        if self.recover(error, true)
            && let Err(error) = self.try_write(batch)
        {
            self.recover(error, true);
        }
    }
}

impl Store for Database {
    fn read(&mut self, keys: &[CacheKey]) -> Vec<Option<Vec<u8>>> {
        match self.try_read(keys) {
            Ok(values) => values,
            Err(error) => {
                // A new file has nothing to read.
                self.recover(error, false);
                vec![None; keys.len()]
            }
        }
    }

    fn write(&mut self, batch: Batch) {
        self.write_or_warn(&batch);
    }

    fn flush(&mut self) {
        if !self.touched.is_empty() && !self.is_over() {
            self.write_or_warn(&Batch::new());
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.state, DatabaseState::Over)
    }
}
