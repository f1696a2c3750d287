//! Replaces a file's text atomically.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::journal::Journal;
use super::lock::lock;
use crate::files::error::RewriteError;

/// What a write shares with other runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct RewriteTurn<'a> {
    /// The folder of the locks on files; `None`: there are none.
    pub locks: Option<&'a Path>,
    /// The [`Journal`] of the run.
    pub journal: Option<&'a Path>,
}

/// Replaces a file's text. `old` is the text that was read before.
///
/// The new text is written to a temporary file in the same folder, which is then renamed.
/// So a concurrent reader, or a reader after a crash, finds either the old or the new
/// text. The mode and the extended attributes are kept, and so are the owner and the group
/// if the user may set them. A link is kept, and the file that it points to is replaced. A
/// file with hard links is overwritten in place, so that it keeps its other names.
///
/// # Errors
///
/// The file or its folder may not be written, or the text is no longer `old`. Then nothing
/// is changed, and no temporary file is left.
pub fn rewrite(path: &Path, old: &str, new: &str) -> Result<(), RewriteError> {
    rewrite_in_turn(path, old, new, RewriteTurn::default())
}

/// Like [`rewrite`], and other runs that name the same folder for locks wait meanwhile, so
/// that none of them overwrites what another has just written. Where there is no lock, the
/// file is read again afterwards.
///
/// # Errors
///
/// As for [`rewrite`].
pub fn rewrite_in_turn(
    path: &Path,
    old: &str,
    new: &str,
    turn: RewriteTurn<'_>,
) -> Result<(), RewriteError> {
    let file = || path.display().to_string();
    let unwritable = |source| RewriteError::Unwritable {
        file: file(),
        source,
    };
    let target = fs::canonicalize(path).map_err(unwritable)?;
    // A rename would also replace a write-protected file, which no user expects.
    let metadata = may_write(&target).map_err(unwritable)?;
    let folder = target.parent().unwrap_or(Path::new("."));
    let in_folder = |source| RewriteError::FolderUnwritable {
        file: file(),
        folder: folder.display().to_string(),
        source,
    };
    let mut temporary = create_temporary(&target, folder).map_err(in_folder)?;
    if let Some(journal) = turn.journal {
        Journal::note_temporary(journal, temporary.path()).map_err(unwritable)?;
    }
    let written = temporary.write_all(new.as_bytes());
    written
        .and_then(|()| copy_permissions(&metadata, temporary.as_file()))
        .map(|()| copy_attributes(&target, temporary.as_file()))
        .and_then(|()| temporary.as_file().sync_all())
        .map_err(in_folder)?;
    // Held until the end. Without a home folder that can be written, there is no lock.
    let lock = turn.locks.and_then(|folder| lock(folder, &target).ok());
    // Checked last, so that a change by others in between is unlikely.
    if fs::read(&target).map_err(unwritable)? != old.as_bytes() {
        return Err(RewriteError::Changed { file: file() });
    }
    if let Some(journal) = turn.journal {
        Journal::note_text(journal, &target, new).map_err(unwritable)?;
    }
    if has_other_names(&metadata) {
        return overwrite(&target, old, new).map_err(unwritable);
    }
    temporary
        .persist(&target)
        .map_err(|error| unwritable(error.error))?;
    sync(folder);
    let is_lost = lock.is_none() && fs::read(&target).is_ok_and(|now| now != new.as_bytes());
    if is_lost {
        return Err(RewriteError::Changed { file: file() });
    }
    Ok(())
}

/// Whether the file has hard links: a rename would leave the old text under its other
/// names.
#[cfg(unix)]
fn has_other_names(file: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    file.nlink() > 1
}

#[cfg(not(unix))]
fn has_other_names(_: &fs::Metadata) -> bool {
    false
}

/// Writes the new text into the file itself, which keeps all its names. If that fails, for
/// example because the disk is full, the old text is restored.
fn overwrite(file: &Path, old: &str, new: &str) -> io::Result<()> {
    write_text(file, new).inspect_err(|_| {
        let _ = write_text(file, old);
    })
}

fn write_text(file: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(file)?;
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)?;
    file.sync_all()
}

/// The file's metadata, if it may be written.
fn may_write(file: &Path) -> io::Result<fs::Metadata> {
    let metadata = fs::metadata(file)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if metadata.permissions().readonly() {
        // Root could write it nevertheless.
        return Err(io::Error::other("it is read-only"));
    }
    OpenOptions::new().write(true).open(file)?;
    Ok(metadata)
}

/// An empty temporary file whose name is not a manifest's. It is deleted when dropped.
fn create_temporary(target: &Path, folder: &Path) -> io::Result<NamedTempFile> {
    let name: PathBuf = target.file_name().map(PathBuf::from).unwrap_or_default();
    let prefix = format!(".{}.", name.display());
    tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".tmp")
        .tempfile_in(folder)
}

/// Copies the mode and the owner of the old file to the new one.
#[cfg(unix)]
fn copy_permissions(old: &fs::Metadata, new: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    let created = new.metadata()?;
    if (created.uid(), created.gid()) != (old.uid(), old.gid()) {
        // Only root can change the owner; other users can set one of their own groups.
        let _ = fchown(new, Some(old.uid()), Some(old.gid()))
            .or_else(|_| fchown(new, None, Some(old.gid())));
    }
    // Set after the owner, because changing the owner clears mode bits.
    new.set_permissions(old.permissions())
}

#[cfg(not(unix))]
fn copy_permissions(old: &fs::Metadata, new: &File) -> io::Result<()> {
    new.set_permissions(old.permissions())
}

/// Copies the extended attributes of the old file, such as ACLs and labels, as far as the
/// user may set them and the file system has them.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn copy_attributes(old: &Path, new: &File) {
    use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};

    let Ok(old) = File::open(old) else { return };
    let mut names = vec![0; MAX_ATTRIBUTE_BYTES];
    let Ok(length) = flistxattr(&old, names.as_mut_slice()) else {
        return;
    };
    let mut value = vec![0; MAX_ATTRIBUTE_BYTES];
    for name in names[..length].split(|byte| *byte == 0) {
        if name.is_empty() {
            continue;
        }
        if let Ok(length) = fgetxattr(&old, name, value.as_mut_slice()) {
            let _ = fsetxattr(new, name, &value[..length], XattrFlags::empty());
        }
    }
}

/// The largest list of attributes, and the largest attribute, that Linux has.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
const MAX_ATTRIBUTE_BYTES: usize = 64 << 10;

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn copy_attributes(_: &Path, _: &File) {}

/// Makes the rename survive a crash, if the system can sync folders.
fn sync(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}
