//! One round: reads what the decisions on some workloads need, asks the registries, and decides.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::facts::RepositoryFacts;
use super::queue::{ScanClass, ScanOutcome};
use crate::cluster::{Cluster, Scope};
use crate::collect::{self, CollectError, PullSecretUse};
use crate::evaluator::{self, Row, Settings, Snapshot, SnapshotError};
use crate::image::{CanonicalName, FetchFailureKind, RepositoryMetadata};
use crate::plan::{Plan, UpdateSpec, plan_update};
use crate::registry::Registries;
use crate::workload::{Workload, WorkloadId};

/// The repositories that the policies of a workload elect from.
pub type RepositoryUses = BTreeMap<CanonicalName, ScanClass>;

/// Where decisions get their facts.
#[derive(Debug, Clone)]
pub struct DecisionSources<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Where the controller may read namespaces.
    pub scope: Scope,
    /// What applies to every decision.
    pub settings: Settings,
    /// The registries, with the controller's own credentials.
    pub registries: &'a Registries,
    /// Whether the pull secrets of workloads are used.
    pub pull_secrets: PullSecretUse<'a>,
    /// The current time.
    pub clock: fn() -> Timestamp,
}

/// What one repository has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// What the queue needs to know.
    pub outcome: ScanOutcome,
    /// Why it has not answered, if it has not.
    pub failure: Option<String>,
}

/// That registries were asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanTime {
    /// When all had answered, or had failed to.
    pub ended: Timestamp,
    /// How long that took.
    pub took: Duration,
}

/// The result of a round.
#[derive(Debug)]
pub struct Decided {
    /// What each workload elects from.
    pub uses: BTreeMap<WorkloadId, RepositoryUses>,
    /// The repositories that were asked.
    pub scans: BTreeMap<CanonicalName, Scan>,
    /// When they were asked; `None`: none was.
    pub scan_time: Option<ScanTime>,
    /// The containers of the workloads whose repositories are all known.
    pub rows: Vec<Row>,
    /// What follows for those workloads.
    pub plan: Plan,
    /// What could not be read, one sentence each.
    pub notes: Vec<String>,
}

/// Decides on workloads, after asking about these repositories. `facts`: what is known about the
/// others, to which the answers are added.
///
/// # Errors
///
/// A setting is invalid.
pub async fn decide(
    sources: &DecisionSources<'_>,
    workloads: Vec<Workload>,
    asked: BTreeSet<CanonicalName>,
    facts: &RefCell<RepositoryFacts>,
) -> Result<Decided, CollectError> {
    let now = (sources.clock)();
    let mut snapshot = collect::from_workloads(
        sources.cluster,
        workloads,
        &sources.scope,
        sources.settings.clone(),
        now,
    )
    .await?;
    let uses = uses(&snapshot)?;
    let used: BTreeSet<CanonicalName> = uses.values().flat_map(BTreeMap::keys).cloned().collect();
    let asked = asked.intersection(&used).cloned().collect();
    let (asked, scan_time) = scan(sources, &mut snapshot, asked, &used, facts).await?;
    let scans = asked
        .iter()
        .map(|name| (name.clone(), scan_of(name, &snapshot, sources.registries)))
        .collect();
    let assessment = evaluator::assess(&snapshot)?;
    facts.borrow_mut().keep_from(&mut snapshot, &asked);
    let mut plan = plan_update(&assessment, &UpdateSpec::default());
    plan.rest_on(&snapshot.workloads, &snapshot.sources());
    let facts = facts.borrow();
    let known: BTreeSet<WorkloadId> = uses
        .iter()
        .filter(|(_, uses)| uses.keys().all(|name| facts.contains(name)))
        .map(|(id, _)| id.clone())
        .collect();
    plan.changes
        .retain(|change| known.contains(&change.workload));
    plan.held_back.retain(|held| known.contains(&held.workload));
    let mut rows = assessment.rows;
    rows.retain(|row| known.contains(&row.workload));
    Ok(Decided {
        rows,
        plan,
        scans,
        scan_time,
        notes: assessment.notes,
        uses,
    })
}

/// Asks about these repositories, and about those of which too little is known. Returns which were
/// asked.
///
/// Other rounds learn something meanwhile. Afterwards the snapshot has what is known then, so that
/// nothing is decided on facts that are older than those that `facts` has.
async fn scan(
    sources: &DecisionSources<'_>,
    snapshot: &mut Snapshot,
    mut due: BTreeSet<CanonicalName>,
    used: &BTreeSet<CanonicalName>,
    facts: &RefCell<RepositoryFacts>,
) -> Result<(BTreeSet<CanonicalName>, Option<ScanTime>), CollectError> {
    let mut asked: BTreeSet<CanonicalName> = BTreeSet::new();
    let mut scan_time = None;
    loop {
        let mut others = used.clone();
        others.retain(|name| !asked.contains(name) && !due.contains(name));
        facts.borrow().add_to(snapshot, &others);
        due.extend(lacking(snapshot, &facts.borrow())?);
        due.retain(|name| !asked.contains(name));
        if due.is_empty() {
            return Ok((asked, scan_time));
        }
        let started = Instant::now();
        let registries = sources.registries.next_run();
        collect::scan_repositories(snapshot, &registries, sources.pull_secrets, &due).await?;
        let earlier = scan_time.map_or(Duration::ZERO, |time: ScanTime| time.took);
        scan_time = Some(ScanTime {
            ended: (sources.clock)(),
            took: earlier + started.elapsed(),
        });
        snapshot.notes.extend(registries.finish().await);
        asked.append(&mut due);
    }
}

/// What each workload of a snapshot elects from; nothing for those without a policy.
fn uses(snapshot: &Snapshot) -> Result<BTreeMap<WorkloadId, RepositoryUses>, SnapshotError> {
    let mut all: BTreeMap<WorkloadId, RepositoryUses> = BTreeMap::new();
    for workload in &snapshot.workloads {
        all.entry(workload.id.clone()).or_default();
    }
    for subject in snapshot.subjects()? {
        let Some(name) = subject.repository() else {
            continue;
        };
        let class = if subject.is_automated() {
            ScanClass::Automated
        } else {
            ScanClass::Other
        };
        let own = all.entry(subject.workload.id.clone()).or_default();
        let known = own.entry(name.clone()).or_insert(class);
        *known = class.min(*known);
    }
    Ok(all)
}

/// The repositories that were scanned, but not for everything that is needed now, such as the
/// creation times for a policy that has changed.
fn lacking(
    snapshot: &Snapshot,
    facts: &RepositoryFacts,
) -> Result<BTreeSet<CanonicalName>, SnapshotError> {
    let mut names = BTreeSet::new();
    for subject in snapshot.subjects()? {
        let Some(name) = subject.repository().filter(|name| facts.contains(name)) else {
            continue;
        };
        let metadata = snapshot.metadata_for(&subject);
        if metadata.is_none_or(|metadata| !subject.is_decided(&metadata)) {
            names.insert(name.clone());
        }
    }
    Ok(names)
}

/// What came of asking about a repository: the best answer that any credential got.
fn scan_of(name: &CanonicalName, snapshot: &Snapshot, registries: &Registries) -> Scan {
    let own = snapshot.repositories.get(name).into_iter();
    let views = snapshot.pull_secret_views.get(name).into_iter().flatten();
    let answers: Vec<&RepositoryMetadata> = own.chain(views.map(|view| &view.metadata)).collect();
    let mut failures = answers.iter().flat_map(|metadata| metadata.failures());
    let first = failures.next();
    if answers.iter().any(|metadata| metadata.has_answer()) {
        return Scan {
            outcome: ScanOutcome::Answered,
            failure: None,
        };
    }
    let outcome = match first.map(|failure| failure.kind) {
        // Nothing had to be asked.
        None => ScanOutcome::Answered,
        Some(FetchFailureKind::RateLimited) => {
            ScanOutcome::RateLimited(registries.wanted_pause(name))
        }
        Some(
            FetchFailureKind::Unreachable
            | FetchFailureKind::ScanTimeout
            | FetchFailureKind::ServerError,
        ) => ScanOutcome::Unreachable,
        Some(_) => ScanOutcome::Refused,
    };
    Scan {
        outcome,
        failure: first.map(|failure| failure.message.clone()),
    }
}
