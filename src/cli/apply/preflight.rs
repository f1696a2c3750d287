//! Everything that is looked at between a plan and the question whether to write
//! it: the objects as they are now, who owns them, and whether the images are
//! still there.

use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::pull_secrets::{PullSecretFlags, tell_used};
use crate::cli::flags::registry::RegistryFlags;
use crate::cli::gather::workloads::unless_interrupted;
use crate::cli::terminal::streams::Terminal;
use crate::cluster::Cluster;
use crate::collect::{self, Confirmed, FreshLook, ObservedObjects, WantedImage};
use crate::plan::{Overrides, Plan};

/// Narrows a plan to what may be written to a cluster: what cannot be read goes,
/// what its owner would revert is held back, and what a new image sets going is
/// noted.
pub(crate) async fn heed_cluster(
    plan: &mut Plan,
    objects: &ObservedObjects,
    cluster: &Cluster,
    overrides: Overrides,
) {
    let objects = &objects.by_id;
    plan.changes
        .retain(|change| objects.contains_key(&change.workload));
    for change in &mut plan.changes {
        if let Some(object) = objects.get(&change.workload) {
            change.notes.extend(object.consequences.iter().cloned());
        }
    }
    plan.heed_owners(&collect::owners(cluster, objects).await, overrides);
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
    objects: &ObservedObjects,
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
                .by_id
                .get(&change.workload)
                .and_then(|object| object.observed.workload.reader()),
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
    plan.heed_presences(&presences);
    Ok(())
}
