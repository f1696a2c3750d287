//! Exact decimal numbers for the numerical order of tags.
//!
//! Flux v2 parses tags as floating-point numbers, so that different long build numbers are equal.
//! Here, numbers of any length are compared exactly, and `1e3`, `0x10`, `Inf`, `NaN` and `1_000`
//! are not numbers.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A number of the form `-?[0-9]+(\.[0-9]+)?`.
///
/// Different forms of the same number are equal: `01`, `1` and `1.0`; `-0` and `0`. `Display`
/// returns the shortest form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal {
    is_negative: bool,
    /// The digits before the point, without leading zeros.
    whole: String,
    /// The digits after the point, without trailing zeros.
    fraction: String,
}

/// The text is not a decimal number. Such a tag is allowed, but it is not a candidate of a
/// numerical policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is not a decimal number: digits, optionally with a leading '-' and one '.' between them"
)]
pub struct DecimalError;

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (digits, None),
        };
        if !is_digits(whole) || !fraction.is_none_or(is_digits) {
            return Err(DecimalError);
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.unwrap_or_default().trim_end_matches('0');
        let is_zero = whole.is_empty() && fraction.is_empty();
        Ok(Self {
            is_negative: is_negative && !is_zero,
            whole: whole.to_owned(),
            fraction: fraction.to_owned(),
        })
    }
}

fn is_digits(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

impl Decimal {
    /// Compares the absolute values. Without leading zeros, a longer number is greater; without
    /// trailing zeros, fractions are ordered as text.
    fn cmp_magnitude(&self, other: &Self) -> Ordering {
        self.whole
            .len()
            .cmp(&other.whole.len())
            .then_with(|| self.whole.cmp(&other.whole))
            .then_with(|| self.fraction.cmp(&other.fraction))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.is_negative, other.is_negative) {
            (false, false) => self.cmp_magnitude(other),
            (true, true) => self.cmp_magnitude(other).reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative { "-" } else { "" };
        let whole = if self.whole.is_empty() {
            "0"
        } else {
            &self.whole
        };
        write!(f, "{sign}{whole}")?;
        if !self.fraction.is_empty() {
            write!(f, ".{}", self.fraction)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().expect("the test's text is a number")
    }

    #[test]
    fn different_forms_of_a_number_are_equal() {
        for (left, right) in [
            ("-0", "0"),
            ("01", "1"),
            ("1.0", "1"),
            ("-0.0", "00"),
            ("-1.50", "-01.5"),
        ] {
            assert_eq!(decimal(left), decimal(right));
        }
        assert_eq!(decimal("-001.50").to_string(), "-1.5");
        assert_eq!(decimal("0.10").to_string(), "0.1");
    }

    #[test]
    fn long_numbers_are_compared_exactly() {
        let ascending = [
            "-100000000000000000000000000000001",
            "-100000000000000000000000000000000",
            "-1.5",
            "-1.25",
            "-0.001",
            "0",
            "0.000000000000000000000000000001",
            "0.1",
            "0.25",
            "0.3",
            "9",
            "10",
            "10.01",
            "20190523123456789012",
            "20190523123456789013",
        ];
        for pair in ascending.windows(2) {
            let [low, high] = pair else { continue };
            assert!(decimal(low) < decimal(high), "{low} < {high}");
        }
    }

    #[test]
    fn other_notations_are_not_numbers() {
        for text in [
            "", "-", "+1", ".5", "1.", "1.2.3", "1e3", "0x10", "Inf", "NaN", "1_000", " 1", "--1",
            "1.-2", "١",
        ] {
            assert_eq!(text.parse::<Decimal>(), Err(DecimalError), "{text}");
        }
    }
}
