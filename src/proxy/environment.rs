//! The proxies that the environment names.

use http::Uri;

use super::address::{ProxyError, parse};
use super::no_proxy::is_bypassed;

/// The proxy variables of the environment, as they are written: an invalid one is an
/// error only for the servers that it is for.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProxySettings {
    http: Option<ProxyVariable>,
    https: Option<ProxyVariable>,
    no_proxy: String,
}

/// The URL of a proxy, and the variable that contains it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ProxyVariable {
    name: &'static str,
    value: String,
}

impl ProxySettings {
    /// Reads `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in upper case or lower case.
    #[expect(
        clippy::disallowed_methods,
        reason = "the standard proxy variables of every client"
    )]
    pub(crate) fn from_environment() -> Self {
        Self::read(|name| std::env::var(name).ok())
    }

    /// The same, with `ALL_PROXY` for the schemes without a proxy of their own. Go
    /// ignores that variable, but curl and container tools do not.
    #[expect(
        clippy::disallowed_methods,
        reason = "the standard proxy variables of every client"
    )]
    pub(crate) fn from_environment_with_all_proxy() -> Self {
        let mut settings = Self::from_environment();
        let all = first(&["ALL_PROXY", "all_proxy"], |name| std::env::var(name).ok());
        settings.http = settings.http.or_else(|| all.clone());
        settings.https = settings.https.or(all);
        settings
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        // In a CGI script, a request's header `Proxy` becomes HTTP_PROXY.
        let is_cgi = variable("REQUEST_METHOD").is_some();
        let http: &[&'static str] = if is_cgi {
            &["http_proxy"]
        } else {
            &["HTTP_PROXY", "http_proxy"]
        };
        let no_proxy = first(&["NO_PROXY", "no_proxy"], &variable);
        Self {
            http: first(http, &variable),
            https: first(&["HTTPS_PROXY", "https_proxy"], &variable),
            no_proxy: no_proxy.map_or_else(String::new, |variable| variable.value),
        }
    }

    /// The proxy for a server, with the scheme `http`, `https` or `socks5`; `None` if
    /// the server is reached directly.
    ///
    /// # Errors
    /// If the proxy for this server is not valid.
    pub(crate) fn for_url(&self, server: &Uri) -> Result<Option<Uri>, ProxyError> {
        let proxy = match server.scheme_str() {
            Some("https") => &self.https,
            _ => &self.http,
        };
        match proxy {
            Some(proxy) if !is_bypassed(server, &self.no_proxy) => {
                parse(&proxy.value, proxy.name).map(Some)
            }
            Some(_) | None => Ok(None),
        }
    }
}

/// The first of these variables that is set and not empty.
fn first(
    names: &[&'static str],
    variable: impl Fn(&str) -> Option<String>,
) -> Option<ProxyVariable> {
    names.iter().find_map(|name| {
        let value = variable(name).filter(|value| !value.trim().is_empty())?;
        let value = value.trim().to_owned();
        Some(ProxyVariable { name, value })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(variables: &[(&str, &str)], server: &str) -> Result<Option<String>, String> {
        let settings = ProxySettings::read(|wanted| {
            let found = variables.iter().find(|(name, _)| *name == wanted)?;
            Some(found.1.to_owned())
        });
        let proxy = settings.for_url(&server.parse().expect("a URL"));
        let proxy = proxy.map(|proxy| proxy.map(|proxy| proxy.to_string()));
        proxy.map_err(|error| error.to_string())
    }

    #[test]
    fn each_scheme_has_its_own_proxy() {
        let both = [
            ("HTTP_PROXY", "http://plain:1"),
            ("https_proxy", "http://tls:2"),
            ("HTTPS_PROXY", ""),
            ("NO_PROXY", "*.direct.example"),
        ];
        for (server, expected) in [
            ("http://r.example/v2/", Some("http://plain:1/")),
            ("https://r.example/v2/", Some("http://tls:2/")),
            ("https://a.direct.example/v2/", None),
            ("https://direct.example/v2/", Some("http://tls:2/")),
            ("http://127.0.0.1:5000/v2/", None),
        ] {
            let expected = Ok(expected.map(str::to_owned));
            assert_eq!(proxy(&both, server), expected, "{server}");
        }
        assert_eq!(proxy(&[], "https://r.example/"), Ok(None));
    }

    #[test]
    fn an_invalid_proxy_is_an_error_for_the_servers_that_it_is_for() {
        let variables = [
            ("https_proxy", "http://me:planted p@h"),
            ("NO_PROXY", "direct.example"),
        ];
        let error = proxy(&variables, "https://r.example/").expect_err("refused");
        assert!(
            error.starts_with("https_proxy is not a valid URL"),
            "{error}"
        );
        assert!(!error.contains("planted"), "{error}");
        for server in ["https://direct.example/", "http://r.example/"] {
            assert_eq!(proxy(&variables, server), Ok(None), "{server}");
        }
    }

    #[test]
    fn a_cgi_script_ignores_the_variable_that_a_request_could_set() {
        let variables = [
            ("REQUEST_METHOD", "GET"),
            ("HTTP_PROXY", "http://evil.example"),
        ];
        assert_eq!(proxy(&variables, "http://r.example/"), Ok(None));
    }
}
