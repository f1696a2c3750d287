//! The beginnings of names: `HOST[:PORT][/PATH]` and `*.HOST`.

use std::fmt;

use crate::image::CanonicalName;

/// What makes a name of any host and path, so that they can be checked.
const BELOW: &str = "/a/b";

/// `HOST[:PORT][/PATH]` in its canonical spelling, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocationPrefix(String);

impl LocationPrefix {
    /// `None`: the text is something else. A first element that could be a path
    /// is no host, since `mirror/nginx` is an image of Docker Hub.
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

    /// The repository that lies below this namespace where another one lies
    /// below a prefix: `rest` is empty or begins with a slash. `None`: that is no
    /// repository, since a host alone holds none.
    pub(crate) fn below(&self, rest: &str) -> Option<CanonicalName> {
        let name: CanonicalName = format!("{}{rest}", self.0).parse().ok()?;
        (name.registry() == self.registry()).then_some(name)
    }

    /// The registry, with its port.
    pub(crate) fn registry(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }
}

impl fmt::Display for LocationPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The beginning of names that a table is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NamePrefix {
    /// All below a host or a path.
    Path(LocationPrefix),
    /// `*.example.com`, kept as `.example.com`: all below the subdomains of a
    /// host, however deep, without a port.
    Subdomains(String),
}

impl NamePrefix {
    /// `None`: the text is no prefix, or one with a tag or a digest.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let Some(domain) = text.strip_prefix('*') else {
            return LocationPrefix::parse(text).map(Self::Path);
        };
        let host = domain.strip_prefix('.')?;
        if host.contains([':', '/']) {
            return None;
        }
        // One of the subdomains is a host.
        LocationPrefix::parse(&format!("a{domain}"))?;
        Some(Self::Subdomains(domain.to_ascii_lowercase()))
    }

    /// What follows the prefix in a repository's full name: nothing, or a path
    /// with its slash. `None`: the name does not begin like that.
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

    /// What makes one prefix win over another: how long it is as it is written,
    /// and with equal length the one without `*`.
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
    fn a_prefix_is_a_host_a_path_below_one_or_the_subdomains_of_one() {
        for (text, canonical) in [
            ("example.com", Some("example.com")),
            ("Example.COM:5000/org/", Some("example.com:5000/org")),
            ("localhost/x", Some("localhost/x")),
            ("[::1]:5000", Some("[::1]:5000")),
            ("registry-1.docker.io/library", Some("docker.io/library")),
            ("*.Example.com", Some("*.example.com")),
            ("*.local", Some("*.local")),
            // What a name of Docker Hub could begin with is no host.
            ("mirror", None),
            ("org/app", None),
            ("", None),
            ("/", None),
            ("https://example.com", None),
            // Tags are not blocked one by one.
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
    fn a_prefix_begins_names_in_whole_elements() {
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
