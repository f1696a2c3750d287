//! The report about the file, and emptying it.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::Connection;

use super::super::key::EntryKind;
use super::super::owner::Sharing;
use super::super::report::{ClearError, Cleared, FileReport, KindReport};
use super::database::LIMIT;
use super::file::{self, FILE_NAME};
use super::open::{self, CacheFileError};
use super::rows;

/// Reports what the file in this directory holds.
pub(crate) fn report(directory: &Path, sharing: Sharing) -> FileReport {
    let path = directory.join(FILE_NAME);
    let mut report = FileReport {
        bytes: file::size(&path),
        limit: LIMIT,
        kinds: Vec::new(),
        oldest: None,
        problem: None,
        path,
    };
    match count(&report.path, sharing) {
        Ok((kinds, oldest)) => {
            report.kinds = kinds;
            report.oldest = oldest.and_then(|second| Timestamp::from_second(second).ok());
        }
        Err(error) => report.problem = Some(error.to_string()),
    }
    report
}

/// Counts the entries of each kind, and returns when the oldest was written, in
/// seconds since 1970.
fn count(path: &Path, sharing: Sharing) -> Result<(Vec<KindReport>, Option<i64>), CacheFileError> {
    file::check_owner(path, sharing)??;
    if !file::exists(path)? {
        return Ok((no_entries(), None));
    }
    match open::readable(path) {
        Err(CacheFileError::Empty) => Ok((no_entries(), None)),
        connection => Ok(rows::count(&connection?)?),
    }
}

fn no_entries() -> Vec<KindReport> {
    EntryKind::ALL
        .iter()
        .map(|kind| KindReport {
            kind: *kind,
            entries: 0,
            bytes: 0,
        })
        .collect()
}

/// Removes the entries of the file in this directory, and the damaged files that
/// were set aside.
pub(crate) fn clear(directory: &Path) -> Result<Cleared, ClearError> {
    let path = directory.join(FILE_NAME);
    match empty(&path) {
        Ok(None) => Ok(Cleared::Nothing),
        Ok(Some(entries)) => Ok(Cleared::File { path, entries }),
        Err(error) => Err(ClearError::File {
            path,
            why: error.to_string(),
        }),
    }
}

fn empty(path: &Path) -> Result<Option<u64>, CacheFileError> {
    if !file::exists(path)? {
        return Ok(file::remove_aside(path)?.then_some(0));
    }
    let identity = file::identity(path);
    let entries = match open::writable(path).and_then(|connection| delete(&connection)) {
        // A damaged file is removed completely.
        Err(CacheFileError::Damaged) => {
            file::set_aside(path, &identity)?;
            0
        }
        entries => entries?,
    };
    file::remove_aside(path)?;
    Ok(Some(entries))
}

/// Deletes all entries. The file stays because other processes may have it open.
fn delete(connection: &Connection) -> Result<u64, CacheFileError> {
    let entries = connection.execute("DELETE FROM entry", [])?;
    // Frees the disk space now, unless another process is reading.
    let shrunk = connection
        .execute_batch("VACUUM")
        .and_then(|()| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
    match shrunk.map_err(CacheFileError::from) {
        Ok(()) | Err(CacheFileError::Busy) => Ok(entries as u64),
        Err(error) => Err(error),
    }
}
