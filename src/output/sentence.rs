//! A decision in one sentence, and what to do next.

use super::columns::{lock_phrase, version, version_of};
use super::sanitize::sanitize;
use crate::evaluator::{Outcome, Reason, Row, State};
use crate::image::ImageReference;
use crate::workload::WorkloadKind;

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
}

/// What the decision asks for: a command ready to be pasted, kubectl's where
/// this program has none of its own yet; for a file, the place and the edit.
/// `None` where there is nothing to do.
#[must_use]
pub fn next_step(row: &Row, flags: &RepeatedFlags) -> Option<String> {
    let decision = &row.decision;
    match decision.reason {
        // kubectl knows no container in a release's values.
        _ if row.workload.kind == WorkloadKind::HelmRelease => images_command(row, flags),
        Reason::NewerImage => {
            let image = decision.latest.as_ref()?.to_string();
            let edit = format!("set the image of container {} to {image}", row.container);
            let words = ["set", "image"];
            change(
                row,
                flags,
                &words,
                &format!("{}={image}", row.container),
                &edit,
            )
        }
        Reason::Locked if decision.is_behind() => {
            let edit = "remove the annotation fluxcd.io/locked";
            change(row, flags, &["annotate"], "fluxcd.io/locked-", edit)
        }
        Reason::Manual => {
            let edit = "set the annotation fluxcd.io/automated to \"true\"";
            let words = ["annotate", "--overwrite"];
            change(row, flags, &words, "fluxcd.io/automated=true", edit)
        }
        Reason::InvalidPolicy => {
            let words = [
                "kubectl",
                "imgpolicy",
                "test",
                &row.image,
                "--policy",
                "TYPE:EXPR",
            ];
            Some(command_line(
                words
                    .into_iter()
                    .chain(flags.registry.iter().map(String::as_str)),
            ))
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
        | Reason::TooYoung => images_command(row, flags),
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

fn images_command(row: &Row, flags: &RepeatedFlags) -> Option<String> {
    let workload = row.workload.to_string();
    let mut words = vec!["kubectl", "imgpolicy", "images", &workload];
    match &row.source {
        Some(source) if source.file == "-" => return None,
        Some(source) => words.extend(["-f", &source.file]),
        None => {
            words.extend(["-n", &row.workload.namespace]);
            words.extend(flags.client.iter().map(String::as_str));
        }
    }
    let further = flags.registry.iter().chain(&flags.pull_secrets);
    Some(command_line(
        words.into_iter().chain(further.map(String::as_str)),
    ))
}

/// A command of kubectl that changes a live object. A file is not changed by a
/// command: kubectl's would print the whole file, and change every object in it.
fn change(
    row: &Row,
    flags: &RepeatedFlags,
    verb: &[&str],
    argument: &str,
    edit: &str,
) -> Option<String> {
    if let Some(source) = &row.source {
        let file = if source.file == "-" {
            "standard input"
        } else {
            &source.file
        };
        return Some(format!("in {file}, line {}, {edit}", source.line));
    }
    let workload = row.workload.to_string();
    let object = [workload.as_str(), argument, "-n", &row.workload.namespace];
    let client = flags.client.iter().map(String::as_str);
    let words = ["kubectl"]
        .into_iter()
        .chain(verb.iter().copied())
        .chain(object)
        .chain(client);
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
