//! A decision in one sentence, and what to do next.

use super::columns::{lock_phrase, version, version_of};
use super::text::sanitize::sanitize;
use crate::evaluator::{Outcome, Reason, Row, State};
use crate::image::ImageReference;
use crate::policy::WarningCode;

/// What becomes of the container, in a sentence.
#[must_use]
pub fn sentence(row: &Row) -> String {
    let decision = &row.decision;
    let from = version_of(&row.image);
    let latest = decision
        .latest
        .as_ref()
        .and_then(version)
        .unwrap_or_default();
    let text = match decision.outcome {
        Outcome::Update => format!("would move from {from} to {latest}: {}", told(row)),
        Outcome::Keep if decision.is_behind() => {
            let held = match decision.state {
                State::Locked => "only the lock holds it back",
                State::Ignored => "only the ignore annotation holds it back",
                State::Manual | State::Automated => "nobody has automated it",
            };
            format!(
                "stays at {from}: {}; {latest} is elected, and {held}",
                told(row)
            )
        }
        Outcome::Keep => format!("stays at {from}: {}", told(row)),
        Outcome::Unknown => {
            format!(
                "undecided, so it stays at {from}: {} ({})",
                told(row),
                decision.reason
            )
        }
    };
    let mut text = sanitize(&text).into_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// The reason in words, with the tags, versions and errors in it where the
/// evaluator gave them.
fn told(row: &Row) -> String {
    let decision = &row.decision;
    match &decision.lock {
        Some(lock) if decision.reason == Reason::Locked => lock_phrase(lock),
        _ if decision.message.trim().is_empty() => decision.reason.phrase().to_owned(),
        _ => decision.message.clone(),
    }
}

/// The flags that a suggested command has to repeat, so that it means the same
/// cluster and the same images.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RepeatedFlags {
    /// Those that choose the cluster and who asks.
    pub client: Vec<String>,
    /// Those that say where images come from.
    pub registry: Vec<String>,
    /// Those that say with which credentials, for commands about workloads.
    pub pull_secrets: Vec<String>,
    /// The files that were read, as they were given: `-f DIR -R`.
    pub files: Vec<String>,
}

/// What the decision asks for: a command ready to be pasted. `None` where there
/// is nothing to do, or the manifest came from standard input.
#[must_use]
pub fn next_step(row: &Row, flags: &RepeatedFlags) -> Option<String> {
    let container = ["-c", &row.container];
    let warnings = &row.decision.warnings;
    let is_writable = warnings.iter().all(|w| w.code != WarningCode::NotWritable);
    match row.decision.reason {
        // The command would be refused.
        Reason::NewerImage | Reason::Locked | Reason::Manual if !is_writable => None,
        Reason::NewerImage => asking(row, flags, "update", &container),
        Reason::Locked if row.decision.is_behind() => own_command(row, flags, "unlock", &[]),
        Reason::Manual => asking(row, flags, "automate", &[]),
        Reason::InvalidPolicy => {
            let words = ["kubectl", "imgpolicy", "test"];
            let words = words
                .into_iter()
                .chain([&*row.image, "--policy", "TYPE:EXPR"]);
            let further = flags.registry.iter().map(String::as_str);
            Some(command_line(words.chain(further)))
        }
        Reason::Unauthorized => {
            let image: ImageReference = row.image.parse().ok()?;
            Some(command_line([
                "docker",
                "login",
                image.canonical().registry(),
            ]))
        }
        Reason::UpToDate
        | Reason::Downgrade
        | Reason::VariantChange
        | Reason::NoMatchingTag
        | Reason::NoCreationTime
        | Reason::WrongPlatform
        | Reason::TooYoung => asking(row, flags, "images", &[]),
        Reason::Locked
        | Reason::Ignored
        | Reason::Excluded
        | Reason::ImageNotFound
        | Reason::UnparsableImage
        | Reason::RegistryError
        | Reason::RegistryUnreachable
        | Reason::RateLimited => None,
    }
}

/// A command that asks registries as this one did.
fn asking(row: &Row, flags: &RepeatedFlags, command: &str, further: &[&str]) -> Option<String> {
    let registries = flags.registry.iter().chain(&flags.pull_secrets);
    let registries = registries.map(String::as_str);
    let further: Vec<&str> = further.iter().copied().chain(registries).collect();
    own_command(row, flags, command, &further)
}

/// A command of this program about the row's workload.
fn own_command(
    row: &Row,
    flags: &RepeatedFlags,
    command: &str,
    further: &[&str],
) -> Option<String> {
    let workload = row.workload.exact();
    let mut words = vec!["kubectl", "imgpolicy", command, &workload];
    match &row.source {
        Some(source) if source.file == "-" => return None,
        Some(source) if flags.files.is_empty() => words.extend(["-f", &source.file]),
        // The policy may stand in another of the files than the workload.
        Some(_) => words.extend(flags.files.iter().map(String::as_str)),
        None => {
            words.extend(["-n", &row.workload.namespace]);
            words.extend(flags.client.iter().map(String::as_str));
        }
    }
    words.extend(further);
    Some(command_line(words))
}

/// The words as a shell reads them back.
#[must_use]
pub fn command_line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// The word as a shell reads it back; what a terminal would obey is gone.
fn quoted(word: &str) -> String {
    let word = sanitize(word);
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./-=:@+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_wants_it() {
        for (word, expected) in [
            ("deploy/web.yaml", "deploy/web.yaml"),
            ("my file", "'my file'"),
            ("it's", r"'it'\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
