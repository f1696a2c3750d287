//! The warnings that the API server adds to a response: deprecations, and the warnings
//! of admission policies.

use http::HeaderMap;
use http::header::WARNING;

/// The texts of the `Warning` headers, each once.
pub(crate) fn warnings(headers: &HeaderMap) -> Vec<String> {
    let mut texts = Vec::new();
    for header in headers.get_all(WARNING) {
        // A header may contain bytes that are not text.
        let header = String::from_utf8_lossy(header.as_bytes());
        let mut rest = header.as_ref();
        while let Some((text, behind)) = quoted(rest) {
            if !text.is_empty() && !texts.contains(&text) {
                texts.push(text);
            }
            rest = behind;
        }
    }
    texts
}

/// The first quoted text of `299 - "it is deprecated", 299 - "…"`, and the rest of the
/// header. A backslash escapes the next character (RFC 9110, 5.6.4).
fn quoted(header: &str) -> Option<(String, &str)> {
    let (_, inside) = header.split_once('"')?;
    let mut text = String::new();
    let mut letters = inside.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((text, &inside[at + 1..])),
            '\\' => text.extend(letters.next().map(|(_, letter)| letter)),
            letter => text.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn warnings_are_unquoted() {
        let mut headers = HeaderMap::new();
        for header in [
            r#"299 - "policy \"a\" \\ b""#,
            r#"299 - "one", 299 - "two, three""#,
            r#"299 - "one""#,
            r#"299 - "never ends"#,
            "299",
        ] {
            headers.append(WARNING, HeaderValue::from_static(header));
        }
        assert_eq!(
            warnings(&headers),
            [r#"policy "a" \ b"#, "one", "two, three"]
        );
    }
}
