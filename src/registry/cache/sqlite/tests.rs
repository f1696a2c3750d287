//! The cache file in use, damaged, full, or owned by another program.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use super::super::key::{CacheKey, EntryKind};
use super::super::option::CacheOption;
use super::super::owner::Sharing;
use super::super::store::Cache;
use super::super::warnings::Warnings;
use super::super::worker::{Batch, Store};
use super::database::Database;
use super::file::FILE_NAME;

pub(crate) fn key(number: usize) -> CacheKey {
    CacheKey::new(EntryKind::Image, &[&number.to_be_bytes()])
}

pub(crate) fn value(number: usize) -> Vec<u8> {
    format!("value {number} {}", "x".repeat(number % 500)).into_bytes()
}

pub(crate) fn at(directory: &Path) -> Cache {
    Cache::open(&CacheOption::Directory(directory.to_owned()))
}

pub(crate) async fn fill(cache: &Cache, numbers: std::ops::Range<usize>) {
    for number in numbers {
        cache.put(key(number), value(number));
    }
    cache.flush().await;
}

/// Counts the entries that are found, and checks their values.
pub(crate) async fn found(cache: &Cache, numbers: std::ops::Range<usize>) -> usize {
    let keys: Vec<CacheKey> = numbers.clone().map(key).collect();
    let values = cache.get(&keys).await;
    assert_eq!(values.len(), keys.len());
    for (number, found) in numbers.zip(&values) {
        assert!(found.is_none() || *found == Some(value(number)), "{number}");
    }
    values.iter().flatten().count()
}

/// Creates a directory with a cache of the first 300 entries.
pub(crate) async fn filled() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("directory");
    fill(&at(directory.path()), 0..300).await;
    let file = directory.path().join(FILE_NAME);
    // Move everything from the log into the file, so that a test can damage it.
    let connection = Connection::open(&file).expect("file");
    connection
        .pragma_update(None, "wal_checkpoint", "TRUNCATE")
        .expect("checkpoint");
    drop(connection);
    (directory, file)
}

/// Checks that a damaged file is replaced with one warning and the cache still
/// works.
async fn assert_replaced(directory: &Path) {
    let cache = at(directory);
    let _ = found(&cache, 0..300).await;
    fill(&cache, 0..300).await;
    assert_eq!(found(&cache, 0..300).await, 300);
    let warnings = cache.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("was damaged"), "{warnings:?}");
    assert!(directory.join("metadata.db.corrupt-1").is_file());
    let again = at(directory);
    assert_eq!(found(&again, 0..300).await, 300);
    assert_eq!(again.warnings(), [""; 0]);
}

/// Checks that the cache is off with exactly this warning, and the file is
/// unchanged.
async fn assert_left_alone(directory: &Path, warning: &str) {
    let before = fs::read(directory.join(FILE_NAME)).ok();
    let cache = at(directory);
    assert_eq!(found(&cache, 0..10).await, 0);
    fill(&cache, 0..10).await;
    assert_eq!(found(&cache, 0..10).await, 0);
    let warnings = cache.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains(warning), "{warnings:?}");
    assert!(cache.is_off());
    assert_eq!(fs::read(directory.join(FILE_NAME)).ok(), before);
}

#[tokio::test]
async fn entries_are_found_immediately_and_by_the_next_run() {
    let directory = tempfile::tempdir().expect("directory");
    let cache = at(directory.path());
    cache.put(key(1), b"old".to_vec());
    cache.put(key(1), value(1));
    assert_eq!(found(&cache, 0..3).await, 1);
    cache.flush().await;
    assert_eq!(found(&cache, 0..3).await, 1);
    let next = at(directory.path());
    assert_eq!(found(&next, 0..3).await, 1);
    let statistics = next.statistics();
    assert_eq!((statistics.hits, statistics.misses), (1, 2));
    next.put(key(1), b"new".to_vec());
    next.flush().await;
    let third = at(directory.path());
    assert_eq!(third.get(&[key(1)]).await, [Some(b"new".to_vec())]);
    assert_eq!(third.warnings(), [""; 0]);
}

#[tokio::test]
async fn file_is_not_created_before_the_first_entry() {
    let directory = tempfile::tempdir().expect("directory");
    let inner = directory.path().join("a/b");
    let cache = at(&inner);
    assert_eq!(found(&cache, 0..3).await, 0);
    cache.flush().await;
    assert!(!directory.path().join("a").exists());
    assert!(!cache.is_off());
    fill(&cache, 0..3).await;
    assert!(inner.join(FILE_NAME).is_file());
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_only_accessible_by_the_user() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("directory");
    let inner = directory.path().join("a/b");
    let cache = at(&inner);
    fill(&cache, 0..3).await;
    let mode = |path: &Path| path.metadata().expect("path").permissions().mode() & 0o777;
    for path in [directory.path().join("a"), inner.clone()] {
        assert_eq!(mode(&path), 0o700, "{}", path.display());
    }
    let files: Vec<PathBuf> = fs::read_dir(&inner)
        .expect("directory")
        .map(|entry| entry.expect("entry").path())
        .collect();
    assert_eq!(files.len(), 3, "file, log and index: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn file_that_is_not_a_database_is_set_aside() {
    for text in ["hello", &"no database ".repeat(1000)] {
        let directory = tempfile::tempdir().expect("directory");
        fs::write(directory.path().join(FILE_NAME), text).expect("file");
        assert_replaced(directory.path()).await;
        let aside = directory.path().join("metadata.db.corrupt-1");
        assert_eq!(fs::read_to_string(aside).expect("kept"), *text);
    }
}

#[tokio::test]
async fn truncated_file_is_replaced() {
    let (directory, file) = filled().await;
    let bytes = fs::read(&file).expect("file");
    drop(directory);
    let whole = bytes.len();
    // A file of one byte counts as empty; SQLite treats it the same way.
    for part in [2, 50, 100, 1000, 4096, 5000, whole / 2, whole - 4096] {
        let directory = tempfile::tempdir().expect("directory");
        fs::write(directory.path().join(FILE_NAME), &bytes[..part]).expect("file");
        assert_replaced(directory.path()).await;
    }
}

#[tokio::test]
async fn empty_file_is_treated_as_new() {
    let directory = tempfile::tempdir().expect("directory");
    fs::write(directory.path().join(FILE_NAME), "").expect("file");
    let cache = at(directory.path());
    assert_eq!(found(&cache, 0..3).await, 0);
    fill(&cache, 0..3).await;
    assert_eq!(found(&at(directory.path()), 0..3).await, 3);
    assert_eq!(cache.warnings(), [""; 0]);
}

#[tokio::test]
async fn flipped_bytes_never_cause_a_wrong_value() {
    let (directory, file) = filled().await;
    let bytes = fs::read(&file).expect("file");
    drop(directory);
    let mut lost = 0;
    // Damage one page at a time, starting with the first.
    for page in 0..bytes.len() / 4096 {
        let directory = tempfile::tempdir().expect("directory");
        let mut damaged = bytes.clone();
        for (index, byte) in damaged[page * 4096..][..4096].iter_mut().enumerate() {
            if index % 7 == 3 {
                *byte ^= 0x15;
            }
        }
        fs::write(directory.path().join(FILE_NAME), &damaged).expect("file");
        let cache = at(directory.path());
        // `found` checks every value.
        let before = found(&cache, 0..300).await;
        lost += 300 - before;
        fill(&cache, 0..300).await;
        let after = found(&cache, 0..300).await;
        assert!(after == 300 || cache.is_off(), "page {page}: {after}");
        assert!(cache.warnings().len() <= 2, "page {page}");
    }
    assert!(lost >= 300, "{lost}");
}

#[tokio::test]
async fn database_of_another_program_is_left_alone() {
    let directory = tempfile::tempdir().expect("directory");
    let other = Connection::open(directory.path().join(FILE_NAME)).expect("file");
    other
        .execute_batch("CREATE TABLE entry (a); INSERT INTO entry VALUES (1)")
        .expect("table");
    drop(other);
    assert_left_alone(directory.path(), "belongs to another program").await;
}

#[tokio::test]
async fn file_of_a_newer_release_is_left_alone() {
    let (directory, file) = filled().await;
    let newer = Connection::open(&file).expect("file");
    newer.pragma_update(None, "user_version", 4).expect("set");
    drop(newer);
    assert_left_alone(directory.path(), "a newer release wrote it (format 4,").await;
}

#[tokio::test]
async fn entries_of_an_older_release_are_not_used_and_are_removed_by_the_first_write() {
    let (directory, file) = filled().await;
    let older = || {
        let connection = Connection::open(&file).expect("file");
        connection
            .pragma_update(None, "user_version", 1)
            .expect("set");
    };
    let count = || -> i64 {
        let connection = Connection::open(&file).expect("file");
        let count = "SELECT count(*) FROM entry";
        connection
            .query_row(count, [], |row| row.get(0))
            .expect("count")
    };
    older();
    let cache = at(directory.path());
    let _ = found(&cache, 300..301).await;
    let warnings = cache.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].ends_with("was written by an older version; its entries are not used"));
    assert_eq!(count(), 300, "reading removes nothing");
    // Two processes find it at the same time; the second keeps the entries of the
    // first.
    let other = at(directory.path());
    let _ = found(&other, 300..301).await;
    fill(&cache, 300..310).await;
    fill(&other, 310..320).await;
    assert_eq!(count(), 20);
    assert_eq!(found(&at(directory.path()), 300..320).await, 20);
    assert_eq!(at(directory.path()).warnings(), [""; 0]);
}

#[tokio::test]
async fn directory_in_place_of_the_file_is_left_alone() {
    let directory = tempfile::tempdir().expect("directory");
    fs::create_dir(directory.path().join(FILE_NAME)).expect("directory");
    assert_left_alone(directory.path(), "is not used: it is not a regular file").await;
}

#[cfg(unix)]
#[tokio::test]
async fn symlink_in_place_of_the_file_is_not_followed() {
    let directory = tempfile::tempdir().expect("directory");
    let target = directory.path().join("target");
    fs::write(&target, "precious").expect("file");
    std::os::unix::fs::symlink(&target, directory.path().join(FILE_NAME)).expect("link");
    assert_left_alone(directory.path(), "is not used: it is not a regular file").await;
    assert_eq!(fs::read_to_string(target).expect("file"), "precious");
}

#[tokio::test]
async fn file_in_place_of_the_directory_is_left_alone() {
    let directory = tempfile::tempdir().expect("directory");
    let file = directory.path().join("file");
    fs::write(&file, "precious").expect("file");
    assert_left_alone(&file, "is not used").await;
    assert_left_alone(&file.join("below"), "is not used").await;
    assert_eq!(fs::read_to_string(file).expect("file"), "precious");
}

#[cfg(unix)]
#[tokio::test]
async fn what_others_could_have_written_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let (directory, file) = filled().await;
    for (path, mode, usual) in [
        (directory.path(), 0o777, 0o700),
        (directory.path(), 0o1777, 0o700),
        (file.as_path(), 0o666, 0o600),
    ] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
        assert_left_alone(directory.path(), "others may write to it").await;
        fs::set_permissions(path, fs::Permissions::from_mode(usual)).expect("a mode");
    }
    // A directory that the user names may be shared with a group.
    for path in [directory.path(), &file] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o770)).expect("a mode");
    }
    assert_eq!(found(&at(directory.path()), 0..300).await, 300);
    let mut own = Database::new(file, Sharing::Nobody, Warnings::default());
    assert_eq!(own.read(&[key(1)]), [None]);
    assert!(own.is_over());
}

#[tokio::test]
async fn file_with_other_tables_views_or_triggers_is_left_alone() {
    for change in [
        "ALTER TABLE entry RENAME TO other;
         CREATE VIEW entry AS WITH RECURSIVE endless (n) AS
            (SELECT 1 UNION ALL SELECT n + 1 FROM endless)
            SELECT n AS id, x'00' AS hash, 1 AS kind, 1 AS used, 1 AS stored, x'00' AS value
            FROM endless",
        "CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM entry; END",
        "CREATE VIEW other AS SELECT 1",
        "DROP INDEX entry_used",
        "DROP INDEX entry_used; CREATE INDEX entry_used ON entry (used) WHERE used > 0",
        "ALTER TABLE entry ADD COLUMN more",
        "DROP TABLE entry",
    ] {
        let (directory, file) = filled().await;
        let connection = Connection::open(&file).expect("file");
        connection.execute_batch(change).expect(change);
        connection
            .pragma_update(None, "wal_checkpoint", "TRUNCATE")
            .expect("checkpoint");
        drop(connection);
        assert_left_alone(directory.path(), "its tables are not those of this program").await;
    }
}

#[tokio::test]
async fn file_locked_by_another_process_causes_misses() {
    let (directory, file) = filled().await;
    let other = Connection::open(&file).expect("file");
    other
        .execute_batch("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; DELETE FROM entry")
        .expect("lock");
    let cache = at(directory.path());
    let _ = found(&cache, 0..3).await;
    fill(&cache, 300..303).await;
    let warnings = cache.warnings();
    assert!(warnings.len() <= 1, "{warnings:?}");
    drop(other);
    let later = at(directory.path());
    assert_eq!(found(&later, 0..300).await, 300);
    assert_eq!(later.warnings(), [""; 0]);
}

/// Creates a store with a small limit and its own clock.
fn small(file: &Path, clock: fn() -> i64) -> Database {
    let mut database = Database::new(file.to_owned(), Sharing::Nobody, Warnings::default());
    database.limit = 1 << 20;
    database.clock = clock;
    database
}

#[test]
fn file_stays_within_its_limit_and_keeps_used_entries() {
    let day = |day: i64| day * 24 * 60 * 60;
    let directory = tempfile::tempdir().expect("directory");
    let file = directory.path().join(FILE_NAME);
    let batch = |numbers: std::ops::Range<usize>| -> Batch {
        numbers.map(|n| (key(n), vec![n as u8; 1000])).collect()
    };
    let kept = |database: &mut Database, numbers: std::ops::Range<usize>| {
        let keys: Vec<CacheKey> = numbers.map(key).collect();
        database.read(&keys).iter().flatten().count()
    };
    let clocks: [fn() -> i64; 4] = [|| 100, || 90_000, || 180_000, || 270_000];
    assert_eq!(clocks.map(|clock| clock() / day(1)), [0, 1, 2, 3]);

    let mut first = small(&file, clocks[0]);
    first.write(batch(0..400));
    assert_eq!(kept(&mut first, 0..400), 400);
    // The next day the first hundred are used, and others are added.
    let mut second = small(&file, clocks[1]);
    assert_eq!(kept(&mut second, 0..100), 100);
    second.write(batch(400..500));
    for start in (500..1500).step_by(100) {
        let mut third = small(&file, clocks[2]);
        third.write(batch(start..start + 100));
        // The limit plus one batch.
        let length = file.metadata().expect("file").len();
        assert!(length <= (1 << 20) + 150_000, "{length}");
    }
    let mut last = small(&file, clocks[3]);
    assert_eq!(kept(&mut last, 100..400), 0, "least recently used");
    assert_eq!(kept(&mut last, 1400..1500), 100, "just written");
    assert!(kept(&mut last, 500..1500) >= 600);

    // Entries used today survive entries that were written after them.
    let survivors = kept(&mut last, 1100..1200);
    assert_eq!(survivors, 100);
    last.flush();
    let mut more = small(&file, clocks[3]);
    more.write(batch(2000..2200));
    assert_eq!(kept(&mut more, 1100..1200), 100);
}

#[test]
fn value_larger_than_an_eighth_of_the_limit_is_not_stored() {
    let directory = tempfile::tempdir().expect("directory");
    let mut database = small(&directory.path().join(FILE_NAME), || 0);
    let largest = (1 << 20) / 8;
    database.write(Batch::from([
        (key(1), vec![1; largest]),
        (key(2), vec![2; largest + 1]),
    ]));
    let lengths: Vec<Option<usize>> = database
        .read(&[key(1), key(2)])
        .iter()
        .map(|value| value.as_ref().map(Vec::len))
        .collect();
    assert_eq!(lengths, [Some(largest), None]);
}

fn keys_with_a_secret(cache: &Cache) -> [Option<String>; 2] {
    [EntryKind::Places, EntryKind::Image].map(|kind| {
        let key = cache.secret_key(kind, &[b"hunter2"]);
        key.map(|key| key.hex())
    })
}

#[test]
fn key_with_a_secret_cannot_be_computed_without_it() {
    let directories = [(); 2].map(|()| tempfile::tempdir().expect("directory"));
    let [one, again] = [(); 2].map(|()| keys_with_a_secret(&at(directories[0].path())));
    assert_eq!(one, again);
    let other = keys_with_a_secret(&at(directories[1].path()));
    let plain = CacheKey::new(EntryKind::Places, &[b"hunter2"]).hex();
    let mut all: Vec<_> = one.iter().chain(&other).flatten().collect();
    all.push(&plain);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 5, "{all:?}");
    assert_eq!(keys_with_a_secret(&Cache::off()), [None, None]);
}
