//! The SQL statements.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::super::key::{CacheKey, EntryKind};
use super::super::report::KindReport;

/// The part of a row that a lookup needs.
pub(crate) struct StoredEntry {
    /// The day of the last read or write, counted from 1970.
    pub(crate) used: i64,
    pub(crate) value: Vec<u8>,
}

/// The number of a kind in the file. These numbers must not change.
pub(crate) fn number(kind: EntryKind) -> i64 {
    match kind {
        EntryKind::TagList => 1,
        EntryKind::Tag => 2,
        EntryKind::Image => 3,
        EntryKind::Places => 4,
    }
}

pub(crate) fn read(
    connection: &mut Connection,
    keys: &[CacheKey],
) -> Result<Vec<Option<StoredEntry>>, rusqlite::Error> {
    // One transaction, so that the locks are taken only once.
    let transaction = connection.transaction()?;
    let mut select = transaction.prepare("SELECT used, value FROM entry WHERE hash = ?1")?;
    keys.iter()
        .map(|key| {
            select
                .query_row([key.hash()], |row| {
                    Ok(StoredEntry {
                        used: row.get(0)?,
                        value: row.get(1)?,
                    })
                })
                .optional()
        })
        .collect()
}

/// Inserts entries, replacing those with the same keys.
pub(crate) fn insert<'a>(
    connection: &Connection,
    entries: impl Iterator<Item = (&'a CacheKey, &'a Vec<u8>)>,
    now: i64,
    today: i64,
) -> Result<(), rusqlite::Error> {
    let mut insert = connection.prepare(
        "INSERT INTO entry (hash, kind, used, stored, value) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (hash) DO UPDATE
         SET used = excluded.used, stored = excluded.stored, value = excluded.value",
    )?;
    for (key, value) in entries {
        insert.execute(params![key.hash(), number(key.kind()), today, now, value])?;
    }
    Ok(())
}

/// Records that these entries were used today.
pub(crate) fn update_used(
    connection: &Connection,
    hashes: &[[u8; 32]],
    today: i64,
) -> Result<(), rusqlite::Error> {
    let mut update = connection.prepare("UPDATE entry SET used = ?2 WHERE hash = ?1")?;
    for hash in hashes {
        update.execute(params![hash, today])?;
    }
    Ok(())
}

/// If the entries take more than `limit` bytes, removes the least recently used
/// ones until an eighth of the limit is free.
pub(crate) fn evict(connection: &mut Connection, limit: u64) -> Result<(), rusqlite::Error> {
    if bytes(connection)? <= limit {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let target = limit / 8 * 7;
    loop {
        // Another process may have done it in the meantime.
        let taken = bytes(&transaction)?;
        if taken <= target {
            break;
        }
        let entries: i64 =
            transaction.query_row("SELECT count(*) FROM entry", [], |row| row.get(0))?;
        // The right number if all entries have the same size; repeated if needed.
        let share = (taken - target) as f64 / taken as f64;
        let count = (entries as f64 * share).ceil().max(1.0) as i64;
        let removed = transaction.execute(
            "DELETE FROM entry WHERE id IN (SELECT id FROM entry ORDER BY used, id LIMIT ?1)",
            [count],
        )?;
        if removed == 0 {
            break;
        }
    }
    transaction.commit()
}

/// Returns how many bytes of the file are in use.
fn bytes(connection: &Connection) -> Result<u64, rusqlite::Error> {
    let used = pragma(connection, "page_count")? - pragma(connection, "freelist_count")?;
    Ok((used * pragma(connection, "page_size")?).unsigned_abs())
}

fn pragma(connection: &Connection, name: &str) -> Result<i64, rusqlite::Error> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// Counts the entries of each kind, and returns when the oldest was written.
pub(crate) fn count(
    connection: &Connection,
) -> Result<(Vec<KindReport>, Option<i64>), rusqlite::Error> {
    let kinds = EntryKind::ALL.iter().map(|kind| {
        let sql = "SELECT count(*), coalesce(sum(length(value)), 0) FROM entry WHERE kind = ?1";
        let [entries, bytes]: [i64; 2] =
            connection.query_row(sql, [number(*kind)], |row| Ok([row.get(0)?, row.get(1)?]))?;
        Ok(KindReport {
            kind: *kind,
            entries: entries.unsigned_abs(),
            bytes: bytes.unsigned_abs(),
        })
    });
    let kinds = kinds.collect::<Result<_, rusqlite::Error>>()?;
    let oldest = connection.query_row("SELECT min(stored) FROM entry", [], |row| row.get(0))?;
    Ok((kinds, oldest))
}
