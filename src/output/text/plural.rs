//! Numbers in human-readable form.

use std::fmt::Display;

/// A number with thousands separators: `1,204`.
#[must_use]
pub(crate) fn thousands(number: impl Display) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number with its regular noun: `1 tag`, `1,204 tags`, `2 entries`.
#[must_use]
pub fn count(number: impl Display, noun: &str) -> String {
    let number = number.to_string();
    let is_one = number == "1";
    let ending = if is_one { "" } else { "s" };
    match noun.strip_suffix('y') {
        Some(stem) if !is_one && !stem.ends_with(['a', 'e', 'o', 'u']) => {
            format!("{} {stem}ies", thousands(number))
        }
        _ => format!("{} {noun}{ending}", thousands(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1204, "1,204"),
            (1_000_000, "1,000,000"),
        ] {
            assert_eq!(thousands(number), expected);
        }
    }

    #[test]
    fn noun_agrees_with_its_number() {
        for (number, noun, expected) in [
            (0, "tag", "0 tags"),
            (1, "tag", "1 tag"),
            (1204, "pull secret", "1,204 pull secrets"),
            (1, "entry", "1 entry"),
            (2, "entry", "2 entries"),
            (2, "key", "2 keys"),
        ] {
            assert_eq!(count(number, noun), expected);
        }
    }
}
