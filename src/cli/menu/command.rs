//! The command that does the same as a menu, to paste into a pipeline.

use std::collections::BTreeMap;

use super::policy_draft::PolicyDraft;
use super::purpose::Purpose;
use crate::cli::flags::client::Globals;
use crate::cli::flags::scope::PlaceFlags;
use crate::output::command_line;

/// How to select the workloads of a menu again.
#[derive(Debug, Clone)]
pub(crate) struct CommandScope<'a> {
    pub(crate) place: &'a PlaceFlags,
    pub(crate) globals: &'a Globals,
    /// Other flags that were given.
    pub(crate) extra_flags: Vec<String>,
}

impl CommandScope<'_> {
    /// The flags that select the workloads of a namespace.
    pub(crate) fn to_args(&self, namespace: &str) -> Vec<String> {
        let mut words = Vec::new();
        if self.place.filename.is_empty() {
            words.extend(["-n".to_owned(), namespace.to_owned()]);
        } else {
            words.extend(self.globals.given.to_args::<PlaceFlags>());
            if let Some(namespace) = &self.globals.namespace {
                words.extend(["-n".to_owned(), namespace.clone()]);
            }
        }
        words.extend(self.globals.given.to_args::<Globals>());
        words.extend(self.extra_flags.iter().cloned());
        words
    }
}

/// One command per group of workloads that have the same namespace and get the same
/// policies.
pub(crate) fn policy_commands(
    purpose: Purpose,
    drafts: &[PolicyDraft],
    overwrites: bool,
    scope: &CommandScope<'_>,
) -> Vec<String> {
    let mut of_workload: BTreeMap<(&str, String), Vec<String>> = BTreeMap::new();
    for draft in drafts {
        let key = (draft.workload.namespace.as_str(), draft.workload.exact());
        of_workload.entry(key).or_default().extend(tag_flags(draft));
    }
    let mut together: BTreeMap<(&str, Vec<String>), Vec<String>> = BTreeMap::new();
    for ((namespace, workload), flags) in of_workload {
        together
            .entry((namespace, flags))
            .or_default()
            .push(workload);
    }
    let commands = together.into_iter().map(|((namespace, flags), workloads)| {
        let mut words = vec!["kubectl".to_owned(), "imgpolicy".to_owned()];
        words.extend(purpose.words().iter().map(|word| (*word).to_owned()));
        words.extend(workloads);
        words.extend(flags);
        words.extend(overwrites.then(|| "--overwrite".to_owned()));
        words.extend(scope.to_args(namespace));
        words.push("--yes".to_owned());
        command_line(words.iter().map(String::as_str))
    });
    commands.collect()
}

fn tag_flags(draft: &PolicyDraft) -> Vec<String> {
    let container = &draft.container;
    let mut words: Vec<String> = container_flag("--tag", container, &draft.policy.rule).into();
    words.extend(
        draft
            .policy
            .filter_tags()
            .iter()
            .flat_map(|text| container_flag("--filter-tags", container, text)),
    );
    words.extend(
        draft
            .policy
            .extract()
            .iter()
            .flat_map(|text| container_flag("--extract", container, text)),
    );
    words
}

fn container_flag(name: &str, container: &str, value: &str) -> [String; 2] {
    [name.to_owned(), format!("{container}={value}")]
}
