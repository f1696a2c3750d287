//! Parses one file: TOML to tables.

use serde::Deserialize;
use toml::Spanned;

use crate::secrets::quote;

use super::prefix::{LocationPrefix, NamePrefix};

/// What is wrong in a file, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfSyntaxError {
    /// The line, from 1.
    pub(crate) line: usize,
    pub(crate) what: String,
}

/// A `[[registry]]` table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// The line of its header, from 1.
    pub(crate) line: usize,
    pub(crate) prefix: NamePrefix,
    /// `None` only for `*.HOST`, where names stay as they are.
    pub(crate) location: Option<LocationPrefix>,
    pub(crate) insecure: bool,
    pub(crate) blocked: bool,
    /// The mirrors that may serve tags, in order.
    pub(crate) mirrors: Vec<Mirror>,
}

/// A `[[registry.mirror]]` table.
#[derive(Debug, Clone)]
pub(crate) struct Mirror {
    pub(crate) location: LocationPrefix,
    pub(crate) insecure: bool,
}

/// The whole file. Its other settings are about short names and pulls.
#[derive(Deserialize)]
struct RawFile {
    #[serde(default)]
    registry: Vec<Spanned<RawTable>>,
    registries: Option<Spanned<RawVersion1>>,
}

/// An unknown key is an error because it may be a misspelt `blocked`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawTable {
    prefix: Option<Spanned<String>>,
    location: Option<Spanned<String>>,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    blocked: bool,
    #[serde(default)]
    mirror_by_digest_only: bool,
    #[serde(default)]
    mirror: Vec<Spanned<RawMirror>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawMirror {
    location: Spanned<String>,
    #[serde(default)]
    insecure: bool,
    pull_from_mirror: Option<Spanned<PullFromMirror>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum PullFromMirror {
    #[serde(alias = "")]
    All,
    DigestOnly,
    TagOnly,
}

/// Version 1 of the format: lists of hosts.
#[derive(Deserialize)]
struct RawVersion1 {
    #[serde(default)]
    insecure: RawList,
    #[serde(default)]
    block: RawList,
}

#[derive(Deserialize, Default)]
struct RawList {
    #[serde(default)]
    registries: Vec<String>,
}

/// Parses one file.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Table>, ConfSyntaxError> {
    let conf = ConfText(bytes);
    let text = std::str::from_utf8(bytes)
        .map_err(|error| conf.error(error.valid_up_to(), "the file is not UTF-8".to_owned()))?;
    let file: RawFile = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        conf.error(at, quote(error.message()))
    })?;
    if let Some(old) = file.registries {
        let RawVersion1 { insecure, block } = old.get_ref();
        if !(insecure.registries.is_empty() && block.registries.is_empty()) {
            return Err(conf.error(
                old.span().start,
                "[registries.insecure] and [registries.block] are version 1 of the format, which is not supported: write a [[registry]] table with `insecure` or `blocked` for each host".to_owned(),
            ));
        }
    }
    let mut tables: Vec<Table> = Vec::new();
    for raw in file.registry {
        let at = raw.span().start;
        let table = conf.table(raw.into_inner(), at)?;
        if let Some(first) = tables.iter().find(|other| other.prefix == table.prefix) {
            let what = format!(
                "{} already has a table, in line {}",
                table.prefix, first.line
            );
            return Err(conf.error(at, what));
        }
        tables.push(table);
    }
    Ok(tables)
}

/// The text of a file, which turns offsets into lines.
struct ConfText<'a>(&'a [u8]);

impl ConfText<'_> {
    fn line(&self, at: usize) -> usize {
        let before = self.0.get(..at).unwrap_or(self.0);
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    fn error(&self, at: usize, what: String) -> ConfSyntaxError {
        ConfSyntaxError {
            line: self.line(at),
            what,
        }
    }

    fn table(&self, raw: RawTable, at: usize) -> Result<Table, ConfSyntaxError> {
        let location = raw.location.as_ref().map(|text| self.location(text));
        let location = location.transpose()?;
        let prefix = match (&raw.prefix, &location) {
            (Some(text), _) if !text.get_ref().is_empty() => self.prefix(text)?,
            (_, Some(location)) => NamePrefix::Path(location.clone()),
            (_, None) => {
                return Err(self.error(at, "[[registry]] has no `location`".to_owned()));
            }
        };
        if location.is_none() && matches!(prefix, NamePrefix::Path(_)) {
            let what = format!("[[registry]] with the prefix {prefix} has no `location`");
            return Err(self.error(at, what));
        }
        let mut mirrors = Vec::new();
        for mirror in &raw.mirror {
            let mirror = mirror.get_ref();
            let location = self.location(&mirror.location)?;
            let pull = mirror.pull_from_mirror.as_ref();
            if let Some(pull) = pull.filter(|_| raw.mirror_by_digest_only) {
                return Err(self.error(
                    pull.span().start,
                    "`pull-from-mirror` cannot be combined with `mirror-by-digest-only`".to_owned(),
                ));
            }
            let only_digests = raw.mirror_by_digest_only
                || pull.is_some_and(|pull| *pull.get_ref() == PullFromMirror::DigestOnly);
            if !only_digests {
                mirrors.push(Mirror {
                    location,
                    insecure: mirror.insecure,
                });
            }
        }
        Ok(Table {
            line: self.line(at),
            prefix,
            location,
            insecure: raw.insecure,
            blocked: raw.blocked,
            mirrors,
        })
    }

    fn location(&self, text: &Spanned<String>) -> Result<LocationPrefix, ConfSyntaxError> {
        LocationPrefix::parse(text.get_ref()).ok_or_else(|| {
            let quoted = quote(text.get_ref());
            let what = format!("location {quoted:?} is not HOST[:PORT][/PATH]");
            self.error(text.span().start, what)
        })
    }

    fn prefix(&self, text: &Spanned<String>) -> Result<NamePrefix, ConfSyntaxError> {
        NamePrefix::parse(text.get_ref()).ok_or_else(|| {
            let quoted = quote(text.get_ref());
            let what = format!("prefix {quoted:?} is neither HOST[:PORT][/PATH] nor *.HOST");
            self.error(text.span().start, what)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(text: &[u8]) -> String {
        let ConfSyntaxError { line, what } = parse(text).expect_err("an error");
        format!("{line}: {what}")
    }

    #[test]
    fn an_error_is_reported_with_its_line() {
        for (text, expected) in [
            ("[[registry]", "1: "),
            ("a = 1\na = 2", "2: "),
            (
                "[[registry]]\nlocation = \"a.io\"\nblock = true",
                "3: unknown field `block`",
            ),
            (
                "[[registry]]\nlocation = \"a.io\"\n\nblocked = \"yes\"",
                "4: invalid type: string \"yes\", expected a boolean",
            ),
            (
                "[[registry]]\nlocation = \"mirror\"",
                "2: location \"mirror\" is not HOST[:PORT][/PATH]",
            ),
            (
                "[[registry]]\nlocation = \"a.io\"\nprefix = \"a.io/x:1.0\"",
                "3: prefix \"a.io/x:1.0\" is neither HOST[:PORT][/PATH] nor *.HOST",
            ),
            (
                "\n[[registry]]\nblocked = true",
                "2: [[registry]] has no `location`",
            ),
            (
                "[[registry]]\nprefix = \"a.io\"",
                "1: [[registry]] with the prefix a.io has no `location`",
            ),
            (
                "[[registry]]\nlocation = \"a.io\"\n[[registry]]\nprefix = \"A.io\"\nlocation = \"b.io\"",
                "3: a.io already has a table, in line 1",
            ),
            (
                "[[registry]]\nlocation = \"a.io\"\n[[registry.mirror]]\ninsecure = true",
                "3: missing field `location`",
            ),
            (
                "[[registry]]\nlocation = \"a.io\"\n[[registry.mirror]]\nlocation = \"http://b.io\"",
                "4: location \"http://b.io\" is not",
            ),
            (
                "[[registry]]\nlocation = \"a.io\"\n[[registry.mirror]]\nlocation = \"b.io\"\npull-from-mirror = \"tags\"",
                "5: unknown variant `tags`",
            ),
            (
                "[[registry]]\nlocation = \"a.io\"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = \"b.io\"\npull-from-mirror = \"all\"",
                "6: `pull-from-mirror` cannot be combined",
            ),
            (
                "[registries.search]\nregistries = []\n[registries.block]\nregistries = [\"a.io\"]",
                "1: [registries.insecure] and [registries.block] are version 1",
            ),
        ] {
            let fault = error_of(text.as_bytes());
            assert!(fault.starts_with(expected), "{text}\n{fault}");
        }
        assert_eq!(error_of(b"a = 1\n# \xff"), "2: the file is not UTF-8");
    }

    #[test]
    fn settings_for_short_names_and_pulls_are_ignored() {
        let tables = parse(
            br#"
            unqualified-search-registries = ["docker.io", "quay.io"]
            short-name-mode = "enforcing"
            credential-helpers = ["containers-auth.json"]
            additional-layer-store-auth-helper = "x"
            [aliases]
            "nginx" = "quay.io/nginx/nginx"
            [registries.search]
            registries = ["docker.io"]
            [registries.insecure]
            registries = []
            "#,
        );
        assert_eq!(tables.map(|tables| tables.len()), Ok(0));
        assert_eq!(parse(b"").map(|tables| tables.len()), Ok(0));
    }
}
