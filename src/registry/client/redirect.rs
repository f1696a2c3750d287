//! Where a registry may redirect a request.

use http::StatusCode;
use http::header::LOCATION;
use reqwest::Url;

use super::transport::{Response, authority};
use crate::secrets::quote;

/// The maximum number of redirects that one request follows.
pub(crate) const MAX_REDIRECTS: usize = 5;

/// A redirect that is not followed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadRedirect {
    /// The `Location` is not a URL.
    #[error("the target of a redirect is not a valid URL")]
    NoUrl,
    /// Neither https, nor plain HTTP from plain HTTP.
    #[error("a redirect to {0} was not followed: https may redirect only to https")]
    Scheme(String),
    /// The `Location` contains a user name or a password.
    #[error("a redirect to {0} was not followed: it contains a user name or a password")]
    UserInfo(String),
}

/// The URL to which a response redirects; `None` if it is not a redirect.
pub(crate) fn target(response: &Response) -> Result<Option<Url>, BadRedirect> {
    let location = match response.header(LOCATION.as_str()) {
        Some(location) if is_redirect(response.status) => location,
        Some(_) | None => return Ok(None),
    };
    check(&response.url, location).map(Some)
}

/// Not every 3xx status names another URL; 304 does not.
fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn check(from: &Url, location: &str) -> Result<Url, BadRedirect> {
    let to = from.join(location).map_err(|_| BadRedirect::NoUrl)?;
    let is_allowed_scheme = match to.scheme() {
        "https" => true,
        "http" => from.scheme() == "http",
        _ => false,
    };
    let quoted = quote(&format!("{}://{}", to.scheme(), authority(&to)));
    if !is_allowed_scheme {
        return Err(BadRedirect::Scheme(quoted));
    }
    if has_user_info(&to) {
        return Err(BadRedirect::UserInfo(quoted));
    }
    Ok(to)
}

/// Whether a URL contains a user name or a password. Only the user may give
/// credentials, not a registry.
pub(crate) fn has_user_info(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_redirects_only_to_https_and_without_user_info() {
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
    fn other_3xx_statuses_are_not_redirects() {
        for status in [200, 300, 304, 305, 306, 401] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert!(!is_redirect(status), "{status}");
        }
    }
}
