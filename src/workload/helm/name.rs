//! The name of the container for an image in the values of a release.
//!
//! It is the path of the image, joined with dots. Annotation keys must contain it, so
//! characters that Kubernetes does not allow there become `-`, a name that is too long
//! is cut, and a hash of the path is appended in both cases.

use sha2::{Digest as _, Sha256};

/// The container name of the image at the top level of the values.
const CHART_IMAGE: &str = "chart-image";

/// The longest name for which every annotation about a container has a legal key: 63
/// bytes without `filter-tags.`, the longest word before it.
const MAX_NAME_BYTES: usize = 63 - "filter-tags.".len();

/// How many bytes of the hash are appended, as two hexadecimal digits each.
const HASH_BYTES: usize = 4;

/// The name for the image at a path, without a trailing `image`.
pub(crate) fn container_name(path: &[String]) -> String {
    if path.is_empty() {
        return CHART_IMAGE.to_owned();
    }
    let joined = path.join(".");
    let is_legal = joined.len() <= MAX_NAME_BYTES
        && joined.bytes().all(is_legal)
        && joined.ends_with(|end: char| end.is_ascii_alphanumeric());
    if is_legal { joined } else { hashed_name(path) }
}

/// The name for an image whose own name is not legal, or is another image's.
pub(crate) fn hashed_name(path: &[String]) -> String {
    let name: String = path
        .join(".")
        .chars()
        .map(|letter| match u8::try_from(letter) {
            Ok(byte) if is_legal(byte) => letter,
            _ => '-',
        })
        .collect();
    with_hash(&name, &path.join("\0"), MAX_NAME_BYTES)
}

fn is_legal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// A name of ASCII characters, cut if it is too long, with a hash of the whole text
/// appended.
pub(crate) fn with_hash(name: &str, whole: &str, max_bytes: usize) -> String {
    let hash = Sha256::digest(whole.as_bytes());
    let hash: String = hash
        .iter()
        .take(HASH_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let room = max_bytes - hash.len() - 1;
    format!("{}-{hash}", name.get(..room).unwrap_or(name))
}
