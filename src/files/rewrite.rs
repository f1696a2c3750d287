//! A file's text replaced by another, all of it or nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::error::RewriteError;

/// Replaces a file's text, which was `old` when it was read.
///
/// The new text is written to a file beside it, which then takes its name: who
/// reads in between, or after a crash, finds the old text or the new one. Mode
/// and, where the user may set them, owner and group stay. A link stays too; the
/// file that it leads to is replaced.
///
/// # Errors
///
/// The file or its folder may not be written, or its text is not `old` any more.
/// Nothing is changed then, and nothing is left behind.
pub fn rewrite(path: &Path, old: &str, new: &str) -> Result<(), RewriteError> {
    let file = || path.display().to_string();
    let unwritable = |source| RewriteError::Unwritable {
        file: file(),
        source,
    };
    let target = fs::canonicalize(path).map_err(unwritable)?;
    // The name could be taken from a file that may not be written; the user who
    // forbade it would be surprised.
    let metadata = may_write(&target).map_err(unwritable)?;
    let folder = target.parent().unwrap_or(Path::new("."));
    let in_folder = |source| RewriteError::FolderUnwritable {
        file: file(),
        folder: folder.display().to_string(),
        source,
    };
    let mut beside = create_beside(&target, folder).map_err(in_folder)?;
    let written = beside.write_all(new.as_bytes());
    written
        .and_then(|()| take_over(&metadata, beside.as_file()))
        .and_then(|()| beside.as_file().sync_all())
        .map_err(in_folder)?;
    // Late, so that hardly anybody can write in between.
    if fs::read(&target).map_err(unwritable)? != old.as_bytes() {
        return Err(RewriteError::Changed { file: file() });
    }
    beside
        .persist(&target)
        .map_err(|error| unwritable(error.error))?;
    sync(folder);
    Ok(())
}

/// The file's metadata, if it may be written.
fn may_write(file: &Path) -> io::Result<fs::Metadata> {
    let metadata = fs::metadata(file)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if metadata.permissions().readonly() {
        // Root may write it all the same.
        return Err(io::Error::other("it is read-only"));
    }
    OpenOptions::new().write(true).open(file)?;
    Ok(metadata)
}

/// An empty file whose name is not taken for a manifest's; dropped, it goes.
fn create_beside(target: &Path, folder: &Path) -> io::Result<NamedTempFile> {
    let name: PathBuf = target.file_name().map(PathBuf::from).unwrap_or_default();
    let prefix = format!(".{}.", name.display());
    tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".tmp")
        .tempfile_in(folder)
}

/// Gives the new file the mode and the owner of the old one.
#[cfg(unix)]
fn take_over(old: &fs::Metadata, new: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    let created = new.metadata()?;
    if (created.uid(), created.gid()) != (old.uid(), old.gid()) {
        // Only root gives files away; a group of one's own can be kept.
        let _ = fchown(new, Some(old.uid()), Some(old.gid()))
            .or_else(|_| fchown(new, None, Some(old.gid())));
    }
    // After the owner, since a change of owner takes mode bits away.
    new.set_permissions(old.permissions())
}

#[cfg(not(unix))]
fn take_over(old: &fs::Metadata, new: &File) -> io::Result<()> {
    new.set_permissions(old.permissions())
}

/// Makes the new name last through a crash, where folders can be synced.
fn sync(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}
