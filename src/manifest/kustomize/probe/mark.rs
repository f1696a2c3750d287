//! Marks at the ends of texts.

/// What begins a mark. Letters and digits are allowed in every part of an image.
const START: &str = "imgp0licy";

/// How many digits follow.
const DIGITS: usize = 4;

/// A text without its marks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unmarked {
    pub(crate) text: String,
    /// The marks: where each was, as a byte of `text`, and its number.
    pub(crate) marks: Vec<(usize, usize)>,
}

/// The mark with a number. All have the same length, so none begins another.
pub(crate) fn mark(number: usize) -> String {
    format!("{START}{number:0DIGITS$}")
}

/// How many marks there are.
pub(crate) const MAX_MARKS: usize = 10_000;

impl Unmarked {
    pub(crate) fn new(marked: &str) -> Self {
        let mut parts = marked.split(START);
        let mut unmarked = Self {
            text: parts.next().unwrap_or_default().to_owned(),
            marks: Vec::new(),
        };
        for part in parts {
            let number = part.get(..DIGITS).and_then(|digits| digits.parse().ok());
            match number {
                Some(number) => {
                    unmarked.marks.push((unmarked.text.len(), number));
                    unmarked.text.push_str(&part[DIGITS..]);
                }
                None => {
                    unmarked.text.push_str(START);
                    unmarked.text.push_str(part);
                }
            }
        }
        unmarked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_where_they_were_added() {
        let text = format!("reg/app{}:1.0{}{}-x", mark(3), mark(0), mark(9999));
        let expected = Unmarked {
            text: "reg/app:1.0-x".to_owned(),
            marks: vec![(7, 3), (11, 0), (11, 9999)],
        };
        assert_eq!(Unmarked::new(&text), expected);
        for text in ["", "app", "imgp0licy", "imgp0licy12x4-"] {
            assert_eq!(Unmarked::new(text).text, text);
            assert_eq!(Unmarked::new(text).marks, []);
        }
    }
}
