//! Everything that is looked at between a plan and the question whether to write
//! it: the objects as they are now, who owns them, and whether the images are
//! still there.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};

use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::pull_secrets::{PullSecretFlags, tell_used};
use crate::cli::flags::registry::RegistryFlags;
use crate::cli::gather::workloads::unless_interrupted;
use crate::cli::terminal::streams::Terminal;
use crate::cluster::{Cluster, ClusterError};
use crate::collect::{self, Confirmed, FreshLook, WantedImage};
use crate::evaluator::ScopeError;
use crate::plan::{Overrides, Ownership, Plan, owner_questions, ownership};
use crate::workload::{Observed, WorkloadId, consequences};

/// How many objects are read side by side.
const OBJECTS_AT_ONCE: usize = 8;

/// An object as it is now.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) observed: Observed,
    /// What a new image sets going.
    pub(crate) consequences: Vec<String>,
}

/// Objects by their names, and those that could not be read.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub(crate) seen: BTreeMap<WorkloadId, Seen>,
    pub(crate) errors: Vec<ScopeError>,
}

/// Reads objects of the cluster whole.
pub(crate) async fn observe(
    cluster: &Cluster,
    ids: impl IntoIterator<Item = WorkloadId>,
) -> Objects {
    let read: Vec<(WorkloadId, Result<Option<Seen>, String>)> = stream::iter(ids)
        .map(|id| async {
            let seen = match cluster.object(&id).await {
                Ok(object) => Observed::read(&object, &id.namespace)
                    .map(|observed| {
                        observed.map(|observed| Seen {
                            observed,
                            consequences: consequences(&object),
                        })
                    })
                    .map_err(|error| format!("error: {id}: {error}")),
                Err(error) => Err(ClusterError::line(&error)),
            };
            (id, seen)
        })
        .buffered(OBJECTS_AT_ONCE)
        .collect()
        .await;
    let mut objects = Objects::default();
    for (id, seen) in read {
        match seen {
            Ok(Some(seen)) => {
                objects.seen.insert(id, seen);
            }
            // A kind of object does not change while it lives.
            Ok(None) => {}
            Err(message) => objects.errors.push(ScopeError {
                scope: format!("{}/{id}", id.namespace),
                reason: "Unreadable".to_owned(),
                message,
            }),
        }
    }
    objects
}

/// Who owns the objects, as far as that is known.
pub(crate) async fn owners(
    cluster: &Cluster,
    seen: &BTreeMap<WorkloadId, Seen>,
) -> BTreeMap<WorkloadId, Ownership> {
    let questions = seen.values().flat_map(|s| owner_questions(&s.observed));
    let questions: BTreeSet<_> = questions.collect();
    let questions: Vec<_> = questions.into_iter().collect();
    let answers = match questions.is_empty() {
        true => Vec::new(),
        false => cluster.owner_answers(&questions).await,
    };
    seen.iter()
        .filter_map(|(id, seen)| Some((id.clone(), ownership(&seen.observed, &answers)?)))
        .collect()
}

/// Narrows a plan to what may be written to a cluster: what cannot be read goes,
/// what its owner would revert is held back, and what a new image sets going is
/// noted.
pub(crate) async fn heed_cluster(
    plan: &mut Plan,
    objects: &Objects,
    cluster: &Cluster,
    overrides: Overrides,
) {
    let Objects { seen, .. } = objects;
    plan.changes
        .retain(|change| seen.contains_key(&change.workload));
    for change in &mut plan.changes {
        if let Some(seen) = seen.get(&change.workload) {
            change.notes.extend(seen.consequences.iter().cloned());
        }
    }
    plan.hold_back_owned(&owners(cluster, seen).await, overrides);
}

/// How the registries are looked at once more.
#[derive(Clone, Copy)]
pub(crate) struct Registry<'a> {
    pub(crate) flags: &'a RegistryFlags,
    pub(crate) pull_secrets: &'a PullSecretFlags,
    pub(crate) globals: &'a Globals,
}

/// Looks once more for every image that the plan writes, and holds back those
/// that are not there.
pub(crate) fn heed_registries(
    plan: &mut Plan,
    objects: &Objects,
    cluster: Option<&Cluster>,
    registry: Registry<'_>,
    runtime: &tokio::runtime::Runtime,
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    let wanted: Vec<WantedImage> = plan
        .images()
        .map(|(change, image)| WantedImage {
            image: image.to.clone(),
            reader: objects
                .seen
                .get(&change.workload)
                .and_then(|seen| seen.observed.workload.reader()),
        })
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let open = || registry.flags.registries_without_memory(registry.globals);
    let (as_user, as_workload) = (open()?, open()?);
    let Confirmed {
        presences,
        notes,
        used,
    } = unless_interrupted(runtime, async {
        let look = FreshLook {
            as_user: &as_user,
            as_workload: &as_workload,
            pull_secrets: registry.pull_secrets.with(cluster),
        };
        collect::confirm(&wanted, &look).await
    })?;
    for note in notes {
        terminal.tell(&note);
    }
    tell_used(used, terminal);
    plan.hold_back_missing(&presences);
    Ok(())
}
