//! `Link`: one header value per line of the input.

use http::header::{HeaderMap, HeaderValue, LINK};
use reqwest::Url;

use crate::registry::link::{BadLink, follow, next};

/// The page that had the header.
const FROM: &str = "https://registry.example:5000/v2/org/app/tags/list?n=2";

/// The next page is on the host of the previous one, and is found again in every spelling
/// of its link.
pub fn link(input: &[u8]) {
    let values: Vec<HeaderValue> = input
        .split(|byte| *byte == b'\n')
        .filter_map(|line| HeaderValue::from_bytes(line).ok())
        .collect();
    let Ok(Some(target)) = next_of(&values) else {
        return;
    };
    let is_written = values.iter().any(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        text.contains(&format!("<{target}>"))
    });
    assert!(is_written, "the link is unchanged: {target}");
    let from: Url = FROM.parse().expect("a URL");
    let Ok(page) = follow(&from, &target) else {
        return;
    };
    assert_eq!(page.origin(), from.origin(), "{target}");
    assert_eq!((page.username(), page.password()), ("", None), "{target}");
    assert_eq!(page.fragment(), None, "{target}");
    for text in targets(&page) {
        let again = follow(&from, &text);
        assert_eq!(again.as_ref(), Ok(&page), "{target}: {text}");
        for header in spellings(&text) {
            let Ok(value) = HeaderValue::from_str(&header) else {
                continue;
            };
            let found = next_of(&[value]);
            assert_eq!(found, Ok(Some(text.clone())), "{header}");
        }
    }
}

fn next_of(values: &[HeaderValue]) -> Result<Option<String>, BadLink> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(LINK, value.clone());
    }
    next(&headers)
}

/// Targets that mean this page: absolute, on a host that is only known inside, and
/// relative to the previous page.
fn targets(page: &Url) -> Vec<String> {
    let query = page.query().map(|query| format!("?{query}"));
    let relative = format!("{}{}", page.path(), query.unwrap_or_default());
    let mut targets = vec![
        page.to_string(),
        format!("http://me:secret@internal{relative}#end"),
    ];
    // Two slashes would begin a host.
    if !relative.starts_with("//") {
        targets.push(relative);
    }
    targets
}

/// Header values whose next page is this target (RFC 8288, 3).
fn spellings(target: &str) -> [String; 4] {
    [
        format!("<{target}>; rel=\"next\""),
        format!("<{target}>;REL=Next;title=x"),
        format!("<{target}>"),
        format!("</first>; rel=\"prev first\", <{target}>; title=\"x\"; rel=\"last next\""),
    ]
}
