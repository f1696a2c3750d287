//! The entries of one file, opened on demand.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, TransactionBehavior};

use super::super::key::CacheKey;
use super::super::owner::Sharing;
use super::super::warnings::Warnings;
use super::super::worker::{Batch, Store};
use super::file::{self, FileIdentity};
use super::open::{self, CacheFileError};
use super::rows;

const DAY: i64 = 24 * 60 * 60;

/// The size limit of the file, in bytes.
pub(crate) const LIMIT: u64 = 256 << 20;

/// The entries of one file.
pub(crate) struct Database {
    file: PathBuf,
    sharing: Sharing,
    /// The size limit in bytes.
    pub(crate) limit: u64,
    /// Returns the seconds since 1970.
    pub(crate) clock: fn() -> i64,
    state: DatabaseState,
    /// Entries read for the first time today.
    touched: Vec<[u8; 32]>,
    /// Whether a damaged file was replaced in this run.
    replaced: bool,
    warnings: Warnings,
}

enum DatabaseState {
    /// Not opened yet, or the file did not exist.
    Closed,
    Open {
        connection: Connection,
        identity: FileIdentity,
        writable: bool,
        /// An older release wrote its entries.
        older: bool,
    },
    Over,
}

/// Returns the seconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "the time of the last use only decides which entries are evicted"
)]
fn seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |age| age.as_secs().try_into().unwrap_or(i64::MAX))
}

impl Database {
    pub(crate) fn new(file: PathBuf, sharing: Sharing, warnings: Warnings) -> Self {
        Self {
            file,
            sharing,
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

    /// Opens the file if it is not open yet. With `create`, creates it if it does not
    /// exist.
    fn open(&mut self, create: bool) -> Result<(), CacheFileError> {
        if !matches!(self.state, DatabaseState::Closed) {
            return Ok(());
        }
        file::check_owner(&self.file, self.sharing)??;
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
                | CacheFileError::Schema
                | CacheFileError::Newer(_)
                | CacheFileError::Busy),
            ) => {
                // `identity` is still that of the damaged file.
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
                "can only be read, so nothing new is stored",
                &CacheFileError::ReadOnly,
            );
        }
        let older = open::is_older(&connection)?;
        if older {
            self.warnings.add(format!(
                "the metadata cache {} was written by an older version; its entries are not used",
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

    /// Sets the damaged file aside, at most once per run.
    fn replace(&mut self, damaged: &FileIdentity) -> Result<(), CacheFileError> {
        self.state = DatabaseState::Closed;
        if self.replaced {
            return Err(CacheFileError::Damaged);
        }
        self.replaced = true;
        if let Some(aside) = file::set_aside(&self.file, damaged)? {
            self.warnings.add(format!(
                "the metadata cache {} was damaged; it was renamed to {} and a new one was started",
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

    /// Handles an error of the open file. Returns whether to try again.
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
                self.warn("was temporarily not used", &error);
                false
            }
            error if writing => {
                *writable = false;
                self.warn("can only be read, so nothing new is stored", &error);
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

    /// Writes these entries, and the day of use of the entries read today.
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
        // Another process may have done this in the meantime.
        if *older && !batch.is_empty() && open::is_older(&transaction)? {
            open::remove_older_entries(&transaction)?;
        }
        rows::update_used(&transaction, &self.touched, today)?;
        // A value that would evict an eighth of the others is not worth storing.
        let max = self.limit / 8;
        let small = batch.iter().filter(|(_, value)| value.len() as u64 <= max);
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
        // The damaged file has been replaced by a new one.
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
                // A new file is empty, so there is nothing to retry.
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
