//! The keys of a docker config: which repositories an entry is for. The rules are
//! described in [`super::docker_config`].

use std::cmp::Reverse;

use crate::image::CanonicalName;

/// The rank of a key among those that match: the longest path first, then a host
/// without `*`, then the longest host.
pub(crate) type Rank = (Reverse<usize>, bool, Reverse<usize>);

/// A parsed key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegistryKey {
    host: String,
    port: Option<String>,
    path: Vec<String>,
}

impl RegistryKey {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.split_once("://").map_or(text, |(_, rest)| rest);
        let (authority, path) = text.split_once('/').unwrap_or((text, ""));
        let path = path.trim_end_matches('/');
        let path = match path {
            "v1" | "v2" => "",
            other => other
                .strip_prefix("v1/")
                .or_else(|| other.strip_prefix("v2/"))
                .unwrap_or(other),
        };
        let (host, port) = split_port(authority);
        if host.is_empty() {
            return None;
        }
        let host = match host.to_ascii_lowercase().as_str() {
            "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
            other => other.to_owned(),
        };
        let path = path.split('/').filter(|part| !part.is_empty());
        Some(Self {
            host,
            port: port.map(str::to_owned),
            path: path.map(str::to_owned).collect(),
        })
    }

    /// Orders keys so that the first match is the best one.
    pub(crate) fn rank(&self) -> Rank {
        let Self { host, path, .. } = self;
        (Reverse(path.len()), host.contains('*'), Reverse(host.len()))
    }

    pub(crate) fn matches(&self, name: &CanonicalName) -> bool {
        let (host, port) = split_port(name.registry());
        let mut path = name.repository().split('/');
        self.port.as_deref() == port
            && host_matches(&self.host, host)
            && self.path.iter().all(|part| path.next() == Some(part))
    }
}

/// Host and port; the brackets of an IPv6 address are kept.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn host_matches(pattern: &str, host: &str) -> bool {
    let (mut patterns, mut labels) = (pattern.split('.'), host.split('.'));
    loop {
        match (patterns.next(), labels.next()) {
            (None, None) => return true,
            (Some(pattern), Some(label)) if label_matches(pattern, label) => {}
            _ => return false,
        }
    }
}

/// `*` matches any number of characters within one label. Each part between two `*` is
/// found at its first place, which leaves the most room for the others, so the time does
/// not grow with the number of `*`.
fn label_matches(pattern: &str, label: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(last) = parts.next_back() else {
        return pattern == label;
    };
    let between = label
        .strip_prefix(first)
        .and_then(|rest| rest.strip_suffix(last));
    let Some(between) = between else {
        return false;
    };
    parts
        .try_fold(between, |rest, part| {
            rest.find(part).map(|at| &rest[at + part.len()..])
        })
        .is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_matches_any_number_of_characters_of_one_label() {
        for (pattern, label, expected) in [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("*", "", true),
            ("*", "abc", true),
            ("a*", "abc", true),
            ("a*", "ba", false),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("a*a", "a", false),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*b*b*", "abb", true),
            ("*b*b*", "abc", false),
            ("**", "abc", true),
            ("ä*ö", "äüö", true),
        ] {
            assert_eq!(label_matches(pattern, label), expected, "{pattern} {label}");
        }
    }

    #[test]
    fn many_stars_take_no_longer_than_one() {
        let host = "a".repeat(63);
        let pattern = format!("{}b", "*a".repeat(60));
        assert!(!host_matches(&pattern, &host));
    }
}
