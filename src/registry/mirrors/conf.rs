//! All files together: which places a repository is read from.

use crate::image::CanonicalName;

use super::format::{ConfSyntaxError, Table, parse};
use super::prefix::LocationPrefix;

/// What all files say. [`RegistriesConf::default`] says nothing: each
/// repository is read from where its name points.
#[derive(Debug, Clone, Default)]
pub struct RegistriesConf {
    rules: Vec<RegistryRule>,
}

#[derive(Debug, Clone)]
struct RegistryRule {
    table: Table,
    /// The file that it stands in.
    file: String,
}

/// One place from which a repository may be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PullSource {
    /// What the repository is called there.
    pub(crate) name: CanonicalName,
    pub(crate) role: Role,
}

/// All places of a repository, in the order in which they are tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PullSources {
    pub(crate) mirrors: Vec<PullSource>,
    /// Its own place, the last.
    pub(crate) own: PullSource,
}

impl PullSources {
    /// All, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &PullSource> {
        self.mirrors.iter().chain([&self.own])
    }
}

/// What a place is to a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Where its name points.
    Itself,
    /// A mirror.
    Mirror,
    /// The `location` that stands for the prefix of its name.
    Location,
}

impl RegistriesConf {
    /// Adds what a file says; a table whose prefix has one already takes its
    /// place, wholly.
    pub(crate) fn add(&mut self, file: &str, bytes: &[u8]) -> Result<(), ConfSyntaxError> {
        for table in parse(bytes)? {
            self.rules.retain(|rule| rule.table.prefix != table.prefix);
            self.rules.push(RegistryRule {
                table,
                file: file.to_owned(),
            });
        }
        Ok(())
    }

    /// The places from which a repository may be read.
    ///
    /// # Errors
    /// The repository is blocked, or has no legal name at one of the places: a
    /// text that says so.
    pub(crate) fn sources(&self, name: &CanonicalName) -> Result<PullSources, String> {
        let itself = || PullSource {
            name: name.clone(),
            role: Role::Itself,
        };
        let full = name.to_string();
        let fitting = self
            .rules
            .iter()
            .filter_map(|rule| Some((rule, rule.table.prefix.rest(&full)?)));
        let Some((rule, rest)) = fitting.max_by_key(|(rule, _)| rule.table.prefix.weight()) else {
            return Ok(PullSources {
                mirrors: Vec::new(),
                own: itself(),
            });
        };
        let RegistryRule { table, file } = rule;
        let at = format!("{file}:{}", table.line);
        if table.blocked {
            return Err(format!(
                "blocked by {at} ({}); no registry was contacted",
                table.prefix
            ));
        }
        let below = |location: &LocationPrefix, role| match location.below(rest) {
            Some(name) => Ok(PullSource { name, role }),
            None => Err(format!(
                "{at} maps it to {location}{rest}, which is not a valid repository"
            )),
        };
        let mirrors = table.mirrors.iter();
        let mirrors = mirrors.map(|mirror| below(&mirror.location, Role::Mirror));
        let own = match &table.location {
            None => itself(),
            Some(location) => {
                let source = below(location, Role::Location)?;
                if source.name == *name {
                    itself()
                } else {
                    source
                }
            }
        };
        Ok(PullSources {
            mirrors: mirrors.collect::<Result<_, _>>()?,
            own,
        })
    }

    /// Whether a registry, with its port if that is not the usual one, may speak
    /// plain HTTP or show a certificate that cannot be verified. What one
    /// location says holds for its whole host.
    pub(crate) fn is_insecure(&self, registry: &str) -> bool {
        // Makes one of the names of Docker Hub, and of upper and lower case.
        let Ok(any) = format!("{registry}/a/b").parse::<CanonicalName>() else {
            return false;
        };
        let registry = any.registry();
        let is_it = |named: &str| named.strip_suffix(":443").unwrap_or(named) == registry;
        self.rules.iter().any(|RegistryRule { table, .. }| {
            let at_location = match &table.location {
                Some(location) => is_it(location.registry()),
                None => table.prefix.has_subdomain(registry),
            };
            let mut mirrors = table.mirrors.iter();
            (table.insecure && at_location)
                || mirrors.any(|mirror| mirror.insecure && is_it(mirror.location.registry()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(files: &[&str]) -> RegistriesConf {
        let mut conf = RegistriesConf::default();
        for (at, file) in files.iter().enumerate() {
            conf.add(&format!("{at}.conf"), file.as_bytes())
                .expect(file);
        }
        conf
    }

    /// The places as text: the names, with their roles in front.
    fn sources(conf: &RegistriesConf, name: &str) -> String {
        match conf.sources(&name.parse().expect(name)) {
            Err(refusal) => refusal,
            Ok(sources) => {
                let text = sources.iter().map(|source| {
                    let role = match source.role {
                        Role::Itself => "",
                        Role::Mirror => "mirror ",
                        Role::Location => "location ",
                    };
                    format!("{role}{}", source.name)
                });
                text.collect::<Vec<_>>().join(", ")
            }
        }
    }

    const FILE: &str = r#"
        [[registry]]
        prefix = "example.com/foo"
        location = "internal.example.net/bar"
        [[registry.mirror]]
        location = "mirror-0.local/for-foo"
        [[registry.mirror]]
        location = "mirror-1.local:5000"
        pull-from-mirror = "digest-only"
        [[registry.mirror]]
        location = "mirror-2.local:5000"
        pull-from-mirror = "tag-only"
        [[registry]]
        location = "docker.io"
        [[registry.mirror]]
        location = "hub.local:443/hub"
        pull-from-mirror = ""
        [[registry]]
        prefix = "docker.io/library/nginx"
        location = "web.local/nginx"
        [[registry]]
        prefix = "example.com/foo/secret"
        location = "example.com/foo/secret"
        blocked = true
        [[registry]]
        prefix = "*.evil.com"
        blocked = true
        [[registry]]
        prefix = "*.wild.com"
        [[registry.mirror]]
        location = "wild.local/all"
        [[registry]]
        location = "pinned.io"
        mirror-by-digest-only = true
        [[registry.mirror]]
        location = "pins.local"
        [[registry]]
        prefix = "whole.io/app"
        location = "host.local"
        [[registry]]
        prefix = "tohub.io"
        location = "docker.io"
    "#;

    #[test]
    fn the_longest_prefix_says_where_a_repository_is_read_from() {
        let conf = conf(&[FILE]);
        for (name, expected) in [
            ("quay.io/a/b", "quay.io/a/b"),
            (
                "example.com/foo/image:1.0",
                "mirror mirror-0.local/for-foo/image, mirror mirror-2.local:5000/image, location internal.example.net/bar/image",
            ),
            ("example.com/food/image", "example.com/food/image"),
            (
                "redis",
                "mirror hub.local:443/hub/library/redis, docker.io/library/redis",
            ),
            ("nginx", "location web.local/nginx"),
            (
                "nginx/other",
                "mirror hub.local:443/hub/nginx/other, docker.io/nginx/other",
            ),
            (
                "example.com/foo/secret/x",
                "blocked by 0.conf:21 (example.com/foo/secret); no registry was contacted",
            ),
            (
                "a.b.evil.com/x",
                "blocked by 0.conf:25 (*.evil.com); no registry was contacted",
            ),
            ("evil.com/x", "evil.com/x"),
            (
                "a.wild.com/x/y",
                "mirror wild.local/all/x/y, a.wild.com/x/y",
            ),
            ("pinned.io/x", "pinned.io/x"),
            ("tohub.io/nginx", "location docker.io/library/nginx"),
        ] {
            assert_eq!(sources(&conf, name), expected, "{name}");
        }
        // Not the image `host.local` of Docker Hub.
        assert_eq!(
            sources(&conf, "whole.io/app"),
            "0.conf:37 maps it to host.local, which is not a valid repository"
        );
    }

    #[test]
    fn a_later_file_takes_the_place_of_a_table_with_the_same_prefix() {
        let conf = conf(&[
            FILE,
            "[[registry]]\nlocation = \"docker.io\"\nblocked = true",
            "[[registry]]\nlocation = \"quay.io\"\n[[registry.mirror]]\nlocation = \"q.local\"",
        ]);
        for (name, expected) in [
            (
                "redis",
                "blocked by 1.conf:1 (docker.io); no registry was contacted",
            ),
            ("nginx", "location web.local/nginx"),
            ("quay.io/a", "mirror q.local/a, quay.io/a"),
        ] {
            assert_eq!(sources(&conf, name), expected, "{name}");
        }
    }

    #[test]
    fn with_equal_length_a_host_wins_over_subdomains() {
        let wild = "[[registry]]\nprefix = \"*.a.com\"\nblocked = true\n";
        let host = "[[registry]]\nlocation = \"b.a.com\"\n";
        for files in [[wild, host], [host, wild]] {
            assert_eq!(sources(&conf(&files), "b.a.com/x"), "b.a.com/x");
            assert!(sources(&conf(&files), "bb.a.com/x").starts_with("blocked"));
        }
    }

    #[test]
    fn insecure_holds_for_the_host_that_it_stands_at_and_no_other() {
        let conf = conf(&[r#"
            [[registry]]
            prefix = "docker.io/org"
            location = "inner.local:443/org"
            insecure = true
            [[registry.mirror]]
            location = "plain.local:5000/org"
            insecure = true
            [[registry.mirror]]
            location = "tls.local"
            [[registry]]
            prefix = "*.dev.local"
            insecure = true
            [[registry]]
            location = "docker.io"
            insecure = true
        "#]);
        for (registry, expected) in [
            ("inner.local", true),
            ("plain.local:5000", true),
            ("plain.local", false),
            ("tls.local", false),
            ("a.dev.local", true),
            ("dev.local", false),
            ("registry-1.docker.io", true),
            ("quay.io", false),
        ] {
            assert_eq!(conf.is_insecure(registry), expected, "{registry}");
        }
    }
}
