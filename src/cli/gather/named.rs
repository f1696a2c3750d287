//! Which workloads the words of a command line name.

use std::collections::BTreeSet;

use crate::cli::error::CommandError;
use crate::cluster::WorkloadSelector;
use crate::evaluator::{ScopeError, Snapshot};
use crate::workload::{Names, Workload, WorkloadId};

/// Whether the words name this workload.
pub(crate) fn is_named(selector: &WorkloadSelector, id: &WorkloadId) -> bool {
    match selector {
        WorkloadSelector::Everything => true,
        WorkloadSelector::Kinds(types) => types.iter().any(|one| one.includes(id)),
        WorkloadSelector::Named(named) => named
            .iter()
            .any(|(one, name)| one.includes(id) && *name == id.name),
    }
}

/// Reports a named workload that does not exist as an error, as a cluster does.
pub(crate) fn report_missing(snapshot: &mut Snapshot, selector: &WorkloadSelector, place: &str) {
    let WorkloadSelector::Named(named) = selector else {
        return;
    };
    for (workload_type, name) in named {
        if !snapshot
            .workloads
            .iter()
            .any(|w: &Workload| workload_type.includes(&w.id) && w.id.name == *name)
        {
            let word = workload_type.singular();
            snapshot.errors.push(ScopeError {
                scope: format!("{word}/{name}"),
                reason: "NotFound".to_owned(),
                message: format!("error: {word} {name:?} not found in the {place}"),
            });
        }
    }
}

/// Rejects the name of a container that no workload in scope has.
///
/// # Errors
///
/// There are workloads, and none of them has a container with one of the names.
pub(crate) fn check_containers(snapshot: &Snapshot, wanted: &[String]) -> Result<(), CommandError> {
    let workloads = snapshot.workloads.iter();
    let names: BTreeSet<&str> = workloads
        .flat_map(|workload| &workload.containers)
        .map(|container| container.name.as_str())
        .collect();
    match wanted.iter().find(|name| !names.contains(name.as_str())) {
        Some(name) if !names.is_empty() => Err(CommandError::failed(format!(
            "unable to find container named {name:?} (there are {})",
            names.into_iter().collect::<Vec<_>>().join(", ")
        ))),
        _ => Ok(()),
    }
}

/// Rejects a name without a group if workloads of several groups have it: only one of them
/// is meant, and a write must not guess which. A workload that another word names with its
/// group stays.
pub(crate) fn refuse_ambiguous(snapshot: &mut Snapshot, selector: &WorkloadSelector) {
    let WorkloadSelector::Named(named) = selector else {
        return;
    };
    let names = Names::among(snapshot.workloads.iter().map(|workload| &workload.id));
    let mut refused: Vec<WorkloadId> = Vec::new();
    for (workload_type, name) in named {
        let meant = snapshot.workloads.iter().map(|workload| &workload.id);
        let meant: Vec<&WorkloadId> = meant
            .filter(|id| workload_type.includes(id) && id.name == *name)
            .filter(|id| names.is_shared(id) && id.kind.has_distinct_groups())
            .collect();
        if meant.is_empty() || workload_type.group().is_some() {
            continue;
        }
        let mut qualified: Vec<String> = meant.iter().map(|id| id.qualified()).collect();
        qualified.dedup();
        let word = format!("{}/{name}", workload_type.singular());
        snapshot.errors.push(ScopeError {
            message: format!(
                "error: {word} is ambiguous ({}); name the one to change with its group",
                qualified.join(", ")
            ),
            scope: word,
            reason: "Ambiguous".to_owned(),
        });
        refused.extend(meant.into_iter().cloned());
    }
    snapshot.workloads.retain(|workload| {
        let id = &workload.id;
        let mut with_group = named.iter().filter(|(one, _)| one.group().is_some());
        with_group.any(|(one, name)| one.includes(id) && *name == id.name) || !refused.contains(id)
    });
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::cli::flags::scope;
    use crate::workload::decode;

    /// The remaining workloads, and the errors.
    fn left(objects: &[(&str, &str, &str)], words: &[&str]) -> (Vec<String>, Vec<String>) {
        let mut snapshot = Snapshot::new(Timestamp::UNIX_EPOCH);
        for (api_version, kind, namespace) in objects {
            let object = json!({"apiVersion": api_version, "kind": kind,
                "metadata": {"name": "a", "namespace": namespace}});
            let workload = decode(&object, "default").expect("an object");
            snapshot.workloads.extend(workload);
        }
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let selector = scope::parse_resources(&words).expect("words");
        snapshot
            .workloads
            .retain(|workload| is_named(&selector, &workload.id));
        refuse_ambiguous(&mut snapshot, &selector);
        (
            snapshot
                .workloads
                .iter()
                .map(|workload: &Workload| {
                    let id = &workload.id;
                    format!("{}/{}", id.namespace, id.qualified())
                })
                .collect(),
            snapshot.errors.into_iter().map(|e| e.message).collect(),
        )
    }

    #[test]
    fn ambiguous_name_is_not_written() {
        let old = ("helm.fluxcd.io/v1", "HelmRelease", "shop");
        let new = ("helm.toolkit.fluxcd.io/v2", "HelmRelease", "shop");
        let elsewhere = ("helm.toolkit.fluxcd.io/v2", "HelmRelease", "other");
        let both = [
            "shop/helmrelease.helm.fluxcd.io/a",
            "shop/helmrelease.helm.toolkit.fluxcd.io/a",
        ];
        let refusal = "error: helmrelease/a is ambiguous (helmrelease.helm.fluxcd.io/a, \
             helmrelease.helm.toolkit.fluxcd.io/a); name the one to change with its group";
        type Row<'a> = (
            &'a [(&'a str, &'a str, &'a str)],
            &'a [&'a str],
            &'a [&'a str],
            &'a [&'a str],
        );
        let rows: &[Row<'_>] = &[
            (&[old, new], &["hr/a"], &[], &[refusal]),
            (&[old, new], &["hr", "a"], &[], &[refusal]),
            (&[old, new], &["hr.helm.fluxcd.io/a"], &both[..1], &[]),
            (
                &[old, new],
                &["hr.v2.helm.toolkit.fluxcd.io/a"],
                &both[1..],
                &[],
            ),
            (
                &[old, new],
                &["hr.helm.fluxcd.io/a", "hr.helm.toolkit.fluxcd.io/a"],
                &both,
                &[],
            ),
            (
                &[old, new],
                &["hr/a", "hr.helm.fluxcd.io/a"],
                &both[..1],
                &[refusal],
            ),
            // A type without a name means every object of the type.
            (&[old, new], &["hr"], &both, &[]),
            (&[old, new], &[], &both, &[]),
            (&[old], &["hr/a"], &both[..1], &[]),
            (
                &[old, elsewhere],
                &["hr/a"],
                &[
                    "shop/helmrelease.helm.fluxcd.io/a",
                    "other/helmrelease.helm.toolkit.fluxcd.io/a",
                ],
                &[],
            ),
            // One object under an old and a new API group.
            (
                &[
                    ("apps/v1", "Deployment", "shop"),
                    ("extensions/v1beta1", "Deployment", "shop"),
                ],
                &["deploy/a"],
                &["shop/deployment.apps/a", "shop/deployment.extensions/a"],
                &[],
            ),
        ];
        for (objects, words, kept, expected) in rows {
            let (left, errors) = left(objects, words);
            assert_eq!(left, *kept, "{words:?}");
            assert_eq!(errors, *expected, "{words:?}");
        }
    }
}
