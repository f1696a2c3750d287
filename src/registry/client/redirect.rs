//! Where a registry may send a request on to.

use http::StatusCode;
use http::header::LOCATION;
use reqwest::Url;

use super::transport::{Response, authority};
use crate::secrets::quote as clean;

/// How many redirects one request follows.
pub(crate) const MAX_REDIRECTS: usize = 5;

/// A redirect that is not followed: the registry's fault.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadRedirect {
    /// The `Location` cannot be read.
    #[error("the target of a redirect is not a valid URL")]
    NoUrl,
    /// Neither https, nor plain HTTP from plain HTTP.
    #[error("a redirect to {0} was not followed: https may redirect only to https")]
    Scheme(String),
    /// The `Location` holds a user name or a password.
    #[error("a redirect to {0} was not followed: it contains a user name or a password")]
    UserInfo(String),
}

/// The URL to which an answer leads; `None` where it leads nowhere.
pub(crate) fn target(response: &Response) -> Result<Option<Url>, BadRedirect> {
    let location = match response.header(LOCATION.as_str()) {
        Some(location) if is_redirect(response.status) => location,
        Some(_) | None => return Ok(None),
    };
    check(&response.url, location).map(Some)
}

/// Not those that name no other place, like 304.
fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn check(from: &Url, location: &str) -> Result<Url, BadRedirect> {
    let to = from.join(location).map_err(|_| BadRedirect::NoUrl)?;
    let shown = || clean(&format!("{}://{}", to.scheme(), authority(&to)));
    let scheme_is_good = match to.scheme() {
        "https" => true,
        "http" => from.scheme() == "http",
        _ => false,
    };
    if !scheme_is_good {
        return Err(BadRedirect::Scheme(shown()));
    }
    if has_user_info(&to) {
        return Err(BadRedirect::UserInfo(shown()));
    }
    Ok(to)
}

/// Whether a URL holds a user name or a password, which nobody but the user has
/// to give.
pub(crate) fn has_user_info(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_from_https_to_https_and_carry_no_user() {
        let (plain, tls) = ("http://r.example/v2/", "https://r.example/v2/");
        let scheme = |shown: &str| Err(BadRedirect::Scheme(shown.to_owned()));
        let user = || Err(BadRedirect::UserInfo("https://cdn.example".to_owned()));
        for (from, location, expected) in [
            (
                tls,
                "https://cdn.example/a?b",
                Ok("https://cdn.example/a?b"),
            ),
            (tls, "/a", Ok("https://r.example/a")),
            (tls, "//cdn.example/a", Ok("https://cdn.example/a")),
            (tls, "http://cdn.example/a", scheme("http://cdn.example")),
            (tls, "http://r.example/a", scheme("http://r.example")),
            (plain, "http://cdn.example/a", Ok("http://cdn.example/a")),
            (plain, "https://cdn.example/a", Ok("https://cdn.example/a")),
            (plain, "file:///etc/passwd", scheme("file://")),
            (plain, "ftp://cdn.example/a", scheme("ftp://cdn.example")),
            (tls, "https://me@cdn.example/a", user()),
            (tls, "https://:secret@cdn.example/a", user()),
            (tls, "https://", Err(BadRedirect::NoUrl)),
            (tls, "https://a b/", Err(BadRedirect::NoUrl)),
        ] {
            let from = Url::parse(from).expect(from);
            let to = check(&from, location);
            let to = to.as_ref().map(Url::as_str);
            assert_eq!(to, expected.as_ref().map(|to| *to), "{from} {location}");
        }
    }

    #[test]
    fn what_is_not_modified_leads_nowhere() {
        for status in [200, 300, 304, 305, 306, 401] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert!(!is_redirect(status), "{status}");
        }
    }
}
