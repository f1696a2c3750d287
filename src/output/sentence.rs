//! A decision in one sentence, and the suggested next command.

use super::columns::{lock_phrase, version, version_of};
use super::text::sanitize::sanitize;
use crate::evaluator::{Outcome, Reason, Row, State};
use crate::image::ImageReference;

/// What would happen to the container, in a sentence.
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
        Outcome::Update => format!(
            "would move from {from} to {latest}: {}",
            describe_reason(row)
        ),
        Outcome::Keep if decision.is_behind() => {
            let held = match decision.state {
                State::Locked => "the lock holds it back",
                State::Ignored => "the ignore annotation holds it back",
                State::Manual | State::Automated => "the workload is not automated",
            };
            format!(
                "stays at {from}: {}; {latest} is elected, but {held}",
                describe_reason(row)
            )
        }
        Outcome::Keep => format!("stays at {from}: {}", describe_reason(row)),
        Outcome::Unknown => {
            format!(
                "undecided, so it stays at {from}: {} ({})",
                describe_reason(row),
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

/// The reason in words, with the tags, versions and errors that the evaluator added.
fn describe_reason(row: &Row) -> String {
    let decision = &row.decision;
    match &decision.lock {
        Some(lock) if decision.reason == Reason::Locked => lock_phrase(lock),
        _ if decision.message.trim().is_empty() => decision.reason.phrase().to_owned(),
        _ => decision.message.clone(),
    }
}

/// The flags that a suggested command must repeat to act on the same cluster and the
/// same images.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RepeatedFlags {
    /// The flags that select the cluster and the user.
    pub client: Vec<String>,
    /// The flags that say where images come from.
    pub registry: Vec<String>,
    /// The flags that select pull secrets, for commands about workloads.
    pub pull_secrets: Vec<String>,
    /// The flags for the files that were read, as given: `-f DIR -R`.
    pub files: Vec<String>,
}

/// The command that resolves the decision, ready to paste. `None` if there is nothing
/// to do or the manifest came from standard input.
#[must_use]
pub fn next_step(row: &Row, flags: &RepeatedFlags) -> Option<String> {
    let container = ["-c", &row.container];
    let warnings = &row.decision.warnings;
    let is_writable = warnings.iter().all(|w| !w.code.prevents_writing());
    match row.decision.reason {
        // These commands refuse a workload that is not writable.
        Reason::NewerImage | Reason::Locked | Reason::Manual if !is_writable => None,
        Reason::NewerImage => registry_command(row, flags, "update", &container),
        Reason::Locked if row.decision.is_behind() => own_command(row, flags, "unlock", &[]),
        Reason::Manual => registry_command(row, flags, "automate", &[]),
        Reason::InvalidPolicy => {
            let words = ["kubectl", "imgpolicy", "test"];
            let words = words
                .into_iter()
                .chain([&*row.image, "--policy", "TYPE:EXPR"]);
            let extra = flags.registry.iter().map(String::as_str);
            Some(command_line(words.chain(extra)))
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
        | Reason::ChartTag
        | Reason::NoMatchingTag
        | Reason::NoCreationTime
        | Reason::WrongPlatform
        | Reason::TooYoung => registry_command(row, flags, "images", &[]),
        Reason::Locked
        | Reason::Ignored
        | Reason::Excluded
        | Reason::BeingDeleted
        | Reason::ImageNotFound
        | Reason::UnparsableImage
        | Reason::RegistryError
        | Reason::RegistryUnreachable
        | Reason::RateLimited
        | Reason::ScanTimeout => None,
    }
}

/// A command that queries registries with the same flags.
fn registry_command(
    row: &Row,
    flags: &RepeatedFlags,
    command: &str,
    extra: &[&str],
) -> Option<String> {
    let registries = flags.registry.iter().chain(&flags.pull_secrets);
    let registries = registries.map(String::as_str);
    let extra: Vec<&str> = extra.iter().copied().chain(registries).collect();
    own_command(row, flags, command, &extra)
}

/// A command of this program for the row's workload.
fn own_command(row: &Row, flags: &RepeatedFlags, command: &str, extra: &[&str]) -> Option<String> {
    let workload = row.workload.exact();
    let mut words = vec!["kubectl", "imgpolicy", command, &workload];
    match &row.source {
        Some(source) if source.file == "-" => return None,
        Some(source) if flags.files.is_empty() => words.extend(["-f", &source.file]),
        // The policy may be in a different file than the workload.
        Some(_) => words.extend(flags.files.iter().map(String::as_str)),
        None => {
            words.extend(["-n", &row.workload.namespace]);
            words.extend(flags.client.iter().map(String::as_str));
        }
    }
    words.extend(extra);
    Some(command_line(words))
}

/// Joins words into a command line, quoted for a shell.
#[must_use]
pub fn command_line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// Quotes a word for a shell, without the characters that a terminal would interpret.
fn quote(word: &str) -> String {
    let word = sanitize(word);
    let is_plain = word
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_./-=:@+,".contains(c));
    if is_plain && !word.is_empty() {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_if_a_shell_needs_it() {
        for (word, expected) in [
            ("deploy/web.yaml", "deploy/web.yaml"),
            ("my file", "'my file'"),
            ("it's", r"'it'\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("", "''"),
        ] {
            assert_eq!(quote(word), expected);
        }
    }
}
