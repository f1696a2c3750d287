//! Who could have written a file: what others can write is not believed, as in ssh and
//! git.

use std::fs::{DirBuilder, Metadata};
use std::io;
use std::path::Path;

/// Why a file or a directory is not trusted. The text follows its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Distrust {
    /// It belongs to somebody else.
    #[error("it belongs to another user")]
    Owner,
    /// Everybody, or everybody in its group, may write to it.
    #[error("others may write to it (mode {0:o}); remove that permission")]
    Writable(u32),
    /// Others may read a secret.
    #[error("others may read it (mode {0:o}); chmod 600 it")]
    Readable(u32),
}

/// Who may write to a cache besides its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Nobody.
    Nobody,
    /// The group, because the user has named the directory.
    Group,
}

/// Checks a file or a directory that others must not be able to write. A missing one
/// is trusted.
///
/// # Errors
/// It cannot be inspected.
pub(crate) fn check(path: &Path, sharing: Sharing) -> io::Result<Result<(), Distrust>> {
    let writable = match sharing {
        Sharing::Nobody => 0o022,
        Sharing::Group => 0o002,
    };
    match path.metadata() {
        Ok(found) => Ok(check_found(&found, writable, Distrust::Writable)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Ok(())),
        Err(error) => Err(error),
    }
}

/// Checks a file that nobody else may read or write.
///
/// # Errors
/// It does not exist, or cannot be inspected.
pub(crate) fn check_secret(path: &Path) -> io::Result<Result<(), Distrust>> {
    let found = path.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok(check_found(&found, 0o077, Distrust::Readable))
}

#[cfg(unix)]
fn check_found(
    found: &Metadata,
    forbidden: u32,
    distrust: fn(u32) -> Distrust,
) -> Result<(), Distrust> {
    use std::os::unix::fs::MetadataExt as _;
    let us = rustix::process::geteuid().as_raw();
    check_mode(found.uid(), found.mode() & 0o7777, us, forbidden, distrust)
}

/// A file of root's may be readable for a group: so Kubernetes gives a Secret to the Pod that it
/// is for.
#[cfg(unix)]
fn check_mode(
    owner: u32,
    mode: u32,
    us: u32,
    forbidden: u32,
    distrust: fn(u32) -> Distrust,
) -> Result<(), Distrust> {
    if owner != us && owner != 0 {
        return Err(Distrust::Owner);
    }
    let is_given_by_root = owner == 0 && us != 0;
    let allowed = if is_given_by_root { 0o040 } else { 0 };
    if mode & forbidden & !allowed != 0 {
        return Err(distrust(mode));
    }
    Ok(())
}

/// On other systems, the user's directories have access lists that the user controls.
#[cfg(not(unix))]
fn check_found(_: &Metadata, _: u32, _: fn(u32) -> Distrust) -> Result<(), Distrust> {
    Ok(())
}

/// Creates a directory that only the user can access, if it does not exist.
pub(crate) fn create_private_directory(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_others_can_write_is_not_trusted() {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("x");
        assert_eq!(check(&path, Sharing::Nobody).expect("checked"), Ok(()));
        fs::write(&path, "").expect("a file");
        for (mode, nobody, group) in [
            (0o600, true, true),
            (0o644, true, true),
            (0o755, true, true),
            (0o660, false, true),
            (0o775, false, true),
            (0o606, false, false),
            (0o777, false, false),
            (0o1777, false, false),
        ] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("permissions");
            let trusted = |sharing| check(&path, sharing).expect("checked").is_ok();
            let trusted = (trusted(Sharing::Nobody), trusted(Sharing::Group));
            assert_eq!(trusted, (nobody, group), "{mode:o}");
        }
    }

    #[test]
    fn secret_that_root_gives_to_a_group_is_trusted() {
        for (owner, mode, trusted) in [
            (0, 0o400, true),
            (0, 0o440, true),
            (0, 0o460, false),
            (0, 0o444, false),
            (7, 0o400, true),
            (7, 0o440, false),
            (8, 0o400, false),
        ] {
            let found = check_mode(owner, mode, 7, 0o077, Distrust::Readable);
            assert_eq!(found.is_ok(), trusted, "{owner} {mode:o}");
        }
        let found = check_mode(0, 0o440, 0, 0o077, Distrust::Readable);
        assert_eq!(found, Err(Distrust::Readable(0o440)));
    }

    #[test]
    fn file_of_another_user_is_not_trusted() {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("x");
        fs::write(&path, "").expect("a file");
        let us = rustix::process::geteuid().as_raw();
        let of_root = check(Path::new("/"), Sharing::Nobody).expect("checked");
        assert_ne!(of_root, Err(Distrust::Owner), "root is trusted");
        // Only root can give a file away.
        if us == 0 {
            std::os::unix::fs::chown(&path, Some(12345), None).expect("root may do this");
            let found = check(&path, Sharing::Group).expect("checked");
            assert_eq!(found, Err(Distrust::Owner));
        }
    }
}
