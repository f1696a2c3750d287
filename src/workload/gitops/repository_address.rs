//! The addresses of Git repositories, as far as they identify a repository.

use std::fmt;

/// The host and the path of a repository. Two addresses are equal if they lead to the same
/// repository by different protocols, or as different users. It contains no credentials.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryAddress(String);

impl RepositoryAddress {
    /// Reads a URL, or git's short form `user@host:path`.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let (scheme, host, path) = match url.split_once("://") {
            Some((scheme, rest)) => {
                let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
                (scheme, host, path)
            }
            // A path with a colon is none of git's short forms if a slash comes first.
            None => match url.split_once(':') {
                Some((host, path)) if !host.contains('/') => ("ssh", host, path),
                _ => ("file", "", url),
            },
        };
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let host = host.to_ascii_lowercase();
        let host = match (scheme, host.rsplit_once(':')) {
            ("https", Some((name, "443")))
            | ("http", Some((name, "80")))
            | ("ssh", Some((name, "22")))
            | ("git", Some((name, "9418"))) => name,
            _ => &host,
        };
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let path = path.trim_end_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        Self(if host.is_empty() {
            path.to_owned()
        } else {
            format!("{host}/{}", path.trim_start_matches('/'))
        })
    }
}

/// `github.com/org/repository`.
impl fmt::Display for RepositoryAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_users_and_endings_do_not_matter() {
        for url in [
            "https://git.example.com/shop/fleet",
            "https://git.example.com/shop/fleet.git",
            "https://git.example.com:443/shop/fleet/",
            "https://user:secret@GIT.example.com/shop/fleet.git/",
            "ssh://git@git.example.com/shop/fleet.git",
            "ssh://git@git.example.com:22/shop/fleet",
            "git@git.example.com:shop/fleet.git",
            "git.example.com:/shop/fleet",
            "http://git.example.com:80/shop/fleet",
        ] {
            let address = RepositoryAddress::new(url).to_string();
            assert_eq!(address, "git.example.com/shop/fleet", "{url}");
        }
    }

    #[test]
    fn other_hosts_ports_and_paths_are_other_repositories() {
        let address = RepositoryAddress::new("https://git.example.com/shop/fleet");
        for url in [
            "https://git.example.com/shop/Fleet",
            "https://git.example.com:8443/shop/fleet",
            "https://git.example.org/shop/fleet",
            "https://git.example.com/shop/fleet-two",
            "/srv/git/shop/fleet.git",
            "./git.example.com:shop/fleet",
        ] {
            assert_ne!(RepositoryAddress::new(url), address, "{url}");
        }
    }
}
