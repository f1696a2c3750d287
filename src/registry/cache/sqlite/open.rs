//! A connection to the file, or why there is none.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::file;

/// Says that a file is ours: "imgp".
const APPLICATION: i64 = 0x696d_6770;

/// Counts up with each change that an older program cannot read: of the tables, or
/// of what the entries say. 2: what is an image is known, and where its date comes
/// from.
const SCHEMA: i64 = 2;

/// How long another process may hold the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// One row an entry. `used` is a day and moves once a day at most; it and the
/// other short columns stand before the value, so that they are read without it.
const TABLES: &str = "
    CREATE TABLE entry (
        id INTEGER PRIMARY KEY,
        hash BLOB NOT NULL UNIQUE,
        kind INTEGER NOT NULL,
        used INTEGER NOT NULL,
        stored INTEGER NOT NULL,
        value BLOB NOT NULL
    );
    CREATE INDEX entry_used ON entry (used);
";

/// Why the file cannot be used. The texts end a sentence that names it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CacheFileError {
    /// Its bytes are no database, or one that was damaged.
    #[error("it is damaged")]
    Damaged,
    /// It was made and nothing has been written into it yet.
    #[error("it is empty")]
    Empty,
    /// A database of another program.
    #[error("it belongs to another program; name another directory with --cache")]
    Foreign,
    /// Written by a newer release.
    #[error(
        "a newer release wrote it (format {0}, this one knows {SCHEMA}); \
         update this one, or name another directory with --cache"
    )]
    Newer(i64),
    /// Other processes held it for longer than a second.
    #[error("other processes keep it busy")]
    Busy,
    /// There is no room left.
    #[error("the disk is full")]
    Full,
    /// It, or its directory, may not be written.
    #[error("it may not be written")]
    ReadOnly,
    /// What the system says.
    #[error("{0}")]
    System(#[from] io::Error),
    /// What SQLite says.
    #[error("{0}")]
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for CacheFileError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly,
            _ => Self::Sqlite(error),
        }
    }
}

/// Opens the file, which is there, for reading and writing.
pub(crate) fn writable(path: &Path) -> Result<Connection, CacheFileError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Before anything is changed in a file that may be another's.
    let is_new = !is_ours(&connection)?;
    // SQLite does not wait by itself where two processes do this at once.
    retry_while_busy(|| connection.pragma_update(None, "journal_mode", "WAL"))?;
    // A crash of the machine may lose the last entries, never the file.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "journal_size_limit", 4 << 20)?;
    if is_new {
        retry_while_busy(|| create_tables(&mut connection))?;
    }
    Ok(connection)
}

/// Opens the file, which is there, for reading alone.
pub(crate) fn readable(path: &Path) -> Result<Connection, CacheFileError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> Result<Connection, CacheFileError> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        known(connection)
    };
    let refused = match open() {
        Ok(connection) => return Ok(connection),
        Err(
            error @ (CacheFileError::Damaged
            | CacheFileError::Empty
            | CacheFileError::Foreign
            | CacheFileError::Newer(_)),
        ) => {
            return Err(error);
        }
        Err(error) => error,
    };
    // Where the files beside it cannot be made either, it can still be read as
    // it stands, unless a log holds what is not yet in it.
    let log = file::beside(path, "-wal").metadata();
    if log.is_ok_and(|log| log.len() > 0) {
        return Err(refused);
    }
    let Some(name) = uri(path) else {
        return Err(refused);
    };
    known(Connection::open_with_flags(
        name,
        flags | OpenFlags::SQLITE_OPEN_URI,
    )?)
}

/// The path as SQLite's URI of a file that nobody changes.
fn uri(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let mut name = "file:".to_owned();
    for byte in path.to_str()?.replace('\\', "/").bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b':' => name.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => name.push(char::from(byte)),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    Some(name + "?immutable=1")
}

/// The connection, where the tables are there.
fn known(connection: Connection) -> Result<Connection, CacheFileError> {
    if is_ours(&connection)? {
        Ok(connection)
    } else {
        Err(CacheFileError::Empty)
    }
}

/// Whether the file holds our tables; `false` where it holds nothing yet.
fn is_ours(connection: &Connection) -> Result<bool, CacheFileError> {
    // In one transaction, so that another process makes the tables before it or
    // after it.
    let transaction = connection.unchecked_transaction()?;
    let number = |sql| transaction.query_row(sql, [], |row| row.get::<_, i64>(0));
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    drop(transaction);
    match (application, version) {
        (APPLICATION, 1..=SCHEMA) => Ok(true),
        (APPLICATION, newer) => Err(CacheFileError::Newer(newer)),
        (0, 0) if tables == 0 => Ok(false),
        _ => Err(CacheFileError::Foreign),
    }
}

/// Whether an older release wrote the file. Its entries have other keys, so none of
/// them is ever met.
pub(crate) fn is_older(connection: &Connection) -> Result<bool, rusqlite::Error> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(version < SCHEMA)
}

/// Removes what an older release wrote.
pub(crate) fn renew(transaction: &Connection) -> Result<(), rusqlite::Error> {
    transaction.execute("DELETE FROM entry", [])?;
    transaction.pragma_update(None, "user_version", SCHEMA)
}

/// Makes the tables, unless another process has just done so.
fn create_tables(connection: &mut Connection) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", SCHEMA)?;
    }
    transaction.commit()
}

/// Does this again while other processes are in the way.
fn retry_while_busy<T>(
    mut act: impl FnMut() -> Result<T, rusqlite::Error>,
) -> Result<T, CacheFileError> {
    let since = Instant::now();
    loop {
        match act().map_err(CacheFileError::from) {
            Err(CacheFileError::Busy) if since.elapsed() < BUSY_TIMEOUT => {
                std::thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}
