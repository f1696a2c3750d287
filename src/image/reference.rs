//! An image reference, as written in a manifest.

use std::fmt;
use std::str::FromStr;

use super::name::{CanonicalName, ImageName};
use super::reference_error::ReferenceError;
use super::version::{Digest, Tag, TagOrDigest, serde_as_text};

/// The longest text that is parsed as a reference, in bytes. The grammar allows
/// 255 for the name, 128 for the tag and 135 for the digest.
const MAX_REFERENCE_BYTES: usize = 1024;

/// `name[:tag][@digest]` by the grammar of the distribution specification.
///
/// `Display` returns exactly the text that was parsed: the name is kept as the
/// manifest has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageReference {
    name: ImageName,
    canonical: CanonicalName,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

impl ImageReference {
    /// The repository name as written.
    #[must_use]
    pub fn name(&self) -> &ImageName {
        &self.name
    }

    /// The repository name in canonical form, for comparing.
    #[must_use]
    pub fn canonical(&self) -> &CanonicalName {
        &self.canonical
    }

    /// The tag, if one is written.
    #[must_use]
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The digest, if one is written.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What a runtime pulls for this reference: the digest if there is one, else
    /// the tag, else `latest`.
    #[must_use]
    pub fn pulled(&self) -> TagOrDigest {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => TagOrDigest::Digest(digest.clone()),
            (None, Some(tag)) => TagOrDigest::Tag(tag.clone()),
            (None, None) => TagOrDigest::Tag(latest()),
        }
    }

    /// Whether the reference has no digest, and no tag or the tag `latest`. By
    /// convention it can then refer to another image tomorrow.
    #[must_use]
    pub fn is_mutable(&self) -> bool {
        self.digest.is_none() && self.tag.as_ref().is_none_or(Tag::is_latest)
    }

    /// The same repository with another tag and no digest.
    #[must_use]
    pub fn with_tag(&self, tag: &Tag) -> Self {
        self.with(Some(tag), None)
    }

    /// The same repository, written the same way, with this tag and digest.
    #[must_use]
    pub fn with(&self, tag: Option<&Tag>, digest: Option<&Digest>) -> Self {
        Self {
            name: self.name.clone(),
            canonical: self.canonical.clone(),
            tag: tag.cloned(),
            digest: digest.cloned(),
        }
    }
}

/// The tag that is implied by a reference without a tag.
fn latest() -> Tag {
    #[expect(clippy::unwrap_used, reason = "the literal is a legal tag")]
    "latest".parse().unwrap()
}

impl FromStr for ImageReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(ReferenceError::Empty);
        }
        if text.trim() != text {
            return Err(ReferenceError::WhiteSpace);
        }
        // A valid reference never contains a bracket.
        if text.contains("ENC[") {
            return Err(ReferenceError::Encrypted);
        }
        if text.len() > MAX_REFERENCE_BYTES {
            return Err(ReferenceError::TooLong(text.len()));
        }
        let (name, version) = split_name(text);
        let canonical = CanonicalName::from_name(name)?;
        let (tag, digest) = match version.split_once('@') {
            Some((tag, digest)) => (tag, Some(digest)),
            None => (version, None),
        };
        let tag = tag.strip_prefix(':').map(Tag::from_str).transpose();
        let digest = digest.map(Digest::from_str).transpose();
        Ok(Self {
            name: ImageName(name.into()),
            canonical,
            tag: tag.map_err(|error| ReferenceError::Grammar(error.to_string()))?,
            digest: digest.map_err(|error| ReferenceError::Grammar(error.to_string()))?,
        })
    }
}

/// Splits a reference after its repository name. A colon after the last slash
/// begins the tag; one before it begins the registry's port.
fn split_name(text: &str) -> (&str, &str) {
    let named = text.split_once('@').map_or(text, |(named, _)| named);
    let path = named.rfind('/').map_or(0, |slash| slash + 1);
    let end = named[path..]
        .find(':')
        .map_or(named.len(), |colon| path + colon);
    text.split_at(end)
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

serde_as_text!(ImageReference);

impl FromStr for CanonicalName {
    type Err = ReferenceError;

    /// Parses a repository name. A tag or digest after it is dropped.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<ImageReference>()
            .map(|reference| reference.canonical().clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> ImageReference {
        text.parse().expect(text)
    }

    #[test]
    fn names_keep_their_spelling_and_have_one_canonical_form() {
        for (text, canonical) in [
            ("nginx", "docker.io/library/nginx"),
            ("nginx:1.25", "docker.io/library/nginx"),
            ("docker.io/library/nginx:1", "docker.io/library/nginx"),
            ("docker.io/nginx:1", "docker.io/library/nginx"),
            ("index.docker.io/library/nginx:1", "docker.io/library/nginx"),
            (
                "registry-1.docker.io/library/nginx:1",
                "docker.io/library/nginx",
            ),
            ("org/my-app:1.0.0", "docker.io/org/my-app"),
            ("registry:5000/app:1", "registry:5000/app"),
            ("localhost/app:1", "localhost/app"),
            ("Quay.IO/acme/app:1", "quay.io/acme/app"),
            ("[::1]:5000/app:1", "[::1]:5000/app"),
            ("a__b/c---d.e_f:1", "docker.io/a__b/c---d.e_f"),
        ] {
            let reference = parse(text);
            assert_eq!(reference.to_string(), text);
            assert_eq!(reference.canonical().to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn tag_and_digest_are_parsed() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let both = parse(&format!("registry:5000/app:1@{digest}"));
        assert_eq!(both.tag().map(Tag::as_str), Some("1"));
        assert_eq!(both.digest().map(Digest::as_str), Some(digest.as_str()));
        let only_digest = parse(&format!("app@{digest}"));
        assert_eq!(only_digest.tag(), None);
        let bare = parse("registry:5000/app");
        assert_eq!((bare.tag(), bare.digest()), (None, None));
        assert_eq!(bare.pulled().to_string(), "latest");
        assert!(bare.is_mutable() && parse("app:Latest").is_mutable() && !both.is_mutable());
    }

    #[test]
    fn invalid_reference_reports_the_reason() {
        for (text, expected) in [
            ("", ReferenceError::Empty),
            (" app:1", ReferenceError::WhiteSpace),
            ("org/App:1", ReferenceError::UpperCase),
            (
                "ENC[AES256_GCM,data:q83v,iv:AAAA,tag:AAAA,type:str]",
                ReferenceError::Encrypted,
            ),
            (
                "org/app:ENC[AES256_GCM,data:q83v,iv:AAAA,tag:AAAA,type:str]",
                ReferenceError::Encrypted,
            ),
        ] {
            assert_eq!(text.parse::<ImageReference>(), Err(expected), "{text:?}");
        }
        for text in [
            "app:",
            ":1",
            "a/_b:1",
            "a___b:1",
            "a-/b:1",
            "host-.io/b:1",
            "host.io:x/b:1",
            "host.io/",
            "app@",
            "app:1@",
            "app:a b",
            "http://app:1",
            "app@sha256:abc",
            "a//b:1",
            "$image",
            "app:\u{1b}[31m",
        ] {
            assert!(
                matches!(
                    text.parse::<ImageReference>(),
                    Err(ReferenceError::Grammar(_))
                ),
                "{text:?}"
            );
        }
        assert_eq!(
            "a".repeat(2000).parse::<ImageReference>(),
            Err(ReferenceError::TooLong(2000))
        );
    }

    #[test]
    fn changing_the_tag_keeps_the_name_as_written() {
        let tag = "2.0.0".parse().expect("tag");
        assert_eq!(
            parse("docker.io/nginx:1").with_tag(&tag).to_string(),
            "docker.io/nginx:2.0.0"
        );
    }

    proptest! {
        #[test]
        fn display_returns_the_parsed_text(
            host in proptest::option::of("[a-z]{1,8}(\\.[a-z]{2,3}|:[0-9]{2,4})"),
            path in "[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,2}",
            tag in proptest::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}"),
            digest in proptest::option::of("sha256:[0-9a-f]{64}"),
        ) {
            let mut text = host.map_or_else(String::new, |h| format!("{h}/"));
            text.push_str(&path);
            if let Some(tag) = tag { text.push(':'); text.push_str(&tag); }
            if let Some(digest) = digest { text.push('@'); text.push_str(&digest); }
            prop_assert_eq!(text.parse::<ImageReference>().map(|r| r.to_string()), Ok(text));
        }

        #[test]
        fn no_text_panics(text in ".{0,80}") {
            let _ = text.parse::<ImageReference>();
        }
    }
}
