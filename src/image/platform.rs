//! The platforms that an image is built for.

use std::fmt;
use std::str::FromStr;

use super::version::serde_as_text;

/// `os/arch[/variant]`, as in `linux/amd64` and `linux/arm/v7`.
///
/// Ordered by its text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform(Box<str>);

/// The text is not a valid platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a valid platform; use OS/ARCH or OS/ARCH/VARIANT, as in linux/amd64")]
pub struct PlatformError(String);

impl Platform {
    /// Creates a platform from its parts, normalised as in container runtimes:
    /// `x86_64` is `amd64`, `aarch64` and `arm64/v8` are `arm64`.
    #[must_use]
    pub fn new(os: &str, arch: &str, variant: &str) -> Self {
        let arch = match arch {
            "x86_64" | "x86-64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        if variant.is_empty() || (arch == "arm64" && variant == "v8") {
            Self(format!("{os}/{arch}").into())
        } else {
            Self(format!("{os}/{arch}/{variant}").into())
        }
    }

    /// Whether this is the platform whose creation time counts for the whole image.
    #[must_use]
    pub fn is_linux_amd64(&self) -> bool {
        &*self.0 == "linux/amd64"
    }

    /// Whether an image built for `self` runs on `wanted`. Nodes do not report a
    /// variant, so a missing variant on either side matches every variant.
    #[must_use]
    pub fn serves(&self, wanted: &Self) -> bool {
        is_path_prefix(&self.0, &wanted.0) || is_path_prefix(&wanted.0, &self.0)
    }

    /// The platform as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `path` is `prefix`, or begins with it and a slash.
fn is_path_prefix(prefix: &str, path: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_valid_part(part: &str) -> bool {
    !part.is_empty()
        && part.len() <= 32
        && part
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        let is_valid = parts.iter().all(|part| is_valid_part(part));
        match parts.as_slice() {
            [os, arch] if is_valid => Ok(Self::new(os, arch, "")),
            [os, arch, variant] if is_valid => Ok(Self::new(os, arch, variant)),
            _ => Err(PlatformError(text.chars().take(64).collect())),
        }
    }
}

serde_as_text!(Platform);

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        text.parse().expect(text)
    }

    #[test]
    fn variants_must_match_only_if_both_have_one() {
        for (built, wanted, expected) in [
            ("linux/amd64", "linux/amd64", true),
            ("linux/arm/v7", "linux/arm", true),
            ("linux/arm", "linux/arm/v7", true),
            ("linux/arm/v6", "linux/arm/v7", false),
            ("linux/arm64", "linux/arm", false),
            ("windows/amd64", "linux/amd64", false),
        ] {
            assert_eq!(
                platform(built).serves(&platform(wanted)),
                expected,
                "{built} {wanted}"
            );
        }
    }

    #[test]
    fn names_are_normalised_as_in_runtimes() {
        assert_eq!(platform("linux/aarch64"), platform("linux/arm64/v8"));
        assert_eq!(platform("linux/x86_64").to_string(), "linux/amd64");
        for bad in ["", "linux", "linux/", "a/b/c/d", "linux/amd 64"] {
            assert!(bad.parse::<Platform>().is_err(), "{bad:?}");
        }
    }
}
