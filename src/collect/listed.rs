//! Names in a sentence.

/// How many names are listed.
const MAX_NAMES: usize = 5;

/// `a, b, c, d, e and 3 more`.
pub(crate) fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let first = names.iter().take(MAX_NAMES).map(AsRef::as_ref);
    let listed = first.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MAX_NAMES) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_names_are_listed() {
        assert_eq!(listed(&["a", "b"]), "a, b");
        let many: Vec<String> = (0..7).map(|number| number.to_string()).collect();
        assert_eq!(listed(&many), "0, 1, 2, 3, 4 and 2 more");
    }
}
