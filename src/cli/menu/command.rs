//! The command that does the same without a menu, to paste into a pipeline.

use std::collections::BTreeMap;

use super::effect::Draft;
use super::policies::Purpose;
use crate::cli::flags::client::Globals;
use crate::cli::flags::scope::PlaceFlags;
use crate::output::command_line;
use crate::write::DryRun;

/// How the workloads of a menu are reached again.
#[derive(Debug, Clone)]
pub(crate) struct Reached<'a> {
    pub(crate) place: &'a PlaceFlags,
    pub(crate) globals: &'a Globals,
    /// Flags about registries and credentials, as they are given again.
    pub(crate) further: Vec<String>,
    pub(crate) dry_run: DryRun,
}

impl Reached<'_> {
    /// The flags that lead to workloads of a namespace.
    pub(crate) fn flags(&self, namespace: &str) -> Vec<String> {
        let mut words = self.place.repeated_files();
        if self.place.filename.is_empty() {
            words.extend(["-n".to_owned(), namespace.to_owned()]);
        } else if let Some(namespace) = &self.globals.namespace {
            words.extend(["-n".to_owned(), namespace.clone()]);
        }
        words.extend(self.globals.repeated());
        words.extend(self.further.iter().cloned());
        // What was only looked at is not written by a command to paste.
        words.extend(match self.dry_run {
            DryRun::None => None,
            DryRun::Client => Some("--dry-run".to_owned()),
            DryRun::Server => Some("--dry-run=server".to_owned()),
        });
        words
    }
}

/// One command for all workloads of a namespace that get the same policies.
pub(crate) fn policy_commands(
    purpose: Purpose,
    drafts: &[Draft],
    overwrites: bool,
    reached: &Reached<'_>,
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
    let command = |((namespace, flags), workloads): ((&str, Vec<String>), Vec<String>)| {
        let mut words = vec!["kubectl".to_owned(), "imgpolicy".to_owned()];
        words.extend(purpose.words().iter().map(|word| (*word).to_owned()));
        words.extend(workloads);
        words.extend(flags);
        words.extend(overwrites.then(|| "--overwrite".to_owned()));
        words.extend(reached.flags(namespace));
        words.push("--yes".to_owned());
        command_line(words.iter().map(String::as_str))
    };
    together.into_iter().map(command).collect()
}

fn tag_flags(draft: &Draft) -> Vec<String> {
    let container = &draft.container;
    let flag = |name: &str, value: &str| [name.to_owned(), format!("{container}={value}")];
    let mut words: Vec<String> = flag("--tag", &draft.policy.rule).into();
    words.extend(
        draft
            .policy
            .filter_tags()
            .iter()
            .flat_map(|text| flag("--filter-tags", text)),
    );
    words.extend(
        draft
            .policy
            .extract()
            .iter()
            .flat_map(|text| flag("--extract", text)),
    );
    words
}
