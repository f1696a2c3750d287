//! The secret with which the identity of an entry's owner is hashed.
//!
//! A cache may be read by others: a file in a shared directory, a backup, a server.
//! Without the secret, a hash of a weak password would be enough to guess it, and
//! somebody who knows a password could look up what was read with it.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::owner;

/// The name of the file next to the cache file.
const FILE_NAME: &str = "metadata.key";

/// The length of a generated secret in bytes.
const LENGTH: usize = 32;

/// The fewest and the most bytes that a file given by the user may have.
const GIVEN_LENGTH: std::ops::RangeInclusive<usize> = 16..=4096;

/// Where the secret is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// In a file in the directory of the cache. It is created if it does not exist.
    Beside(PathBuf),
    /// In a file that the user has given.
    Given(PathBuf),
}

/// The secret.
pub(crate) struct IdentityKey([u8; LENGTH]);

/// Why there is no secret. The text follows the name of the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoKey {
    /// It does not have the right size.
    #[error("it does not contain a key of {0}")]
    Length(&'static str),
    /// Others may have read or written it.
    #[error("{0}")]
    Owner(owner::Distrust),
    /// An error of the operating system.
    #[error("{0}")]
    System(#[from] io::Error),
    /// There are no random numbers.
    #[error("the system has no random numbers")]
    Random,
}

impl IdentityKey {
    /// Reads the secret, and creates its file if it is missing and belongs to the
    /// cache.
    ///
    /// # Errors
    /// The file cannot be read or created, or others may know the secret.
    pub(crate) fn load(source: &KeySource) -> Result<Self, NoKey> {
        match source {
            KeySource::Given(path) => {
                let bytes = read(path, *GIVEN_LENGTH.end())?;
                if !GIVEN_LENGTH.contains(&bytes.len()) {
                    return Err(NoKey::Length("16 to 4,096 bytes"));
                }
                Ok(Self(Sha256::digest(bytes).into()))
            }
            KeySource::Beside(directory) => {
                let path = directory.join(FILE_NAME);
                let bytes = match read(&path, LENGTH) {
                    Err(NoKey::System(error)) if error.kind() == io::ErrorKind::NotFound => {
                        create(directory, &path)?;
                        read(&path, LENGTH)?
                    }
                    result => result?,
                };
                let key = bytes.try_into().map_err(|_| NoKey::Length("32 bytes"))?;
                Ok(Self(key))
            }
        }
    }

    /// The name under which the entries of an identity are stored.
    pub(crate) fn owner(&self, identity: &[u8; 32]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(identity);
        hash.finalize().into()
    }
}

impl KeySource {
    /// The file with the secret.
    pub(crate) fn path(&self) -> PathBuf {
        match self {
            Self::Beside(directory) => directory.join(FILE_NAME),
            Self::Given(path) => path.clone(),
        }
    }
}

/// Reads a file that nobody else may read, and one byte more than it may have.
fn read(path: &Path, most: usize) -> Result<Vec<u8>, NoKey> {
    owner::check_secret(path)?.map_err(NoKey::Owner)?;
    let mut bytes = Vec::new();
    let limit = most as u64 + 1;
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Creates the file with a new secret, accessible only by the user. Another process may
/// do the same; the first one wins.
fn create(directory: &Path, path: &Path) -> Result<(), NoKey> {
    let mut key = [0; LENGTH];
    let provider = rustls::crypto::ring::default_provider();
    provider
        .secure_random
        .fill(&mut key)
        .map_err(|_| NoKey::Random)?;
    owner::create_private_directory(directory)?;
    // The file appears complete, and with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(&key)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if fs::exists(path).unwrap_or(false) => {
            tracing::debug!(error = %error.error, "another process created the key");
            Ok(())
        }
        Err(error) => Err(error.error.into()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn owner_of(source: &KeySource) -> [u8; 32] {
        let key = IdentityKey::load(source);
        key.unwrap_or_else(|error| panic!("{error}"))
            .owner(&[7; 32])
    }

    #[test]
    fn key_is_created_once_for_the_user_only_and_depends_on_the_directory() {
        let home = tempfile::tempdir().expect("a folder");
        let [a, b] = ["a", "b"].map(|name| KeySource::Beside(home.path().join(name)));
        let first = owner_of(&a);
        assert_eq!(owner_of(&a), first);
        assert_ne!(owner_of(&b), first);
        let mode = a.path().metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn key_that_others_can_read_or_that_is_damaged_is_not_used() {
        let home = tempfile::tempdir().expect("a folder");
        let source = KeySource::Beside(home.path().to_owned());
        owner_of(&source);
        let path = source.path();
        for mode in [0o640, 0o604, 0o620] {
            let permissions = fs::Permissions::from_mode(mode);
            fs::set_permissions(&path, permissions).expect("permissions");
            let refused = IdentityKey::load(&source);
            assert!(matches!(refused, Err(NoKey::Owner(_))), "{mode:o}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
        for length in [0, 31, 33] {
            fs::write(&path, vec![1; length]).expect("a file");
            let refused = IdentityKey::load(&source);
            assert!(matches!(refused, Err(NoKey::Length(_))), "{length}");
        }
    }

    #[test]
    fn given_key_is_the_same_on_every_machine() {
        let home = tempfile::tempdir().expect("a folder");
        let [a, b] = ["a", "b"].map(|name| home.path().join(name));
        for path in [&a, &b] {
            fs::write(path, "a shared secret of the team").expect("a file");
            fs::set_permissions(path, fs::Permissions::from_mode(0o400)).expect("permissions");
        }
        let [a, b] = [a, b].map(KeySource::Given);
        assert_eq!(owner_of(&a), owner_of(&b));
        let missing = KeySource::Given(home.path().join("none"));
        assert!(matches!(IdentityKey::load(&missing), Err(NoKey::System(_))));
        fs::write(home.path().join("short"), "short").expect("a file");
        let path = home.path().join("short");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
        let short = KeySource::Given(path);
        assert!(matches!(IdentityKey::load(&short), Err(NoKey::Length(_))));
    }
}
