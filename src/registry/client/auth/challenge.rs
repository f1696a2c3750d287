//! `WWW-Authenticate`: the authentication that a registry requires (RFC 9110, 11.6.1).

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// One supported challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A token from the realm.
    Bearer {
        /// The URL of the token endpoint.
        realm: String,
        /// The registry's name at the token endpoint.
        service: Option<String>,
        /// The access that the token must allow.
        scope: Option<String>,
    },
    /// User name and password.
    Basic,
}

impl Challenge {
    /// The challenge of a 401 to respond to: `Bearer` if it is offered, because then the
    /// password is sent only to the realm.
    pub(crate) fn choose(headers: &HeaderMap) -> Option<Self> {
        let mut found: Vec<Self> = headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(parse)
            .collect();
        let bearer = found
            .iter()
            .position(|challenge| matches!(challenge, Self::Bearer { .. }));
        match bearer {
            Some(at) => Some(found.swap_remove(at)),
            None => found.pop(),
        }
    }

    /// The challenge without its scope, which differs between requests.
    pub(crate) fn without_scope(&self) -> Self {
        let mut challenge = self.clone();
        if let Self::Bearer { scope, .. } = &mut challenge {
            *scope = None;
        }
        challenge
    }
}

/// All supported challenges of one header value.
fn parse(header: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut rest = header;
    let mut scheme = String::new();
    let mut parameters: Vec<(String, String)> = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest
            .find(|c: char| c == '=' || c == ',' || c.is_ascii_whitespace())
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() && after.is_empty() {
            break;
        }
        match after.trim_start().strip_prefix('=') {
            Some(value) => {
                let (value, after) = take_value(value.trim_start());
                parameters.push((word.to_ascii_lowercase(), value));
                rest = after;
            }
            None => {
                // A word without `=` is the scheme of the next challenge.
                found.extend(challenge(&scheme, &std::mem::take(&mut parameters)));
                scheme = word.to_ascii_lowercase();
                rest = after;
            }
        }
    }
    found.extend(challenge(&scheme, &parameters));
    found
}

/// A parameter's value, quoted or not, and the rest of the text.
fn take_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text
            .find(|c: char| c == ',' || c.is_ascii_whitespace())
            .unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (value, &quoted[at + 1..]),
            _ => value.push(c),
        }
    }
    (value, "")
}

fn challenge(scheme: &str, parameters: &[(String, String)]) -> Option<Challenge> {
    match scheme {
        "basic" => Some(Challenge::Basic),
        "bearer" => Some(Challenge::Bearer {
            realm: parameter(parameters, "realm")?,
            service: parameter(parameters, "service"),
            scope: parameter(parameters, "scope"),
        }),
        _ => None,
    }
}

fn parameter(parameters: &[(String, String)], name: &str) -> Option<String> {
    parameters
        .iter()
        .find(|(key, value)| key == name && !value.is_empty())
        .map(|(_, value)| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        }
    }

    #[test]
    fn bearer_is_preferred_to_basic_in_any_order() {
        let token = bearer(
            "https://auth.example/token",
            Some("r"),
            Some("repository:a/b:pull"),
        );
        for header in [
            r#"Bearer realm="https://auth.example/token",service="r",scope="repository:a/b:pull""#,
            r#"bearer  scope="repository:a/b:pull" , service=r, realm="https://auth.example/token""#,
            r#"Basic realm="x", Bearer realm="https://auth.example/token",service="r",scope="repository:a/b:pull""#,
            r#"Negotiate, Bearer realm="https://auth.example/token",service="r",scope="repository:a/b:pull",error="invalid_token", Basic realm="x, y""#,
        ] {
            let mut headers = HeaderMap::new();
            headers.append(WWW_AUTHENTICATE, header.parse().expect("header"));
            assert_eq!(Challenge::choose(&headers), Some(token.clone()), "{header}");
        }
    }

    #[test]
    fn challenges_of_several_headers_are_combined() {
        let mut headers = HeaderMap::new();
        headers.append(
            WWW_AUTHENTICATE,
            "Basic realm=\"x\"".parse().expect("header"),
        );
        assert_eq!(Challenge::choose(&headers), Some(Challenge::Basic));
        headers.append(
            WWW_AUTHENTICATE,
            "Bearer realm=\"https://a\"".parse().expect("header"),
        );
        assert_eq!(
            Challenge::choose(&headers),
            Some(bearer("https://a", None, None))
        );
    }

    #[test]
    fn quotes_and_commas_in_values_are_kept() {
        assert_eq!(
            parse(r#"Bearer realm="https://a/\"b\"",scope="repository:x:pull,push""#),
            [bearer(
                r#"https://a/"b""#,
                None,
                Some("repository:x:pull,push")
            )]
        );
    }

    #[test]
    fn malformed_and_unknown_challenges_are_ignored() {
        for header in [
            "",
            ",,,",
            "Bearer",
            "Bearer realm=",
            "=",
            "Digest realm=\"x\"",
            "\"",
            "a=b=c",
        ] {
            assert_eq!(parse(header), [], "{header}");
        }
    }
}
