//! A decision in one sentence, and the suggested next command.

use super::columns::{lock_phrase, version, version_of};
use super::text::sanitize::sanitize;
use crate::evaluator::{Examination, Outcome, Reason, Row};
use crate::image::ImageReference;
use crate::plan::{Automation, ContainerPolicyText};
use crate::policy::WarningCode;

/// One container with everything that explains its decision.
#[derive(Debug, Clone, Copy)]
pub struct Explained<'a> {
    /// The decision.
    pub row: &'a Row,
    /// How it was reached.
    pub examination: &'a Examination,
    /// Why `update` does not write the elected image.
    pub prevented_by: Option<&'a str>,
    /// What `automate` would do.
    pub automation: Automation,
}

/// What would happen to the container, in a sentence. `prevented_by`: why `update` does not
/// write the elected image.
#[must_use]
pub fn sentence(row: &Row, prevented_by: Option<&str>) -> String {
    let decision = &row.decision;
    let from = version_of(&row.image);
    let latest = decision
        .latest
        .as_ref()
        .and_then(version)
        .unwrap_or_default();
    let text = match decision.outcome {
        Outcome::Update => {
            let reason = describe_reason(row);
            match prevented_by {
                Some(why) => format!(
                    "stays at {from}, although {latest} is elected ({reason}), because an update \
                     is refused: {why}"
                ),
                None => format!("would move from {from} to {latest}: {reason}"),
            }
        }
        Outcome::Keep if decision.is_behind() => format!(
            "stays at {from}: {}; otherwise it would move to {latest}",
            describe_reason(row)
        ),
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
/// to do, if the command would be refused, or if the manifest came from standard input.
#[must_use]
pub fn next_step(explained: &Explained<'_>, flags: &RepeatedFlags) -> Option<String> {
    let row = explained.row;
    let container = ["-c", &row.container];
    let warnings = &row.decision.warnings;
    let is_writable = warnings.iter().all(|w| !w.code.prevents_writing());
    if row.image_policy.is_some() && !row.decision.automated {
        return marker_command(row, flags);
    }
    match row.decision.reason {
        // These commands refuse a workload that is not writable.
        Reason::NewerImage | Reason::Locked | Reason::Manual if !is_writable => None,
        Reason::NewerImage if explained.prevented_by.is_some() => None,
        Reason::NewerImage => registry_command(row, flags, "update", &container),
        Reason::Locked if row.decision.is_behind() => own_command(row, flags, "unlock", &[]),
        Reason::Manual => match explained.automation {
            Automation::Possible => registry_command(row, flags, "automate", &[]),
            Automation::Overwrites => registry_command(row, flags, "automate", &["--overwrite"]),
            Automation::Refused => None,
        },
        Reason::InvalidPolicy => {
            if let Some(policy) = dangling_policy(row) {
                let policy = format!("{}={policy}", row.container);
                return registry_command(row, flags, "policy set", &["--tag", &policy]);
            }
            // What a valid policy would be is not known; it is written for these tags.
            let words = ["kubectl", "imgpolicy", "images", &*row.image].into_iter();
            Some(command_line(
                words.chain(flags.registry.iter().map(String::as_str)),
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
        | Reason::ChartTag
        | Reason::NoMatchingTag
        | Reason::FailedBefore
        | Reason::NoCreationTime
        | Reason::WrongPlatform
        | Reason::TooYoung => registry_command(row, flags, "images", &[]),
        Reason::Locked
        | Reason::Ignored
        | Reason::Excluded
        | Reason::BeingDeleted
        | Reason::WaitingForWindow
        | Reason::ImageNotFound
        | Reason::UnparsableImage
        | Reason::RegistryError
        | Reason::RegistryUnreachable
        | Reason::RateLimited
        | Reason::ScanTimeout => None,
    }
}

/// The command that writes the image of an ImagePolicy: it selects marked values by their
/// files alone. A cluster has no markers.
fn marker_command(row: &Row, flags: &RepeatedFlags) -> Option<String> {
    let source = row.source.as_ref().filter(|source| source.file != "-")?;
    if !row.decision.is_behind() || row.root.is_some() {
        return None;
    }
    let mut words = vec!["kubectl", "imgpolicy", "update"];
    if flags.files.is_empty() {
        words.extend(["-f", &source.file]);
    }
    let more = flags.files.iter().chain(&flags.registry);
    words.extend(more.map(String::as_str));
    Some(command_line(words))
}

/// The policy of an annotation that names no container of the workload, if it would be valid
/// for this one.
fn dangling_policy(row: &Row) -> Option<&str> {
    let warnings = &row.decision.warnings;
    warnings
        .iter()
        .find(|warning| warning.code == WarningCode::DanglingFilter)?;
    let policy = row.decision.policy.as_ref()?.filter.as_str();
    let flag = format!("{}={policy}", row.container);
    flag.parse::<ContainerPolicyText>().ok().map(|_| policy)
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
    let mut words = vec!["kubectl", "imgpolicy"];
    words.extend(command.split(' '));
    words.push(&workload);
    match &row.source {
        // The other commands that write do not build kustomizations.
        _ if row.root.is_some() && !["update", "images"].contains(&command) => return None,
        Some(source) if source.file == "-" => return None,
        Some(_) if row.root.is_some() => {
            words.extend(row.root.iter().flat_map(|root| ["-k", root]))
        }
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
