//! The minimum age of an image.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::quote::quote;

/// A minimum age and its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinAge {
    /// The age, which is greater than zero.
    pub age: SignedDuration,
    /// The time from which the age is counted.
    pub clock: MinAgeClock,
}

/// The time from which the age of an image is counted. The stricter clock is the
/// greater value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MinAgeClock {
    /// The image's own creation time, which the person who pushes it can set freely.
    Image,
    /// A time that the image cannot set: from the registry, or otherwise when this
    /// program first saw the image.
    #[default]
    Registry,
}

/// The text is not the name of a clock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the clock of a minimum age must be registry or image, not {0:?}")]
pub struct MinAgeClockError(String);

impl fmt::Display for MinAgeClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Image => "image",
            Self::Registry => "registry",
        })
    }
}

impl FromStr for MinAgeClock {
    type Err = MinAgeClockError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "image" => Ok(Self::Image),
            "registry" => Ok(Self::Registry),
            other => Err(MinAgeClockError(quote(other))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stricter_clock_is_greater() {
        use MinAgeClock::{Image, Registry};
        assert!(Some(Registry) > Some(Image) && Some(Image) > None);
    }

    #[test]
    fn only_registry_and_image_are_clocks() {
        assert_eq!("image".parse(), Ok(MinAgeClock::Image));
        assert_eq!("registry".parse(), Ok(MinAgeClock::Registry));
        for text in ["", "Image", "push"] {
            assert!(text.parse::<MinAgeClock>().is_err(), "{text:?}");
        }
    }
}
