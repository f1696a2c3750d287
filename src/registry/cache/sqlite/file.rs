//! The file on disk: made for the user alone, told apart from other files, and
//! set aside when it is damaged.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The name of the file in its directory.
pub(crate) const FILE_NAME: &str = "metadata.db";

/// What stands beside the file while it is in use.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// How many damaged files are kept for a look at them.
const KEPT_ASIDE: usize = 3;

/// How long to wait for another process that sets the file aside.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// Which file stood at a path, so that another one is told from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileIdentity(Option<(u64, u64)>);

/// The path with this at the end of its last part.
pub(crate) fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// The size of the file and what stands beside it.
pub(crate) fn size(file: &Path) -> u64 {
    let length = |path: &Path| path.metadata().map_or(0, |found| found.len());
    let companions = COMPANIONS.map(|end| length(&beside(file, end)));
    length(file) + companions.iter().sum::<u64>()
}

/// Whether there is a file. An error where there is something else.
pub(crate) fn exists(file: &Path) -> io::Result<bool> {
    match file.symlink_metadata() {
        Ok(found) if found.is_file() => Ok(true),
        Ok(_) => Err(io::Error::other("it is no regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes the file, empty and for the user alone, and its directory.
pub(crate) fn create(file: &Path) -> io::Result<()> {
    if let Some(directory) = file.parent() {
        private_directory().create(directory)?;
    }
    match private_file().create_new(true).open(file) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn private_directory() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Which file stands there now.
pub(crate) fn identity(file: &Path) -> FileIdentity {
    FileIdentity(file.metadata().ok().map(|found| number(&found)))
}

#[cfg(unix)]
fn number(found: &std::fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (found.dev(), found.ino())
}

#[cfg(not(unix))]
fn number(found: &std::fs::Metadata) -> (u64, u64) {
    let created = found.created().ok();
    let since = created.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or((0, 0), |age| (age.as_secs(), u64::from(age.subsec_nanos())))
}

/// Gives the damaged file another name, and says which. `None` where another
/// process did so first and another file stands there already.
pub(crate) fn set_aside(file: &Path, damaged: &FileIdentity) -> io::Result<Option<PathBuf>> {
    let _alone = lock(&beside(file, ".lock"))?;
    if identity(file) != *damaged {
        return Ok(None);
    }
    let names = names_aside(file);
    let free = names.iter().find(|name| !name.exists());
    let Some(target) = free.or(names.last()) else {
        return Ok(None);
    };
    // The log first: beside a new file it would be taken for its own.
    for end in COMPANIONS {
        match std::fs::rename(beside(file, end), beside(target, end)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    std::fs::rename(file, target)?;
    Ok(Some(target.clone()))
}

/// The names of damaged files, in the order in which they are given.
fn names_aside(file: &Path) -> Vec<PathBuf> {
    let numbers = 1..=KEPT_ASIDE;
    numbers
        .map(|n| beside(file, &format!(".corrupt-{n}")))
        .collect()
}

/// Removes the damaged files; whether there were any.
pub(crate) fn remove_aside(file: &Path) -> io::Result<bool> {
    let mut any = false;
    for name in names_aside(file) {
        for end in ["", "-wal", "-shm"] {
            match std::fs::remove_file(beside(&name, end)) {
                Ok(()) => any = true,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(any)
}

/// A lock that ends with the process that holds it.
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
                return Err(io::Error::other("another process is at it"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}
