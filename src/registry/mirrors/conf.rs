//! All files combined: which sources a repository is read from.

use crate::image::CanonicalName;

use super::format::{ConfSyntaxError, Table, parse};
use super::prefix::LocationPrefix;

/// The combined settings of all files. [`RegistriesConf::default`] has none: each
/// repository is read from the registry in its name.
#[derive(Debug, Clone, Default)]
pub struct RegistriesConf {
    rules: Vec<RegistryRule>,
}

#[derive(Debug, Clone)]
struct RegistryRule {
    table: Table,
    /// The file with the table.
    file: String,
}

/// One source from which a repository may be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PullSource {
    /// The name of the repository there.
    pub(crate) name: CanonicalName,
    pub(crate) role: Role,
}

/// All sources of a repository, in the order in which they are tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PullSources {
    pub(crate) mirrors: Vec<PullSource>,
    /// Its own source, the last one.
    pub(crate) own: PullSource,
}

impl PullSources {
    /// All sources, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &PullSource> {
        self.mirrors.iter().chain([&self.own])
    }
}

/// Why a source is tried for a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It is the registry in its name.
    Itself,
    /// It is a mirror.
    Mirror,
    /// It is the `location` that replaces the prefix of its name.
    Location,
}

impl RegistryRule {
    /// The file and line of the table, for messages.
    fn position(&self) -> String {
        format!("{}:{}", self.file, self.table.line)
    }

    /// The source at a location of the table, for the part of a repository's name
    /// after the prefix.
    fn source(
        &self,
        location: &LocationPrefix,
        rest: &str,
        role: Role,
    ) -> Result<PullSource, String> {
        match location.below(rest) {
            Some(name) => Ok(PullSource { name, role }),
            None => Err(format!(
                "{} maps it to {location}{rest}, which is not a valid repository",
                self.position()
            )),
        }
    }
}

impl RegistriesConf {
    /// Adds the tables of a file; a table replaces an earlier one with the same prefix
    /// completely.
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

    /// The sources from which a repository may be read.
    ///
    /// # Errors
    /// A text that says why, if the repository is blocked or its name is not valid at
    /// one of the sources.
    pub(crate) fn sources(&self, name: &CanonicalName) -> Result<PullSources, String> {
        let itself = PullSource {
            name: name.clone(),
            role: Role::Itself,
        };
        let full = name.to_string();
        let matching = self
            .rules
            .iter()
            .filter_map(|rule| Some((rule, rule.table.prefix.rest(&full)?)));
        let Some((rule, rest)) = matching.max_by_key(|(rule, _)| rule.table.prefix.weight()) else {
            return Ok(PullSources {
                mirrors: Vec::new(),
                own: itself,
            });
        };
        let table = &rule.table;
        if table.blocked {
            return Err(format!(
                "blocked by {} ({}); no registry was contacted",
                rule.position(),
                table.prefix
            ));
        }
        let mirrors = table.mirrors.iter();
        let mirrors = mirrors.map(|mirror| rule.source(&mirror.location, rest, Role::Mirror));
        let mirrors = mirrors.collect::<Result<_, _>>()?;
        let own = match &table.location {
            None => itself,
            Some(location) => {
                let source = rule.source(location, rest, Role::Location)?;
                if source.name == *name { itself } else { source }
            }
        };
        Ok(PullSources { mirrors, own })
    }

    /// Whether a registry, with its port if it is not the default one, may use plain
    /// HTTP or present a certificate that cannot be verified. The setting of one
    /// location applies to its whole host.
    pub(crate) fn is_insecure(&self, registry: &str) -> bool {
        // The canonical spelling: one name for Docker Hub, in lower case.
        let Ok(any) = format!("{registry}/a/b").parse::<CanonicalName>() else {
            return false;
        };
        let registry = any.registry();
        self.rules.iter().any(|RegistryRule { table, .. }| {
            let at_location = match &table.location {
                Some(location) => location.is_on(registry),
                None => table.prefix.has_subdomain(registry),
            };
            let mut mirrors = table.mirrors.iter();
            (table.insecure && at_location)
                || mirrors.any(|mirror| mirror.insecure && mirror.location.is_on(registry))
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

    /// The sources as text: the names, each after its role.
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
    fn the_table_with_the_longest_prefix_applies() {
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
    fn a_later_file_replaces_a_table_with_the_same_prefix() {
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
    fn a_host_wins_over_subdomains_of_equal_length() {
        let wild = "[[registry]]\nprefix = \"*.a.com\"\nblocked = true\n";
        let host = "[[registry]]\nlocation = \"b.a.com\"\n";
        for files in [[wild, host], [host, wild]] {
            assert_eq!(sources(&conf(&files), "b.a.com/x"), "b.a.com/x");
            assert!(sources(&conf(&files), "bb.a.com/x").starts_with("blocked"));
        }
    }

    #[test]
    fn insecure_applies_only_to_the_host_of_its_location() {
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
