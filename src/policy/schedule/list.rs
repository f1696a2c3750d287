//! Lists in one annotation.

/// The largest number of entries in one annotation.
const MAX_ENTRIES: usize = 64;

/// Parses entries that are separated by semicolons. `what` they are is for messages.
///
/// # Errors
///
/// There are too many, or one of them is not valid; the reason as a sentence.
pub(crate) fn parse_list<T>(
    text: &str,
    what: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let count = text.split(';').count();
    if count > MAX_ENTRIES {
        return Err(format!(
            "it has {count} {what}, and at most {MAX_ENTRIES} are allowed"
        ));
    }
    text.split(';').map(parse).collect()
}
