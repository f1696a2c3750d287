//! `Link: <…>; rel="next"` (RFC 8288), as registries write it.

use http::HeaderMap;
use http::header::LINK;
use reqwest::Url;

/// The longest header that is read, in bytes.
const MAX_LINK: usize = 4 * 1024;

/// A link that cannot be followed, which is an error of the registry: the list has
/// another page, but its URL is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadLink {
    /// It is not a valid link, or its target is not an HTTP URL.
    #[error("the link to its next page cannot be read")]
    Unreadable,
    /// It is unreasonably long.
    #[error("the link to its next page is longer than {MAX_LINK} bytes")]
    TooLong,
}

/// Returns the link to the next page, unchanged; `None` if this is the last page.
///
/// A link without `rel` is also used: some registries omit it, and a tag list has no
/// other links.
pub(crate) fn next(headers: &HeaderMap) -> Result<Option<String>, BadLink> {
    for value in headers.get_all(LINK) {
        if value.len() > MAX_LINK {
            return Err(BadLink::TooLong);
        }
        let text = value.to_str().map_err(|_| BadLink::Unreadable)?;
        if let Some(next) = parse_next(text)? {
            return Ok(Some(next));
        }
    }
    Ok(None)
}

/// Returns the URL of the next page: the path and query of the link, on the host
/// that responded. A registry behind a proxy may send a scheme or a host that is only
/// valid internally.
pub(crate) fn follow(from: &Url, next: &str) -> Result<Url, BadLink> {
    let target = from.join(next).map_err(|_| BadLink::Unreadable)?;
    if !matches!(target.scheme(), "http" | "https") {
        return Err(BadLink::Unreadable);
    }
    let mut url = from.clone();
    url.set_path(target.path());
    url.set_query(target.query());
    Ok(url)
}

fn parse_next(header: &str) -> Result<Option<String>, BadLink> {
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Ok(None);
        }
        let (target, after) = rest
            .strip_prefix('<')
            .and_then(|link| link.split_once('>'))
            .ok_or(BadLink::Unreadable)?;
        // The parameters end where the next link starts. Registries do not use commas
        // in quoted parameters.
        let end = after.find(',').unwrap_or(after.len());
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
            return Ok(Some(target.to_owned()));
        }
        rest = &after[end..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_page_is_found_in_every_spelling_and_not_changed() {
        for (header, expected) in [
            (
                r#"</v2/a/tags/list?last=x%2By&n=2>; rel="next""#,
                Ok(Some("/v2/a/tags/list?last=x%2By&n=2")),
            ),
            (
                "<https://h/v2/a?x=,y>;rel=next",
                Ok(Some("https://h/v2/a?x=,y")),
            ),
            ("</next>", Ok(Some("/next"))),
            (
                r#"</p>; rel="prev", </n>; title=x; REL="last next""#,
                Ok(Some("/n")),
            ),
            (r#"</p>; rel="prev""#, Ok(None)),
            (r#", , </p>; rel="prev","#, Ok(None)),
            ("", Ok(None)),
            // There is a next page, but its URL is unknown.
            ("/v2/a?last=b", Err(BadLink::Unreadable)),
            ("<unclosed", Err(BadLink::Unreadable)),
            (r#"</p>; rel="prev", /n"#, Err(BadLink::Unreadable)),
        ] {
            let next = parse_next(header);
            let next = next.as_ref().map(Option::as_deref).map_err(|bad| *bad);
            assert_eq!(next, expected, "{header}");
        }
    }

    #[test]
    fn overlong_link_is_refused() {
        for (length, expected) in [(MAX_LINK, true), (MAX_LINK + 1, false)] {
            let mut headers = HeaderMap::new();
            let link = format!("</{}>", "a".repeat(length - 3));
            headers.insert(LINK, link.parse().expect("a header"));
            assert_eq!(next(&headers).is_ok(), expected, "{length}");
        }
    }

    #[test]
    fn next_page_is_on_the_host_of_the_previous_page() {
        let from = Url::parse("https://r.example:5000/v2/a/tags/list?n=2").expect("a URL");
        for (link, expected) in [
            ("/v2/a/tags/list?last=b", Some("/v2/a/tags/list?last=b")),
            ("?last=%2B=", Some("/v2/a/tags/list?last=%2B=")),
            ("http://r.example:5000/p?q", Some("/p?q")),
            ("https://registry.internal/p?q#f", Some("/p?q")),
            ("//me:secret@registry.internal/p", Some("/p")),
            ("http://127.0.0.1/p", Some("/p")),
            ("file:///etc/passwd", None),
            ("mailto:me", None),
            ("https://", None),
        ] {
            let expected = expected.map(|path| format!("https://r.example:5000{path}"));
            let url = follow(&from, link).ok().map(String::from);
            assert_eq!(url, expected, "{link}");
        }
    }
}
