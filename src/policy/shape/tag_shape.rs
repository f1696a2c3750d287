//! Reads which parts of a tag are fixed, and which ones change from build to build.
//!
//! `amd64-1.2.3-r12` is the text `amd64-`, the version `1.2.3`, the text `-r` and the
//! number `12`.

use crate::policy::syntax::version::is_stage_word;

/// Words before a number that counts builds. Any other word with a number names a
/// variant (`alpine3`, `debian-12`), unless there is a dot between them (`gke.100`).
const COUNTER_WORDS: [&str; 20] = [
    "a", "b", "build", "c", "eksbuild", "fix", "hotfix", "k3s", "ls", "p", "patch", "pl", "post",
    "r", "rel", "release", "rev", "rke2r", "u", "v",
];

/// The lengths of abbreviated commits.
const ABBREVIATED: std::ops::RangeInclusive<usize> = 7..=40;
/// The lengths of whole commits and digests.
const WHOLE: [usize; 2] = [40, 64];

/// A part of a tag besides its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShapePiece<'t> {
    /// It is the same in every tag of the shape.
    Text(&'t str),
    /// A commit with this many hexadecimal digits.
    Commit(usize),
    /// A number that counts up; whether a word precedes it (`ls135`).
    Counter {
        /// The number.
        digits: &'t str,
        /// Whether a word precedes it.
        has_word: bool,
    },
}

/// A tag in parts. The version may be missing, and then everything is in `before`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TagShape<'t> {
    /// What precedes the version.
    pub(super) before: Vec<ShapePiece<'t>>,
    /// The numbers of the version; empty if there is no version.
    pub(super) numbers: Vec<&'t str>,
    /// The stage before a release, with its hyphen: `-rc.1`.
    pub(super) stage: Option<&'t str>,
    /// What follows the version.
    pub(super) after: Vec<ShapePiece<'t>>,
}

impl<'t> TagShape<'t> {
    /// Reads a tag.
    pub(super) fn read(tag: &'t str) -> Self {
        let commits = commits(tag);
        let Some((start, end)) = version(tag, &commits) else {
            return Self {
                before: texts_and_commits(tag, 0, &commits),
                numbers: Vec::new(),
                stage: None,
                after: Vec::new(),
            };
        };
        let stage = stage(&tag[end..]);
        let rest = end + stage.map_or(0, str::len);
        Self {
            before: texts_and_commits(&tag[..start], 0, &commits),
            numbers: tag[start..end].split('.').collect(),
            stage,
            after: suffix(tag, end, rest, &commits),
        }
    }

    /// Whether the tag contains a commit.
    pub(super) fn has_commit(&self) -> bool {
        let mut pieces = self.before.iter().chain(&self.after);
        pieces.any(|piece| matches!(piece, ShapePiece::Commit(_)))
    }

    /// The text before the version, if it is the only piece there.
    pub(super) fn prefix(&self) -> Option<&'t str> {
        match self.before.as_slice() {
            [] => Some(""),
            [ShapePiece::Text(text)] => Some(text),
            _ => None,
        }
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, '-' | '_' | '.')
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn letters(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_alphabetic).count()
}

fn is_counter_word(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    COUNTER_WORDS.contains(&lower.as_str()) || is_stage_word(word)
}

/// Where the commits of a tag start and end.
fn commits(tag: &str) -> Vec<(usize, usize)> {
    let mut start = 0;
    let mut found = Vec::new();
    for segment in tag.split(is_separator) {
        let end = start + segment.len();
        let described = segment.strip_prefix('g');
        if is_commit(segment) {
            found.push((start, end));
        } else if described.is_some_and(is_hexadecimal) && end - start > *ABBREVIATED.start() {
            // The form of `git describe`: 1.2.3-4-g9e3bdaf.
            found.push((start + 1, end));
        }
        start = end + 1;
    }
    found
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// An abbreviated commit needs a digit and a letter, because it could otherwise be a
/// number or a word.
fn is_commit(segment: &str) -> bool {
    let has_both = segment.bytes().any(|b| b.is_ascii_digit())
        && segment.bytes().any(|b| b.is_ascii_alphabetic());
    let is_abbreviated = ABBREVIATED.contains(&segment.len()) && has_both;
    is_hexadecimal(segment) && (is_abbreviated || WHOLE.contains(&segment.len()))
}

/// Where the version starts and ends: at the start of the tag, or otherwise the one
/// with the most numbers.
fn version(tag: &str, commits: &[(usize, usize)]) -> Option<(usize, usize)> {
    let mut best: Option<(usize, usize)> = None;
    let mut best_numbers = 0;
    let mut at = 0;
    while at < tag.len() {
        if let Some((_, end)) = commits.iter().find(|(start, _)| *start == at) {
            at = *end;
            continue;
        }
        if digits(&tag[at..]) == 0 {
            at += 1;
            continue;
        }
        let end = dotted(tag, at, commits);
        let numbers = tag[at..end].split('.').count();
        if begins_version(&tag[..at], numbers) && may_follow_version(&tag[end..], numbers) {
            if matches!(&tag[..at], "" | "v") {
                return Some((at, end));
            }
            if numbers > best_numbers {
                best_numbers = numbers;
                best = Some((at, end));
            }
        }
        at = end;
    }
    best
}

/// Where the dot-separated numbers end that start here.
fn dotted(tag: &str, start: usize, commits: &[(usize, usize)]) -> usize {
    let mut end = start + digits(&tag[start..]);
    while let Some(rest) = tag[end..].strip_prefix('.') {
        let is_commit = commits.iter().any(|(start, _)| *start == end + 1);
        if digits(rest) == 0 || is_commit {
            break;
        }
        end += 1 + digits(rest);
    }
    end
}

/// Whether a version may begin after this text: after a separator, or after a word such
/// as `v`. A single number after any other word is part of a name (`amd64`).
fn begins_version(before: &str, numbers: usize) -> bool {
    let word = before.rsplit(is_separator).next().unwrap_or_default();
    let is_word = word.bytes().all(|b| b.is_ascii_alphabetic());
    word.is_empty() || is_word && (numbers > 1 || is_counter_word(word))
}

/// Whether the text after the numbers allows them to be a version. `4s7bsgv` is not one.
fn may_follow_version(rest: &str, numbers: usize) -> bool {
    let word = &rest[..letters(rest)];
    let has_number = digits(&rest[word.len()..]) > 0;
    numbers > 1 || word.is_empty() || has_number && (word == "T" || is_counter_word(word))
}

/// The stage before a release that a suffix starts with: `-rc.1`.
fn stage(suffix: &str) -> Option<&str> {
    let word = letters(suffix.strip_prefix('-')?);
    if !is_stage_word(&suffix[1..=word]) {
        return None;
    }
    let end = 1 + word;
    let rest = &suffix[end..];
    let separator = usize::from(rest.starts_with(['.', '-']));
    let number = digits(&rest[separator..]);
    let end = if number > 0 {
        end + separator + number
    } else {
        end
    };
    let is_whole = suffix[end..].is_empty() || suffix[end..].starts_with(is_separator);
    is_whole.then_some(&suffix[..end])
}

fn texts_and_commits<'t>(
    text: &'t str,
    offset: usize,
    commits: &[(usize, usize)],
) -> Vec<ShapePiece<'t>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    for (start, end) in commits {
        let Some(start) = start.checked_sub(offset) else {
            continue;
        };
        let end = end - offset;
        if end > text.len() {
            break;
        }
        push_text(&mut pieces, &text[at..start]);
        pieces.push(ShapePiece::Commit(end - start));
        at = end;
    }
    push_text(&mut pieces, &text[at..]);
    pieces
}

fn push_text<'t>(pieces: &mut Vec<ShapePiece<'t>>, text: &'t str) {
    if !text.is_empty() {
        pieces.push(ShapePiece::Text(text));
    }
}

/// The pieces from `start` to the end. The version ends at `version_end`.
fn suffix<'t>(
    tag: &'t str,
    version_end: usize,
    start: usize,
    commits: &[(usize, usize)],
) -> Vec<ShapePiece<'t>> {
    let mut pieces = Vec::new();
    let mut text = start;
    let mut at = start;
    // Where the last part ended that changes from build to build.
    let mut changes_until = start;
    while at < tag.len() {
        let commit = commits.iter().find(|(start, _)| *start == at);
        let number = digits(&tag[at..]);
        let piece = match commit {
            Some((start, end)) => Some((*end, ShapePiece::Commit(end - start))),
            None if number == 0 => None,
            None => {
                let digits = &tag[at..at + number];
                let between = &tag[version_end..at];
                counter(between, &tag[changes_until..at])
                    .map(|has_word| (at + number, ShapePiece::Counter { digits, has_word }))
            }
        };
        match piece {
            Some((end, piece)) => {
                push_text(&mut pieces, &tag[text..at]);
                pieces.push(piece);
                (text, at, changes_until) = (end, end, end);
            }
            None => at += number.max(1),
        }
    }
    push_text(&mut pieces, &tag[text..]);
    pieces
}

/// Whether a number counts up, and then whether a word precedes it. `before` is the text
/// from the version to the number, and `since` the text since the last changing part.
fn counter(before: &str, since: &str) -> Option<bool> {
    if matches!(since, "-" | "_" | "." | "T") {
        return Some(false);
    }
    let attached = before.rsplit(is_separator).next().unwrap_or_default();
    if !attached.is_empty() {
        return is_counter_word(attached).then_some(true);
    }
    let separator = before.chars().next_back()?;
    let word = before[..before.len() - 1].rsplit(is_separator).next()?;
    let is_word = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphabetic());
    (is_counter_word(word) || is_word && separator == '.').then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The version in angle brackets, counters and commits in square ones.
    fn marked(tag: &str) -> String {
        let shape = TagShape::read(tag);
        let pieces = |pieces: &[ShapePiece<'_>]| -> String {
            let texts = pieces.iter().map(|piece| match piece {
                ShapePiece::Text(text) => (*text).to_owned(),
                ShapePiece::Commit(length) => format!("[hex {length}]"),
                ShapePiece::Counter { digits, .. } => format!("[{digits}]"),
            });
            texts.collect()
        };
        let version = match shape.numbers.as_slice() {
            [] => String::new(),
            numbers => format!("<{}{}>", numbers.join("."), shape.stage.unwrap_or_default()),
        };
        format!("{}{version}{}", pieces(&shape.before), pieces(&shape.after))
    }

    #[test]
    fn parts_of_a_tag_are_recognised() {
        for expected in [
            "<1.2.3>",
            "v<1.2.3>",
            "<3>",
            "v<2>",
            "b<1234>",
            "amd64-<1.2.3>",
            "x86_64-<1.2.3>",
            "jdk-<17.0.2>",
            "jdk-<17.0.2>_[8]",
            "jdk-<17.0.2>-alpine3.19",
            "go<1.21.3>",
            "<1.2.3.4>",
            "<3.0.3.624>-ls[135]",
            "<1.2.3>-r[12]",
            "<1.2.3>-debian-12-r[9]",
            "v<1.10.1>-eksbuild.[6]",
            "v<1.27.3>-gke.[100]",
            "v<1.27.3>-k3s[1]",
            "v<1.27.3>-rke2r[1]",
            "<1.2.3>-[4]-g[hex 7]",
            "<1.2.3>-alpine3.19",
            "<1.2.3-rc.1>",
            "<1.2.3-rc.1>-alpine3.19",
            "<1.2.3-SNAPSHOT>",
            "<1.2.3>.Final",
            "<2024.01.15>",
            "<2024>-[01]-[15]",
            "<20240115>-[2]",
            "RELEASE.<2024>-[01]-[16]T[16]-[07]-[38]Z",
            "<8>u[392]-b[08]",
            "[hex 7]",
            "sha-[hex 7]",
            "main-[hex 7]-<1700000000>",
            "stg-4s7bsgv",
            "amd64",
            "arm64v8",
            "bullseye",
            "debian12",
            "main",
        ] {
            let commit = "9e3bdaf";
            let tag = expected.replace("hex 7", commit);
            let tag = tag.replace(['<', '>', '[', ']'], "");
            assert_eq!(marked(&tag), expected, "{tag}");
        }
        let whole = "9e3bdaf0129e3bdaf0129e3bdaf0129e3bdaf012";
        assert_eq!(marked(whole), "[hex 40]");
        assert_eq!(marked(&"1".repeat(40)), "[hex 40]");
        assert_eq!(marked("1234567"), "<1234567>");
        assert_eq!(marked("defaced"), "defaced");
    }
}
