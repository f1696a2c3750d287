//! Quotes the texts of policies in messages.

/// The longest text that is quoted in full, in characters.
const MAX_QUOTED_CHARS: usize = 120;

/// Shortens a text for a message.
pub(crate) fn quote(text: &str) -> String {
    if text.chars().count() <= MAX_QUOTED_CHARS {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(MAX_QUOTED_CHARS).collect();
    short.push('…');
    short
}
