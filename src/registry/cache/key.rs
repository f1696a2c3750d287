//! The keys of entries.

use std::fmt;

use sha2::{Digest, Sha256};

/// The format of keys and values. Entries of another format are never found
/// because their keys differ.
pub(crate) const FORMAT: &str = "imgpolicy:3";

/// The kind of an entry. `cache info` counts entries by kind, and a shared store
/// chooses the expiry time by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// The tag list of a repository.
    TagList,
    /// The digest that a tag pointed to at some time.
    Tag,
    /// Content addressed by a digest, which never changes.
    Image,
    /// The places of the images of a kustomization that the kustomize program builds.
    Places,
}

impl EntryKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::TagList, Self::Tag, Self::Image, Self::Places];

    /// The name used in structured output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TagList => "tag-list",
            Self::Tag => "tag",
            Self::Image => "image",
            Self::Places => "places",
        }
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The key of an entry: a hash, so that it does not reveal what was looked up.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CacheKey {
    kind: EntryKind,
    hash: [u8; 32],
}

impl CacheKey {
    /// Creates a key from several parts. Their order and their boundaries are part
    /// of the key.
    pub(crate) fn new(kind: EntryKind, parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in [FORMAT.as_bytes(), kind.as_str().as_bytes()]
            .iter()
            .chain(parts)
        {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self {
            kind,
            hash: hash.finalize().into(),
        }
    }

    pub(crate) fn kind(&self) -> EntryKind {
        self.kind
    }

    pub(crate) fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The hash in hexadecimal digits.
    pub(crate) fn hex(&self) -> String {
        self.hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, &self.hex()[..8])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_boundaries_of_parts_change_the_key() {
        let keys = [
            CacheKey::new(EntryKind::Tag, &[b"ab", b"c"]),
            CacheKey::new(EntryKind::Tag, &[b"a", b"bc"]),
            CacheKey::new(EntryKind::Tag, &[b"abc"]),
            CacheKey::new(EntryKind::Tag, &[b"abc", b""]),
            CacheKey::new(EntryKind::TagList, &[b"abc"]),
            CacheKey::new(EntryKind::Tag, &[b"c", b"ab"]),
        ];
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(key), "{index}");
        }
        assert_eq!(keys[0], CacheKey::new(EntryKind::Tag, &[b"ab", b"c"]));
    }

    #[test]
    fn key_format_is_stable() {
        // If this value changes, every existing cache is cold.
        let key = CacheKey::new(EntryKind::Image, &[b"sha256:1"]);
        assert_eq!(
            key.hex(),
            "60eeca9f6bb8118121bf744412468aa596eb7c904b47af7dd8d7ae21f4aab669"
        );
        assert_eq!(format!("{key:?}"), "image:60eeca9f");
    }
}
