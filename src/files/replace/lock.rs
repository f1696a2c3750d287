//! Locks that make runs of this program take turns at a file.
//!
//! A lock is a file in the user's cache folder, never in a checkout, named by a hash of the
//! canonical path. It is never removed: another run may be waiting for it.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// Waits for the lock on a file; dropping the result gives it up. It is held only while a
/// file is compared and renamed, so the wait is short.
pub(crate) fn lock(folder: &Path, target: &Path) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let hash = Sha256::digest(target.as_os_str().as_encoded_bytes());
    let mut name = String::new();
    for byte in &hash[..16] {
        let _ = write!(name, "{byte:02x}");
    }
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(name))?;
    file.lock()?;
    Ok(file)
}
