//! Texts of a policy in messages.

/// The longest text of a policy that is repeated to the user, in characters.
const QUOTED: usize = 120;

/// A text short enough to be shown.
pub(crate) fn quote(text: &str) -> String {
    if text.chars().count() <= QUOTED {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(QUOTED).collect();
    short.push('…');
    short
}
