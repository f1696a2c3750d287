//! How old an image must be, and by which clock.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::quote::quote;

/// A minimum age, and what it counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinAge {
    /// The age; more than zero.
    pub age: SignedDuration,
    /// What it counts from.
    pub clock: MinAgeClock,
}

/// Which clock tells the age of an image. The stricter one is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MinAgeClock {
    /// The image's own date, which whoever pushes it can set to any time.
    Image,
    /// One that the image cannot set: the registry's, else our own.
    #[default]
    Registry,
}

/// A text that does not name a clock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the clock of a minimum age is registry or image, not {0:?}")]
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
    fn the_stricter_clock_is_the_greater_one() {
        use MinAgeClock::{Image, Registry};
        assert!(Some(Registry) > Some(Image) && Some(Image) > None);
    }

    #[test]
    fn a_clock_is_one_of_two_words() {
        assert_eq!("image".parse(), Ok(MinAgeClock::Image));
        assert_eq!("registry".parse(), Ok(MinAgeClock::Registry));
        for text in ["", "Image", "push"] {
            assert!(text.parse::<MinAgeClock>().is_err(), "{text:?}");
        }
    }
}
