//! One file: TOML to tables.

use serde::Deserialize;
use toml::Spanned;

use crate::secrets::quote as clean;

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
    /// Missing only where names stay as they are: below `*.HOST`.
    pub(crate) location: Option<LocationPrefix>,
    pub(crate) insecure: bool,
    pub(crate) blocked: bool,
    /// Those that may be asked for tags, in their order.
    pub(crate) mirrors: Vec<Mirror>,
}

/// A `[[registry.mirror]]` table.
#[derive(Debug, Clone)]
pub(crate) struct Mirror {
    pub(crate) location: LocationPrefix,
    pub(crate) insecure: bool,
}

/// The whole file. What else may stand in it is about short names and pulls.
#[derive(Deserialize)]
struct RawFile {
    #[serde(default)]
    registry: Vec<Spanned<RawTable>>,
    registries: Option<Spanned<RawVersion1>>,
}

/// An unknown key is refused: it may be a misspelt `blocked`.
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

/// Reads one file.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Table>, ConfSyntaxError> {
    let text = std::str::from_utf8(bytes).map_err(|error| ConfSyntaxError {
        line: line_of(bytes, error.valid_up_to()),
        what: "the file is not UTF-8".to_owned(),
    })?;
    let fault = |at: usize, what: String| ConfSyntaxError {
        line: line_of(bytes, at),
        what,
    };
    let file: RawFile = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        fault(at, clean(error.message()))
    })?;
    if let Some(old) = file.registries {
        let RawVersion1 { insecure, block } = old.get_ref();
        if !(insecure.registries.is_empty() && block.registries.is_empty()) {
            return Err(fault(
                old.span().start,
                "[registries.insecure] and [registries.block] are version 1 of the format, which is not supported: write a [[registry]] table with `insecure` or `blocked` for each host".to_owned(),
            ));
        }
    }
    let mut tables: Vec<Table> = Vec::new();
    for raw in file.registry {
        let at = raw.span().start;
        let table = table(raw.into_inner(), at, &fault)?;
        if let Some(first) = tables.iter().find(|other| other.prefix == table.prefix) {
            return Err(fault(
                at,
                format!(
                    "{} already has a table, in line {}",
                    table.prefix, first.line
                ),
            ));
        }
        tables.push(table);
    }
    Ok(tables)
}

fn table(
    raw: RawTable,
    at: usize,
    fault: &impl Fn(usize, String) -> ConfSyntaxError,
) -> Result<Table, ConfSyntaxError> {
    let namespace = |text: &Spanned<String>| {
        LocationPrefix::parse(text.get_ref()).ok_or_else(|| {
            let text_of = clean(text.get_ref());
            fault(
                text.span().start,
                format!("location {text_of:?} is not HOST[:PORT][/PATH]"),
            )
        })
    };
    let location = raw.location.as_ref().map(namespace).transpose()?;
    let prefix = match (&raw.prefix, &location) {
        (Some(text), _) if !text.get_ref().is_empty() => NamePrefix::parse(text.get_ref())
            .ok_or_else(|| {
                let text_of = clean(text.get_ref());
                fault(
                    text.span().start,
                    format!("prefix {text_of:?} is neither HOST[:PORT][/PATH] nor *.HOST"),
                )
            })?,
        (_, Some(location)) => NamePrefix::Path(location.clone()),
        (_, None) => {
            return Err(fault(at, "[[registry]] has no `location`".to_owned()));
        }
    };
    if location.is_none() && matches!(prefix, NamePrefix::Path(_)) {
        return Err(fault(
            at,
            format!("[[registry]] with the prefix {prefix} has no `location`"),
        ));
    }
    let mut mirrors = Vec::new();
    for mirror in &raw.mirror {
        let mirror = mirror.get_ref();
        let location = namespace(&mirror.location)?;
        let pull = mirror.pull_from_mirror.as_ref();
        if let Some(pull) = pull.filter(|_| raw.mirror_by_digest_only) {
            return Err(fault(
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
        line: fault(at, String::new()).line,
        prefix,
        location,
        insecure: raw.insecure,
        blocked: raw.blocked,
        mirrors,
    })
}

fn line_of(bytes: &[u8], at: usize) -> usize {
    let before = bytes.get(..at).unwrap_or(bytes);
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_of(text: &[u8]) -> String {
        let ConfSyntaxError { line, what } = parse(text).expect_err("a fault");
        format!("{line}: {what}")
    }

    #[test]
    fn a_fault_is_named_with_its_line() {
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
            let fault = fault_of(text.as_bytes());
            assert!(fault.starts_with(expected), "{text}\n{fault}");
        }
        assert_eq!(fault_of(b"a = 1\n# \xff"), "2: the file is not UTF-8");
    }

    #[test]
    fn what_is_about_short_names_and_pulls_is_passed_over() {
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
