//! The cache file on disk: created for the user only, identified, and set aside if
//! it is damaged.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::owner::{self, Distrust, Sharing, create_private_directory};

/// The name of the file in its directory.
pub(crate) const FILE_NAME: &str = "metadata.db";

/// The suffixes of the files next to it while it is in use.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// How many damaged files are kept for inspection.
const KEPT_ASIDE: usize = 3;

/// How long to wait while another process sets the file aside.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// Identifies the file at a path, to detect that another file has replaced it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileIdentity(Option<(u64, u64)>);

/// Returns the path with a suffix appended to its file name.
pub(crate) fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Returns the size of the file and its companions in bytes.
pub(crate) fn size(file: &Path) -> u64 {
    let companions = COMPANIONS.map(|suffix| length(&with_suffix(file, suffix)));
    length(file) + companions.iter().sum::<u64>()
}

fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |found| found.len())
}

/// Whether the file exists. Returns an error if the path is not a regular file.
pub(crate) fn exists(file: &Path) -> io::Result<bool> {
    match file.symlink_metadata() {
        Ok(found) if found.is_file() => Ok(true),
        Ok(_) => Err(io::Error::other("it is not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Checks that nobody else could have written the file, the files next to it or their
/// directory.
///
/// # Errors
/// They cannot be inspected.
pub(crate) fn check_owner(file: &Path, sharing: Sharing) -> io::Result<Result<(), Distrust>> {
    let companions = COMPANIONS.map(|suffix| with_suffix(file, suffix));
    let directory = file
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    for path in [directory, file]
        .into_iter()
        .chain(companions.iter().map(PathBuf::as_path))
    {
        if let Err(distrust) = owner::check(path, sharing)? {
            return Ok(Err(distrust));
        }
    }
    Ok(Ok(()))
}

/// Creates the file and its directory, accessible only by the user. The file is
/// empty.
pub(crate) fn create(file: &Path) -> io::Result<()> {
    if let Some(directory) = file.parent() {
        create_private_directory(directory)?;
    }
    match private_file().create_new(true).open(file) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Returns the identity of the file that is there now.
pub(crate) fn identity(file: &Path) -> FileIdentity {
    FileIdentity(file.metadata().ok().map(|found| file_number(&found)))
}

#[cfg(unix)]
fn file_number(found: &std::fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (found.dev(), found.ino())
}

#[cfg(not(unix))]
fn file_number(found: &std::fs::Metadata) -> (u64, u64) {
    let created = found.created().ok();
    let since = created.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or((0, 0), |age| (age.as_secs(), u64::from(age.subsec_nanos())))
}

/// Renames the damaged file and returns its new path. `None` if another process
/// has already done so and a new file is there.
pub(crate) fn set_aside(file: &Path, damaged: &FileIdentity) -> io::Result<Option<PathBuf>> {
    let _lock = lock(&with_suffix(file, ".lock"))?;
    if identity(file) != *damaged {
        return Ok(None);
    }
    let names = names_aside(file);
    let free = names.iter().find(|name| !name.exists());
    let Some(target) = free.or(names.last()) else {
        return Ok(None);
    };
    // Rename the log first: SQLite would apply it to a new file with this name.
    for suffix in COMPANIONS {
        match std::fs::rename(with_suffix(file, suffix), with_suffix(target, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    std::fs::rename(file, target)?;
    Ok(Some(target.clone()))
}

/// Returns the names for damaged files, in the order in which they are used.
fn names_aside(file: &Path) -> Vec<PathBuf> {
    let numbers = 1..=KEPT_ASIDE;
    numbers
        .map(|n| with_suffix(file, &format!(".corrupt-{n}")))
        .collect()
}

/// Removes the damaged files. Returns whether there were any.
pub(crate) fn remove_aside(file: &Path) -> io::Result<bool> {
    let mut any = false;
    for name in names_aside(file) {
        for suffix in ["", "-wal", "-shm"] {
            match std::fs::remove_file(with_suffix(&name, suffix)) {
                Ok(()) => any = true,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(any)
}

/// Takes a lock, which is released at the latest when the process ends.
fn lock(path: &Path) -> io::Result<File> {
    let lock = private_file().create(true).truncate(false).open(path)?;
    let since = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if since.elapsed() < LOCK_TIMEOUT => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::other("another process is replacing it"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}
