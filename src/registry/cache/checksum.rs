//! Stored values start with a checksum that binds them to their key. A value that
//! was truncated, changed, or stored under another key is rejected, even if other
//! programs write to the store.

use sha2::{Digest, Sha256};

use super::key::{CacheKey, FORMAT};

/// The length of the checksum in bytes: half a SHA-256. It protects against
/// accidents, not against a malicious store, which can compute it as well.
pub(crate) const OVERHEAD: usize = 16;

fn checksum(key: &CacheKey, value: &[u8]) -> [u8; OVERHEAD] {
    let mut hash = Sha256::new();
    hash.update(FORMAT);
    hash.update(key.hash());
    hash.update(value);
    let mut checksum = [0; OVERHEAD];
    checksum.copy_from_slice(&hash.finalize()[..OVERHEAD]);
    checksum
}

/// Returns the stored form of a value: the checksum, then the value.
pub(crate) fn seal(key: &CacheKey, value: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(OVERHEAD + value.len());
    sealed.extend_from_slice(&checksum(key, value));
    sealed.extend_from_slice(value);
    sealed
}

/// Returns the value of its stored form, or `None` if the checksum does not match.
pub(crate) fn unseal(key: &CacheKey, mut sealed: Vec<u8>) -> Option<Vec<u8>> {
    let (stored, value) = sealed.split_at_checked(OVERHEAD)?;
    if stored != checksum(key, value) {
        return None;
    }
    sealed.drain(..OVERHEAD);
    Some(sealed)
}

#[cfg(test)]
mod tests {
    use super::super::key::EntryKind;
    use super::*;

    #[test]
    fn only_a_complete_value_under_its_own_key_is_accepted() {
        let key = CacheKey::new(EntryKind::Tag, &[b"a"]);
        let other = CacheKey::new(EntryKind::Tag, &[b"b"]);
        for value in [&b""[..], b"x", b"some value"] {
            let sealed = seal(&key, value);
            assert_eq!(unseal(&key, sealed.clone()).as_deref(), Some(value));
            assert_eq!(unseal(&other, sealed.clone()), None);
            for length in 0..sealed.len() {
                assert_eq!(unseal(&key, sealed[..length].to_vec()), None, "{length}");
            }
            for index in 0..sealed.len() {
                let mut changed = sealed.clone();
                changed[index] ^= 1;
                assert_eq!(unseal(&key, changed), None, "{index}");
            }
            let mut longer = sealed.clone();
            longer.push(0);
            assert_eq!(unseal(&key, longer), None);
        }
    }
}
