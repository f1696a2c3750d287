//! Everything that is checked between the plan and the confirmation prompt: the current
//! objects, who owns them, and whether the images still exist.

use tokio::time::Instant;

use super::job::{ApplyJob, ApplyOptions, ConfirmedBy, JobKind};
use crate::cli::error::CommandError;
use crate::cli::flags::pull_secrets::report_used;
use crate::cli::flags::registry::RegistryAccess;
use crate::cli::gather::workloads::WorkloadOrigin;
use crate::cli::runtime::{runtime, unless_interrupted};
use crate::cli::terminal::streams::Terminal;
use crate::collect::{self, Confirmed, FreshLook};
use crate::write::{confirm_images, hold_back_in_cluster, wanted_images};

/// Narrows a job to what may be written now.
///
/// # Errors
///
/// A flag makes no sense, or Ctrl-C.
pub(crate) fn check(
    job: &mut ApplyJob,
    options: &ApplyOptions<'_>,
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    if let WorkloadOrigin::Cluster(cluster) = &job.origin {
        let unread: Vec<_> = job
            .plan
            .changes
            .iter()
            .map(|change| change.workload.clone())
            .filter(|id| !job.objects.by_id.contains_key(id))
            .collect();
        unless_interrupted(runtime()?, async {
            let read = collect::observe(cluster, unread).await;
            job.objects.by_id.extend(read.by_id);
            // An annotation that cannot be written is reported by the write.
            if matches!(job.kind, JobKind::Images(_)) {
                job.errors.extend(read.errors);
                hold_back_in_cluster(&mut job.plan, &job.objects, cluster, options.overrides).await;
            }
        })?;
    }
    if let Some(registry) = options.registry {
        confirm(job, registry, options, terminal)?;
    }
    Ok(())
}

/// Looks up every image that the plan writes, and holds back those that do not exist.
fn confirm(
    job: &mut ApplyJob,
    access: &RegistryAccess,
    options: &ApplyOptions<'_>,
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    let wanted = wanted_images(&job.plan, &job.objects);
    if wanted.is_empty() {
        return Ok(());
    }
    let as_user = access.registry.registries_without_cache(options.globals)?;
    let as_workload = access.registry.registries_without_cache(options.globals)?;
    let at = Instant::now();
    let Confirmed { notes, used, .. } = unless_interrupted(runtime()?, async {
        let look = FreshLook {
            as_user: &as_user,
            as_workload: &as_workload,
            pull_secrets: access
                .pull_secrets
                .with(job.origin.cluster(), job.origin.secrets()),
            accepts_unconfirmed: options.overrides.unconfirmed,
        };
        confirm_images(&mut job.plan, &wanted, &look).await
    })?;
    job.confirmation = Some(ConfirmedBy {
        as_user,
        as_workload,
        at,
    });
    for note in notes {
        terminal.note(&note);
    }
    report_used(used, terminal);
    Ok(())
}
