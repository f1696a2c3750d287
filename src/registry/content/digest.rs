//! Computes and verifies digests.

use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::image::Digest;

/// Returns the sha256 digest of these bytes.
pub(crate) fn sha256(bytes: &[u8]) -> Option<Digest> {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
        .parse()
        .ok()
}

/// Whether a digest matches these bytes.
pub(crate) fn matches(digest: &Digest, bytes: &[u8]) -> bool {
    let (algorithm, expected) = digest.as_str().split_once(':').unwrap_or_default();
    let found = match algorithm {
        "sha256" => hex(&Sha256::digest(bytes)),
        "sha384" => hex(&Sha384::digest(bytes)),
        "sha512" => hex(&Sha512::digest(bytes)),
        _ => return false,
    };
    found == expected
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_all_algorithms_match_only_their_own_bytes() {
        let known = [
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "sha384:38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
            "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
        ];
        for text in known {
            let digest: Digest = text.parse().expect(text);
            assert!(matches(&digest, b""), "{text}");
            assert!(!matches(&digest, b"x"), "{text}");
        }
        assert_eq!(sha256(b"").as_ref().map(Digest::as_str), Some(known[0]));
    }
}
