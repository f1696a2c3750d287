//! Which version of which source code an image was built from, and where a forge shows the
//! difference between two of them.
//!
//! The labels are written by whoever builds the image. So only what is safe in a URL is kept, and
//! nothing with a login.

use serde::{Deserialize, Serialize};

/// The longest address that is kept, in bytes.
const MAX_SOURCE: usize = 512;

/// The longest revision that is kept, in bytes.
const MAX_REVISION: usize = 128;

/// The labels `org.opencontainers.image.source` and `org.opencontainers.image.revision`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeVersion {
    /// The address of the source code, without `.git`.
    source: String,
    /// A commit, a tag or a branch.
    revision: String,
}

impl CodeVersion {
    /// Reads the labels; `None` if one of them cannot be used.
    #[must_use]
    pub fn new(source: &str, revision: &str) -> Option<Self> {
        Some(Self {
            source: normalised(source)?,
            revision: Some(revision.trim())
                .filter(|text| is_revision(text))?
                .to_owned(),
        })
    }

    /// The page that compares two versions of the same source code; `None` if the form of the
    /// address is not certain.
    #[must_use]
    pub fn compare_url(old: &Self, new: &Self) -> Option<String> {
        // What a cache or a snapshot has kept is checked as well.
        let [old, new] = [old, new].map(|one| Self::new(&one.source, &one.revision));
        let (old, new) = (old?, new?);
        if old.source != new.source || old.revision == new.revision {
            return None;
        }
        let source = &new.source;
        let (_, address) = source.split_once("://")?;
        let (host, path) = address.split_once('/')?;
        let (from, to) = (&old.revision, &new.revision);
        let names = path.split('/').count();
        Some(match Forge::of_host(host)? {
            Forge::GitLab if names >= 2 => format!("{source}/-/compare/{from}...{to}"),
            Forge::GitHub | Forge::Gitea if names == 2 => format!("{source}/compare/{from}...{to}"),
            Forge::Bitbucket if names == 2 => format!("{source}/branches/compare/{to}..{from}"),
            _ => return None,
        })
    }
}

/// The forges whose addresses are known.
enum Forge {
    GitHub,
    GitLab,
    Bitbucket,
    Gitea,
}

impl Forge {
    /// The forge of a host, which may have a port.
    fn of_host(host: &str) -> Option<Self> {
        let name = host.split_once(':').map_or(host, |(name, _)| name);
        match name {
            "github.com" => Some(Self::GitHub),
            "gitlab.com" => Some(Self::GitLab),
            "bitbucket.org" => Some(Self::Bitbucket),
            "codeberg.org" | "gitea.com" => Some(Self::Gitea),
            // Installations of one's own are usually named after the program.
            _ => match name.split_once('.')?.0 {
                "github" => Some(Self::GitHub),
                "gitlab" => Some(Self::GitLab),
                "gitea" | "forgejo" => Some(Self::Gitea),
                _ => None,
            },
        }
    }
}

/// The address of a repository in one spelling: `https://github.com/org/app`.
fn normalised(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() > MAX_SOURCE {
        return None;
    }
    let (scheme, rest) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "https" | "http") {
        return None;
    }
    let (host, path) = rest.split_once('/')?;
    let host = host.to_ascii_lowercase();
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let names = path.split('/');
    let is_plain = !host.is_empty()
        && host.chars().all(is_of_host)
        && names.into_iter().all(|name| {
            !matches!(name, "" | "." | "..") && name.chars().all(is_plain) && !name.starts_with('-')
        });
    is_plain.then(|| format!("{scheme}://{host}/{path}"))
}

fn is_of_host(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':')
}

/// Characters with no meaning of their own in a URL, and in text that is shown.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '~')
}

/// Whether a text is a hash, or a name of a tag or a branch that needs no escapes in a URL.
fn is_revision(text: &str) -> bool {
    text.len() <= MAX_REVISION && text.split('/').all(is_name) && !text.contains("..")
}

/// Whether a text can be a part of the name of a tag or a branch, between slashes.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(['.', '-'])
        && !text.ends_with('.')
        && text.chars().all(is_plain)
}

/// Whether a text that somebody else has written may be shown as the address of a comparison.
#[must_use]
pub fn is_shown_as_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    text.len() <= MAX_SOURCE + 3 * MAX_REVISION
        && rest.is_some_and(|rest| {
            let mut letters = rest.chars();
            !rest.is_empty() && letters.all(|c| is_plain(c) || matches!(c, '/' | ':'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(old: (&str, &str), new: (&str, &str)) -> Option<String> {
        let [old, new] = [old, new].map(|(source, revision)| CodeVersion::new(source, revision));
        CodeVersion::compare_url(&old?, &new?)
    }

    #[test]
    fn each_forge_has_its_form() {
        for (source, expected) in [
            (
                "https://github.com/o/a",
                "https://github.com/o/a/compare/aaa1...v1.2",
            ),
            (
                "https://GitHub.com/o/a.git",
                "https://github.com/o/a/compare/aaa1...v1.2",
            ),
            (
                "https://github.com/o/a/",
                "https://github.com/o/a/compare/aaa1...v1.2",
            ),
            (
                "https://gitlab.com/g/s/a",
                "https://gitlab.com/g/s/a/-/compare/aaa1...v1.2",
            ),
            (
                "https://bitbucket.org/o/a",
                "https://bitbucket.org/o/a/branches/compare/v1.2..aaa1",
            ),
            (
                "https://codeberg.org/o/a",
                "https://codeberg.org/o/a/compare/aaa1...v1.2",
            ),
            (
                "http://gitea.example:3000/o/a",
                "http://gitea.example:3000/o/a/compare/aaa1...v1.2",
            ),
            (
                "https://gitlab.corp.example/g/a",
                "https://gitlab.corp.example/g/a/-/compare/aaa1...v1.2",
            ),
        ] {
            let found = url((source, "aaa1"), (source, "v1.2"));
            assert_eq!(found.as_deref(), Some(expected), "{source}");
        }
        // Two spellings of one address.
        let found = url(
            ("https://github.com/o/a", "1"),
            ("https://github.com/o/a.git", "2"),
        );
        assert_eq!(
            found.as_deref(),
            Some("https://github.com/o/a/compare/1...2")
        );
    }

    #[test]
    fn without_a_certain_address_there_is_none() {
        let good = "https://github.com/o/a";
        for (old, new, why) in [
            (
                (good, "1"),
                ("https://github.com/o/b", "2"),
                "another repository",
            ),
            ((good, "1"), (good, "1"), "the same revision"),
            (
                ("https://git.example/o/a", "1"),
                ("https://git.example/o/a", "2"),
                "an unknown host",
            ),
            (
                ("https://github.com/o", "1"),
                ("https://github.com/o", "2"),
                "no repository",
            ),
            (
                ("https://github.com/o/a/tree/main/b", "1"),
                ("https://github.com/o/a/tree/main/b", "2"),
                "a folder",
            ),
            (
                ("git@github.com:o/a", "1"),
                ("git@github.com:o/a", "2"),
                "ssh",
            ),
            (
                ("ssh://github.com/o/a", "1"),
                ("ssh://github.com/o/a", "2"),
                "another scheme",
            ),
            (
                ("https://user:secret@github.com/o/a", "1"),
                ("https://user:secret@github.com/o/a", "2"),
                "a login",
            ),
            (
                ("https://github.com/o/a?x=1", "1"),
                ("https://github.com/o/a?x=1", "2"),
                "a query",
            ),
            (
                ("https://github.com/../a", "1"),
                ("https://github.com/../a", "2"),
                "dots",
            ),
            ((good, ""), (good, "2"), "no revision"),
            ((good, "a b"), (good, "2"), "a blank"),
            ((good, "a\nb"), (good, "2"), "a line end"),
            ((good, "1...2"), (good, "2"), "dots in the revision"),
            ((good, "-x"), (good, "2"), "a flag"),
            ((good, "1#x"), (good, "2"), "a fragment"),
            ((good, "1%2e"), (good, "2"), "an escape"),
        ] {
            assert_eq!(url(old, new), None, "{why}");
        }
        let long = format!("https://github.com/o/{}", "a".repeat(MAX_SOURCE));
        assert_eq!(CodeVersion::new(&long, "1"), None);
        assert_eq!(CodeVersion::new(good, &"a".repeat(MAX_REVISION + 1)), None);
    }

    #[test]
    fn text_of_others_is_shown_only_if_it_is_a_plain_url() {
        assert!(is_shown_as_url("https://gitlab.com/g/a/-/compare/1...v2"));
        for text in [
            "javascript:x",
            "https://",
            "https://a/b c",
            "https://a/\u{1b}[0m",
            "ftp://a/b",
        ] {
            assert!(!is_shown_as_url(text), "{text:?}");
        }
    }
}
