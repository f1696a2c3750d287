//! The images that the Pods of workloads run, and the Pods that belong to no workload.
//!
//! A Pod belongs to the workload that created it, and has the labels that the workload
//! selects. Labels alone are not enough: Pods of two Deployments with the same labels
//! would be mixed up. Labels decide only for a Pod without an owner.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use futures_util::StreamExt;
use futures_util::stream;

use super::pod::{Pod, PodOwner};
use crate::cluster::api::error::ClusterError;
use crate::cluster::api::page::ListRequest;
use crate::cluster::api::resource::Resource;
use crate::cluster::api::selection::Scope;
use crate::cluster::connect::connection::Cluster;
use crate::workload::{PodImages, Workload, WorkloadId, WorkloadKind};

/// How many namespaces are listed concurrently.
const AT_ONCE: usize = 8;

/// Field selector for Pods that have not finished.
pub(crate) const UNFINISHED: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// The facts from Pods. Pods that could not be read are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodFacts {
    /// The running images of each workload that has Pods.
    pub images: BTreeMap<WorkloadId, PodImages>,
    /// Pods that belong to no workload, if they were counted.
    pub uncovered: Uncovered,
    /// At most one line, about Pods that could not be listed.
    pub note: Option<String>,
}

/// The numbers of Pods that belong to no supported workload.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Uncovered {
    /// By the kind of their owner.
    pub by_owner: BTreeMap<String, usize>,
    /// Without an owner.
    pub bare: usize,
}

impl Uncovered {
    /// Whether every Pod belongs to a workload.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_owner.is_empty() && self.bare == 0
    }

    fn add(&mut self, owner: &PodOwner) {
        match owner {
            PodOwner::Workload(..) => {}
            PodOwner::Other { kind, .. } => *self.by_owner.entry(kind.clone()).or_default() += 1,
            PodOwner::Bare | PodOwner::Static => self.bare += 1,
        }
    }
}

/// `12 Pods of Rollout, 1 bare Pod`.
impl fmt::Display for Uncovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self
            .by_owner
            .iter()
            .map(|(kind, n)| format!("{n} Pod{} of {kind}", plural_s(*n)))
            .collect();
        if self.bare > 0 {
            parts.push(format!("{} bare Pod{}", self.bare, plural_s(self.bare)));
        }
        f.write_str(&parts.join(", "))
    }
}

fn plural_s(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

/// Which Pods of a namespace are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// All of them, so that Pods without a workload are counted.
    Whole,
    /// Only those of the workloads, where labels can select them. Others are not counted.
    Own,
}

/// The workloads of one namespace, to find the workload of a Pod.
struct WorkloadIndex<'a> {
    by_name: HashMap<(WorkloadKind, &'a str), &'a Workload>,
}

impl<'a> WorkloadIndex<'a> {
    fn new(workloads: &[&'a Workload]) -> Self {
        let by_name = workloads
            .iter()
            .map(|w| ((w.id.kind, w.id.name.as_str()), *w))
            .collect();
        Self { by_name }
    }

    fn workload_of(&self, pod: &Pod, owner: &PodOwner) -> Option<&'a Workload> {
        match owner {
            PodOwner::Workload(kind, name) => {
                let workload = *self.by_name.get(&(*kind, name.as_str()))?;
                // A CronJob has no label selector.
                let fits = workload.pod_labels.is_empty() || pod.has_labels(&workload.pod_labels);
                fits.then_some(workload)
            }
            PodOwner::Other { .. } | PodOwner::Static => None,
            PodOwner::Bare => {
                let mut fitting = self
                    .by_name
                    .values()
                    .filter(|w| pod.has_labels(&w.pod_labels));
                // If labels match two workloads, the Pod is assigned to neither.
                match (fitting.next(), fitting.next()) {
                    (Some(workload), None) => Some(workload),
                    _ => None,
                }
            }
        }
    }
}

impl Cluster {
    /// Lists the Pods in the namespaces of these workloads and returns what they run. If a
    /// namespace has a single workload here and other Pods are not counted, only the Pods
    /// with its labels are listed. Never fails: `note` says which facts are missing.
    pub async fn pod_facts(&self, workloads: &[&Workload], coverage: Coverage) -> PodFacts {
        let mut namespaces: BTreeMap<&str, Vec<&Workload>> = BTreeMap::new();
        for workload in workloads {
            // The Pods of a release belong to the objects that it created.
            if workload.id.kind != WorkloadKind::HelmRelease {
                let own = namespaces.entry(&workload.id.namespace).or_default();
                own.push(workload);
            }
        }
        let reads = namespaces.into_iter().map(|(namespace, own)| async move {
            let facts = self.facts_of_namespace(namespace, &own, coverage).await;
            (namespace, facts)
        });
        let mut answers = stream::iter(reads).buffer_unordered(AT_ONCE);

        let mut facts = PodFacts::default();
        let mut unread: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        while let Some((namespace, answer)) = answers.next().await {
            match answer {
                Ok(of_namespace) => {
                    facts.images.extend(of_namespace.images);
                    facts.uncovered.bare += of_namespace.uncovered.bare;
                    for (kind, n) in of_namespace.uncovered.by_owner {
                        *facts.uncovered.by_owner.entry(kind).or_default() += n;
                    }
                }
                Err(error) => {
                    let why = error.reason().to_owned();
                    unread.entry(why).or_default().insert(namespace);
                }
            }
        }
        facts.note = note(&unread);
        facts
    }

    async fn facts_of_namespace(
        &self,
        namespace: &str,
        workloads: &[&Workload],
        coverage: Coverage,
    ) -> Result<PodFacts, ClusterError> {
        let selector = match (coverage, workloads) {
            (Coverage::Own, [only]) if !only.pod_labels.is_empty() => {
                Some(selector(&only.pod_labels))
            }
            _ => None,
        };
        let list = ListRequest {
            path: Resource::new("v1", "pods").path(&Scope::Namespace(namespace.to_owned())),
            label_selector: selector.as_deref(),
            field_selector: Some(UNFINISHED),
            ..ListRequest::default()
        };
        let index = WorkloadIndex::new(workloads);
        let mut facts = PodFacts::default();
        self.list(&list, |text| serde_json::from_str::<Pod>(text))
            .await?
            .into_iter()
            // A Pod that cannot be decoded is left out.
            .flatten()
            .filter(|pod| !pod.is_gone())
            .for_each(|pod| {
                let owner = pod.top_owner();
                if let Some(workload) = index.workload_of(&pod, &owner) {
                    let images = facts.images.entry(workload.id.clone()).or_default();
                    pod.count_into(workload, images);
                } else if coverage == Coverage::Whole {
                    facts.uncovered.add(&owner);
                }
            });
        Ok(facts)
    }
}

pub(crate) fn selector(labels: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    pairs.join(",")
}

fn note(unread: &BTreeMap<String, BTreeSet<&str>>) -> Option<String> {
    const NAMED: usize = 3;
    if unread.is_empty() {
        return None;
    }
    let reasons: Vec<&str> = unread.keys().map(String::as_str).collect();
    let namespaces: BTreeSet<&str> = unread.values().flatten().copied().collect();
    let named: Vec<&str> = namespaces.iter().take(NAMED).copied().collect();
    let more = match namespaces.len().saturating_sub(NAMED) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    Some(format!(
        "Pods could not be listed in {}{more} ({}), so the images that run there are not checked",
        named.join(", "),
        reasons.join(", ")
    ))
}

#[cfg(test)]
#[path = "pods_tests.rs"]
mod tests;
