//! Opens the cache file, and says why it cannot be used.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::super::owner::Distrust;
use super::file;

/// The application ID of our files: "imgp".
const APPLICATION: i64 = 0x696d_6770;

/// The version of the tables and of the meaning of entries. It is incremented by
/// each change that an older program cannot read. 2: an entry also records whether
/// it is an image, and the source of its date. 3: entries belong to the identity that
/// the registry has accepted.
const SCHEMA: i64 = 3;

/// How long to wait while another process uses the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// One row per entry. `used` is a day, so it changes at most once a day. It and the
/// other short columns precede the value, so that they can be read without it.
const TABLE: &str = "CREATE TABLE entry (
        id INTEGER PRIMARY KEY,
        hash BLOB NOT NULL UNIQUE,
        kind INTEGER NOT NULL,
        used INTEGER NOT NULL,
        stored INTEGER NOT NULL,
        value BLOB NOT NULL
    )";
const INDEX: &str = "CREATE INDEX entry_used ON entry (used)";
/// The index that SQLite creates for `UNIQUE`.
const UNIQUE_INDEX: &str = "sqlite_autoindex_entry_1";

/// Why the file cannot be used. Each message follows the name of the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CacheFileError {
    /// It is not a database, or a damaged one.
    #[error("it is damaged")]
    Damaged,
    /// It has been created, but nothing has been written to it yet.
    #[error("it is empty")]
    Empty,
    /// It is a database of another program.
    #[error("it belongs to another program; set another directory with --cache")]
    Foreign,
    /// It has our identification, but other tables or views.
    #[error(
        "its tables are not those of this program; remove it, or set another directory with --cache"
    )]
    Schema,
    /// Others could have written it.
    #[error("{0}")]
    Distrusted(#[from] Distrust),
    /// A newer release wrote it.
    #[error(
        "a newer release wrote it (format {0}, this release supports {SCHEMA}); \
         update this program, or set another directory with --cache"
    )]
    Newer(i64),
    /// Other processes used it for longer than a second.
    #[error("other processes keep it busy")]
    Busy,
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// It, or its directory, is not writable.
    #[error("it is not writable")]
    ReadOnly,
    /// An error of the operating system.
    #[error("{0}")]
    System(#[from] io::Error),
    /// An error of SQLite.
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

/// Opens an existing file for reading and writing.
pub(crate) fn writable(path: &Path) -> Result<Connection, CacheFileError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = connect(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Check this before changing a file that may belong to another program.
    let is_new = !is_ours(&connection)?;
    // SQLite does not wait by itself if two processes do this at the same time.
    retry_while_busy(|| connection.pragma_update(None, "journal_mode", "WAL"))?;
    // A crash of the machine may lose the last entries, but never the file.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "journal_size_limit", 4 << 20)?;
    if is_new {
        retry_while_busy(|| create_tables(&mut connection))?;
    }
    Ok(connection)
}

/// Opens an existing file read-only.
pub(crate) fn readable(path: &Path) -> Result<Connection, CacheFileError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let refused = match open_read_only(path, flags) {
        Ok(connection) => return Ok(connection),
        Err(
            error @ (CacheFileError::Damaged
            | CacheFileError::Empty
            | CacheFileError::Foreign
            | CacheFileError::Schema
            | CacheFileError::Newer(_)),
        ) => {
            return Err(error);
        }
        Err(error) => error,
    };
    // If its companion files cannot be created either, it can still be read as it
    // is, unless a log contains newer entries.
    let log = file::with_suffix(path, "-wal").metadata();
    if log.is_ok_and(|log| log.len() > 0) {
        return Err(refused);
    }
    let Some(name) = immutable_uri(path) else {
        return Err(refused);
    };
    check_tables(connect(name, flags | OpenFlags::SQLITE_OPEN_URI)?)
}

fn open_read_only(path: &Path, flags: OpenFlags) -> Result<Connection, CacheFileError> {
    let connection = connect(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    check_tables(connection)
}

/// Opens a file. Its schema can run no function.
fn connect(path: impl AsRef<Path>, flags: OpenFlags) -> Result<Connection, CacheFileError> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    Ok(connection)
}

/// Returns the SQLite URI of a file that nobody changes.
fn immutable_uri(path: &Path) -> Option<String> {
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

/// Returns the connection if the file has our tables.
fn check_tables(connection: Connection) -> Result<Connection, CacheFileError> {
    if is_ours(&connection)? {
        Ok(connection)
    } else {
        Err(CacheFileError::Empty)
    }
}

/// Whether the file has our tables; `false` if it is empty.
fn is_ours(connection: &Connection) -> Result<bool, CacheFileError> {
    // In one transaction, so that another process creates the tables either before
    // it or after it.
    let transaction = connection.unchecked_transaction()?;
    let application = query_number(&transaction, "PRAGMA application_id")?;
    let version = query_number(&transaction, "PRAGMA user_version")?;
    let tables = count_tables(&transaction)?;
    match (application, version) {
        (APPLICATION, 1..=SCHEMA) if has_our_tables(&transaction)? => Ok(true),
        (APPLICATION, 1..=SCHEMA) => Err(CacheFileError::Schema),
        (APPLICATION, newer) => Err(CacheFileError::Newer(newer)),
        (0, 0) if tables == 0 => Ok(false),
        _ => Err(CacheFileError::Foreign),
    }
}

/// Whether an older release wrote the file. Its entries have different keys, so they
/// are never found.
pub(crate) fn is_older(connection: &Connection) -> Result<bool, rusqlite::Error> {
    let version = query_number(connection, "PRAGMA user_version")?;
    Ok(version < SCHEMA)
}

/// Whether the file has exactly our table and our indexes, as we create them. A view or
/// a trigger of the same name could make a read endless, or change its result.
fn has_our_tables(connection: &Connection) -> Result<bool, rusqlite::Error> {
    let mut select = connection.prepare("SELECT type, name, sql FROM sqlite_schema LIMIT 4")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let mut found: Vec<(String, String, Option<String>)> = rows.collect::<Result<_, _>>()?;
    found.sort();
    let found: Vec<(&str, &str, Option<&str>)> = found
        .iter()
        .map(|(kind, name, sql)| (kind.as_str(), name.as_str(), sql.as_deref()))
        .collect();
    Ok(found
        == [
            ("index", "entry_used", Some(INDEX)),
            ("index", UNIQUE_INDEX, None),
            ("table", "entry", Some(TABLE)),
        ])
}

fn count_tables(connection: &Connection) -> Result<i64, rusqlite::Error> {
    query_number(connection, "SELECT count(*) FROM sqlite_schema")
}

fn query_number(connection: &Connection, sql: &str) -> Result<i64, rusqlite::Error> {
    connection.query_row(sql, [], |row| row.get(0))
}

/// Removes the entries of an older release.
pub(crate) fn remove_older_entries(transaction: &Connection) -> Result<(), rusqlite::Error> {
    transaction.execute("DELETE FROM entry", [])?;
    transaction.pragma_update(None, "user_version", SCHEMA)
}

/// Creates the tables, unless another process has just done so.
fn create_tables(connection: &mut Connection) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if count_tables(&transaction)? == 0 {
        transaction.execute_batch(&format!("{TABLE};{INDEX};"))?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", SCHEMA)?;
    }
    transaction.commit()
}

/// Retries while other processes use the file.
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
