//! The file as the worker sees it.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, TransactionBehavior};

use super::super::key::CacheKey;
use super::super::warnings::Warnings;
use super::super::worker::{Batch, Store};
use super::file::{self, Identity};
use super::open::{self, Trouble};
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
    state: State,
    /// Read entries that were not read yet today.
    touched: Vec<[u8; 32]>,
    /// Whether a damaged file was replaced in this run.
    replaced: bool,
    warnings: Warnings,
}

enum State {
    /// Not looked at, or not there when last looked at.
    Closed,
    Open {
        connection: Connection,
        identity: Identity,
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
            state: State::Closed,
            touched: Vec::new(),
            replaced: false,
            warnings,
        }
    }

    fn today(&self) -> i64 {
        (self.clock)() / DAY
    }

    /// Opens the file if it is not open yet; makes it where it shall be made.
    fn open(&mut self, create: bool) -> Result<(), Trouble> {
        if !matches!(self.state, State::Closed) {
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
                trouble @ (Trouble::Damaged | Trouble::Foreign | Trouble::Newer(_) | Trouble::Busy),
            ) => {
                // Closed now, but it was this file that is damaged.
                if matches!(trouble, Trouble::Damaged) {
                    self.replace(&identity)?;
                    return self.open(true);
                }
                return Err(trouble);
            }
            Err(trouble) => {
                let connection = open::readable(&self.file).map_err(|_| trouble)?;
                (connection, false)
            }
        };
        if !writable {
            self.warn(
                "can only be read, so nothing new is kept",
                &Trouble::ReadOnly,
            );
        }
        let older = open::is_older(&connection)?;
        if older {
            self.warnings.add(format!(
                "the metadata cache {} was made by an older version; what it remembers is not used",
                self.file.display()
            ));
        }
        self.state = State::Open {
            connection,
            identity,
            writable,
            older,
        };
        Ok(())
    }

    /// Sets the damaged file aside, once in a run.
    fn replace(&mut self, damaged: &Identity) -> Result<(), Trouble> {
        self.state = State::Closed;
        if self.replaced {
            return Err(Trouble::Damaged);
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

    fn warn(&self, what: &str, why: &Trouble) {
        self.warnings.add(format!(
            "the metadata cache {} {what}: {why}",
            self.file.display()
        ));
    }

    fn give_up(&mut self, why: &Trouble) {
        self.warn("is not used", why);
        self.state = State::Over;
    }

    /// What to do about trouble with the open file: whether to try again.
    fn recover(&mut self, trouble: Trouble, writing: bool) -> bool {
        let State::Open {
            identity, writable, ..
        } = &mut self.state
        else {
            self.give_up(&trouble);
            return false;
        };
        match trouble {
            Trouble::Damaged if *writable => {
                let identity = identity.clone();
                match self.replace(&identity) {
                    Ok(()) => true,
                    Err(trouble) => {
                        self.give_up(&trouble);
                        false
                    }
                }
            }
            Trouble::Busy => {
                self.warn("was not used for a while", &trouble);
                false
            }
            trouble if writing => {
                *writable = false;
                self.warn("can only be read, so nothing new is kept", &trouble);
                false
            }
            trouble => {
                self.give_up(&trouble);
                false
            }
        }
    }

    fn try_read(&mut self, keys: &[CacheKey]) -> Result<Vec<Option<Vec<u8>>>, Trouble> {
        self.open(false)?;
        let today = self.today();
        let State::Open { connection, .. } = &mut self.state else {
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
    fn try_write(&mut self, batch: &Batch) -> Result<(), Trouble> {
        self.open(!batch.is_empty())?;
        let (now, today) = ((self.clock)(), self.today());
        let State::Open {
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
        let Err(trouble) = self.try_write(batch) else {
            return;
        };
        // In place of a damaged file there is a new one now.
        if self.recover(trouble, true)
            && let Err(trouble) = self.try_write(batch)
        {
            self.recover(trouble, true);
        }
    }
}

impl Store for Database {
    fn read(&mut self, keys: &[CacheKey]) -> Vec<Option<Vec<u8>>> {
        match self.try_read(keys) {
            Ok(values) => values,
            Err(trouble) => {
                // A new file has nothing to read.
                self.recover(trouble, false);
                vec![None; keys.len()]
            }
        }
    }

    fn write(&mut self, batch: Batch) {
        self.write_or_warn(&batch);
    }

    fn settle(&mut self) {
        if !self.touched.is_empty() && !self.is_over() {
            self.write_or_warn(&Batch::new());
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }
}
