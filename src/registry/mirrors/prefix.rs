//! Prefixes of names: `HOST[:PORT][/PATH]` and `*.HOST`.

use std::fmt;

use crate::image::CanonicalName;

/// Appended to a host and path to make a complete name that can be parsed.
const BELOW: &str = "/a/b";

/// `HOST[:PORT][/PATH]` in its canonical spelling, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocationPrefix(String);

impl LocationPrefix {
    /// `None` if the text is something else. A first element that could be a path is
    /// not a host, because `mirror/nginx` is an image of Docker Hub.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_end_matches('/');
        let host = text.split('/').next().unwrap_or_default();
        if !host.contains(['.', ':']) && host != "localhost" {
            return None;
        }
        let below: CanonicalName = format!("{text}{BELOW}").parse().ok()?;
        let below = below.to_string();
        Some(Self(below.strip_suffix(BELOW)?.to_owned()))
    }

    /// The repository below this location, where `rest` is the part of another
    /// repository's name after a prefix: it is empty or begins with a slash. `None` if
    /// the result is not a repository; a host alone is none.
    pub(crate) fn below(&self, rest: &str) -> Option<CanonicalName> {
        let name: CanonicalName = format!("{}{rest}", self.0).parse().ok()?;
        (name.registry() == self.registry()).then_some(name)
    }

    /// Whether this location is on a registry; the default port may be written.
    pub(crate) fn is_on(&self, registry: &str) -> bool {
        let own = self.registry();
        own.strip_suffix(":443").unwrap_or(own) == registry
    }

    /// The registry, with its port.
    fn registry(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }
}

impl fmt::Display for LocationPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The prefix of the names that a table is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NamePrefix {
    /// Everything below a host or a path.
    Path(LocationPrefix),
    /// `*.example.com`, stored as `.example.com`: everything below the subdomains of a
    /// host at any depth, without a port.
    Subdomains(String),
}

impl NamePrefix {
    /// `None` if the text is not a prefix, or has a tag or a digest.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let Some(domain) = text.strip_prefix('*') else {
            return LocationPrefix::parse(text).map(Self::Path);
        };
        let host = domain.strip_prefix('.')?;
        if host.contains([':', '/']) {
            return None;
        }
        // Checks the domain by parsing one of its subdomains.
        LocationPrefix::parse(&format!("a{domain}"))?;
        Some(Self::Subdomains(domain.to_ascii_lowercase()))
    }

    /// The part of a repository's full name after the prefix: empty, or a path with its
    /// leading slash. `None` if the name does not begin with the prefix.
    pub(crate) fn rest<'a>(&self, name: &'a str) -> Option<&'a str> {
        match self {
            Self::Path(namespace) => {
                let rest = name.strip_prefix(namespace.0.as_str())?;
                (rest.is_empty() || rest.starts_with('/')).then_some(rest)
            }
            Self::Subdomains(domain) => {
                let (host, rest) = name.split_at(name.find('/')?);
                is_below(host, domain).then_some(rest)
            }
        }
    }

    /// Whether a registry, with its port, is one of the subdomains.
    pub(crate) fn has_subdomain(&self, registry: &str) -> bool {
        match self {
            Self::Path(_) => false,
            Self::Subdomains(domain) => is_below(registry, domain),
        }
    }

    /// The larger weight wins: the longer prefix as it is written, and the one without
    /// `*` if both are equally long.
    pub(crate) fn weight(&self) -> (usize, bool) {
        match self {
            Self::Path(namespace) => (namespace.0.len(), true),
            Self::Subdomains(domain) => (domain.len() + 1, false),
        }
    }
}

impl fmt::Display for NamePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(namespace) => namespace.fmt(f),
            Self::Subdomains(domain) => write!(f, "*{domain}"),
        }
    }
}

/// Whether a host is a subdomain of `domain`, which begins with a dot.
fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|sub| !sub.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_host_a_path_or_the_subdomains_of_a_host() {
        for (text, canonical) in [
            ("example.com", Some("example.com")),
            ("Example.COM:5000/org/", Some("example.com:5000/org")),
            ("localhost/x", Some("localhost/x")),
            ("[::1]:5000", Some("[::1]:5000")),
            ("registry-1.docker.io/library", Some("docker.io/library")),
            ("*.Example.com", Some("*.example.com")),
            ("*.local", Some("*.local")),
            // These could be the beginning of a Docker Hub name.
            ("mirror", None),
            ("org/app", None),
            ("", None),
            ("/", None),
            ("https://example.com", None),
            // Single tags cannot be blocked.
            ("example.com/app:1.0", None),
            ("example.com/app@sha256:00", None),
            ("*", None),
            ("*.example.com/org", None),
            ("*.example.com:5000", None),
            ("a.*.com", None),
            ("*example.com", None),
        ] {
            let parsed = NamePrefix::parse(text).map(|prefix| prefix.to_string());
            assert_eq!(parsed.as_deref(), canonical, "{text}");
        }
    }

    #[test]
    fn a_prefix_matches_whole_elements_of_names() {
        for (prefix, name, rest) in [
            (
                "docker.io",
                "docker.io/library/nginx",
                Some("/library/nginx"),
            ),
            (
                "docker.io/library/nginx",
                "docker.io/library/nginx",
                Some(""),
            ),
            ("docker.io/library/ngin", "docker.io/library/nginx", None),
            ("docker.io/nginx", "docker.io/library/nginx", None),
            ("example.com", "example.com:5000/app", None),
            ("*.example.com", "a.example.com/app", Some("/app")),
            ("*.example.com", "b.a.example.com/app", Some("/app")),
            ("*.example.com", "example.com/app", None),
            ("*.example.com", "other.io/a.example.com/app", None),
            ("*.example.com", "a.example.com:5000/app", None),
        ] {
            let parsed = NamePrefix::parse(prefix).expect(prefix);
            assert_eq!(parsed.rest(name), rest, "{prefix} {name}");
        }
    }
}
