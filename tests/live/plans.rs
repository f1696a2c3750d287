//! Handmade plans, and writing them.

use jiff::Timestamp;
use kubectl_imgpolicy::cluster::Cluster;
use kubectl_imgpolicy::plan::{Authorship, Change, ImageChange, Plan};
use kubectl_imgpolicy::workload::{ContainerType, Observed, WorkloadId, WorkloadKind};
use kubectl_imgpolicy::write::{
    Applied, DryRun, LiveWriter, StopSignal, WriteContext, WriteError, write_live,
};

pub(crate) const MANAGER: &str = "imgpolicy";

/// The ID of a workload in a test's namespace.
pub(crate) fn id(kind: WorkloadKind, namespace: &str, name: &str) -> WorkloadId {
    let api_version = match kind {
        WorkloadKind::CronJob => "batch/v1",
        WorkloadKind::HelmRelease => "helm.toolkit.fluxcd.io/v2",
        _ => "apps/v1",
    };
    WorkloadId {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        kind,
        api_version: api_version.to_owned(),
    }
}

pub(crate) fn image(
    container: &str,
    container_type: ContainerType,
    from: &str,
    to: &str,
) -> ImageChange {
    ImageChange {
        message: "a newer one".to_owned(),
        ..ImageChange::new(
            container,
            container_type,
            from,
            to.parse().expect("an image"),
        )
    }
}

/// A change of the container `app`.
pub(crate) fn app(workload: WorkloadId, from: &str, to: &str) -> Change {
    Change::of_images(
        workload,
        vec![image("app", ContainerType::Container, from, to)],
    )
}

/// Writes changes as the binary does.
pub(crate) async fn write(
    cluster: &Cluster,
    changes: &[Change],
    observed: &[Observed],
) -> Vec<Applied> {
    write_by("ann", cluster, changes, observed, DryRun::None).await
}

pub(crate) async fn write_as(
    cluster: &Cluster,
    changes: &[Change],
    observed: &[Observed],
    dry_run: DryRun,
) -> Vec<Applied> {
    write_by("ann", cluster, changes, observed, dry_run).await
}

/// Writes changes as somebody whom the record names.
pub(crate) async fn write_by(
    author: &str,
    cluster: &Cluster,
    changes: &[Change],
    observed: &[Observed],
    dry_run: DryRun,
) -> Vec<Applied> {
    let plan = Plan {
        changes: changes.to_vec(),
        ..Plan::default()
    };
    let authorship = Authorship {
        by: author.to_owned(),
        at: Timestamp::now(),
        overrides: Vec::new(),
        is_recorded: true,
    };
    let writer = LiveWriter {
        cluster,
        dry_run,
        field_manager: MANAGER,
        authorship: &authorship,
        clock: || Timestamp::UNIX_EPOCH,
        fence: None,
    };
    let stop = StopSignal::never();
    let context = WriteContext {
        observed,
        recheck: None,
        wait: None,
        stop: &stop,
    };
    write_live(&plan, &context, &writer, &|_| {}).await
}

/// The line and the hint of a failed write.
pub(crate) fn failure(applied: &Applied) -> (String, Option<String>) {
    match &applied.result {
        Ok(done) => panic!("{}: {done:?}", applied.workload),
        Err(WriteError::Cluster { message, hint }) => (message.clone(), hint.clone()),
        Err(error) => (error.to_string(), None),
    }
}
