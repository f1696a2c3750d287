//! `Link: <…>; rel="next"` (RFC 8288), as registries write it.

use http::HeaderMap;
use http::header::LINK;

/// The target of the next page, as written.
///
/// A link without `rel` counts too: some registries leave it out, and there is
/// no other link in a tag list.
pub(super) fn next(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(LINK)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .find_map(next_of)
}

fn next_of(header: &str) -> Option<String> {
    let mut rest = header;
    while let Some(start) = rest.find('<') {
        let (target, after) = rest[start + 1..].split_once('>')?;
        // The parameters end where the next link begins; a comma inside quotes
        // has never been seen in them.
        let end = after.find(",").unwrap_or(after.len());
        let rel = after[..end].split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("rel")
                .then(|| value.trim().trim_matches('"'))
        });
        let is_next = rel.is_none_or(|rel| {
            rel.split_ascii_whitespace()
                .any(|rel| rel.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target.to_owned());
        }
        rest = &after[end..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_in_every_spelling_and_kept_as_written() {
        for (header, expected) in [
            (
                r#"</v2/a/tags/list?last=x%2By&n=2>; rel="next""#,
                Some("/v2/a/tags/list?last=x%2By&n=2"),
            ),
            (
                "<https://h/v2/a?x=,y>;rel=next",
                Some("https://h/v2/a?x=,y"),
            ),
            ("</next>", Some("/next")),
            (
                r#"</p>; rel="prev", </n>; title=x; REL="last next""#,
                Some("/n"),
            ),
            (r#"</p>; rel="prev""#, None),
            ("/v2/a?last=b", None),
            ("<unclosed", None),
            ("", None),
        ] {
            assert_eq!(next_of(header).as_deref(), expected, "{header}");
        }
    }
}
