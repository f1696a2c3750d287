//! Every fact that a run's decisions use, in one value.
//!
//! `--save-snapshot` writes a snapshot. Evaluating it again anywhere, without a
//! cluster or a registry, gives the same decisions, so a bug report becomes a test.
//! It contains names, tags, digests and times, never a credential.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::elections::Elections;
use super::older;
use super::older::OLDER_FORMAT;
use super::policy_election::{ImageObject, PolicyElection};
use super::settings::{FORMAT, Settings, SnapshotError};
use super::ties::Ties;
use crate::evaluator::assessment::{Assessment, ScopeError};
use crate::evaluator::image_scope::ImageScope;
use crate::evaluator::input::{ImpliedTag, RunContext, Undone};
use crate::evaluator::judgements::Judgements;
use crate::evaluator::subject::{Exclusion, PLACEHOLDER, Subject};
use crate::image::{CanonicalName, Platform, RepositoryMetadata};
use crate::policy::{Assume, ImagePolicies, Lock, PolicySources, apply_restrictions, resolve};
use crate::workload::{
    Node, PodImages, PullIdentity, Scheduling, UndoneRevision, Workload, WorkloadId,
};

/// Everything that was known when the decisions were made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    format: String,
    /// The kubeconfig context; `None` if no cluster was read.
    pub context: Option<String>,
    /// The time that counts as now.
    pub observed_at: Timestamp,
    /// The flags of the run that change decisions.
    pub settings: Settings,
    /// The workloads in scope.
    pub workloads: Vec<Workload>,
    /// Objects other than workloads that policies are read from.
    pub policy_objects: Vec<Value>,
    /// Flux's ImagePolicy and ImageRepository objects, and the namespaces that they are in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_objects: Vec<ImageObject>,
    /// The annotations of namespaces about when images may be updated, by the namespace's
    /// name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// Why the namespaces could not be read, in one word; `None`: they were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread_namespaces: Option<String>,
    /// What the Pods report, as far as they were read.
    pub pods: Vec<(WorkloadId, PodImages)>,
    /// The distinct nodes of the cluster, as far as decisions need them; `None`: not
    /// known.
    pub nodes: Option<Vec<Node>>,
    /// What was undone in Deployments that went back to an older revision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undone: Vec<(WorkloadId, UndoneRevision)>,
    /// What the registries returned for the user's own credentials.
    pub repositories: BTreeMap<CanonicalName, RepositoryMetadata>,
    /// What they returned for the pull secrets of workloads, which applies to those
    /// workloads instead.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pull_secret_views: BTreeMap<CanonicalName, Vec<PullSecretView>>,
    /// What could not be read.
    pub errors: Vec<ScopeError>,
    /// What to report besides the rows.
    pub notes: Vec<String>,
    /// Pods that belong to no row, counted by the kind of their owner.
    pub uncovered: Vec<(String, usize)>,
    /// The scan was stopped before every fact was fetched.
    pub partial: bool,
}

/// A repository as some workloads see it with their own credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullSecretView {
    /// The identities whose workloads this applies to, and no others.
    pub readers: BTreeSet<PullIdentity>,
    /// What the registry returned.
    pub metadata: RepositoryMetadata,
}

impl Snapshot {
    /// An empty snapshot.
    #[must_use]
    pub fn new(observed_at: Timestamp) -> Self {
        Self {
            format: FORMAT.to_owned(),
            context: None,
            observed_at,
            settings: Settings::default(),
            workloads: Vec::new(),
            policy_objects: Vec::new(),
            image_objects: Vec::new(),
            namespaces: BTreeMap::new(),
            unread_namespaces: None,
            pods: Vec::new(),
            nodes: None,
            undone: Vec::new(),
            repositories: BTreeMap::new(),
            pull_secret_views: BTreeMap::new(),
            errors: Vec::new(),
            notes: Vec::new(),
            uncovered: Vec::new(),
            partial: false,
        }
    }

    /// Parses a saved snapshot. One that an older version saved gets a note about what
    /// is not checked.
    ///
    /// # Errors
    ///
    /// The text is not a snapshot, or another version wrote it.
    pub fn parse(text: &str) -> Result<Self, SnapshotError> {
        #[derive(Deserialize)]
        struct Header {
            format: String,
        }
        let Header { format } = serde_json::from_str(text)?;
        match format.as_str() {
            FORMAT => Ok(without_breaks(serde_json::from_str(text)?)),
            OLDER_FORMAT => {
                let mut older: Value = serde_json::from_str(text)?;
                older::upgrade(&mut older);
                let snapshot = serde_json::from_value(older)?;
                Ok(without_breaks(Self {
                    format: FORMAT.to_owned(),
                    ..snapshot
                }))
            }
            _ => Err(SnapshotError::Format(format)),
        }
    }

    /// The policies of the Kustomizations, and when images may be updated.
    #[must_use]
    pub fn sources(&self) -> PolicySources {
        let default = "default";
        let image_policies = self
            .policy_objects
            .iter()
            .filter_map(|o| ImagePolicies::read(o, default))
            .collect();
        PolicySources {
            image_policies,
            namespaces: self.namespaces.clone(),
            schedule: self.settings.schedule.clone(),
        }
    }

    /// Leaves out the ImagePolicy objects that are not wanted, by namespace and name.
    pub fn keep_policies(&mut self, is_wanted: impl Fn(&str, &str) -> bool) {
        self.image_objects.retain(|object| {
            let policy = object.policy();
            policy.is_none_or(|(namespace, name)| is_wanted(namespace, name))
        });
        if self
            .image_objects
            .iter()
            .all(|each| each.policy().is_none())
        {
            self.image_objects.clear();
        }
    }

    /// What the ImagePolicy objects elect from.
    ///
    /// # Errors
    ///
    /// A glob on image names is not valid.
    pub fn elections(&self) -> Result<Elections, SnapshotError> {
        Elections::new(&self.image_objects, &self.settings)
    }

    /// What each ImagePolicy elects now, beside what Flux has recorded, sorted by namespace
    /// and name.
    ///
    /// # Errors
    ///
    /// A glob on image names is not valid.
    pub fn image_policies(&self) -> Result<Vec<PolicyElection>, SnapshotError> {
        let elections = self.elections()?;
        Ok(elections.decide(self.observed_at, |subject| self.metadata_for(subject)))
    }

    /// Every container, sorted by namespace, name, kind, and the order of the
    /// spec.
    ///
    /// # Errors
    ///
    /// `--assume` is not a valid policy, or a glob on image names is not valid.
    pub fn subjects(&self) -> Result<Vec<Subject<'_>>, SnapshotError> {
        let assume: Option<Assume> = self
            .settings
            .assume
            .as_deref()
            .map(str::parse)
            .transpose()?;
        let scope = ImageScope::new(&self.settings)?;
        let sources = self.sources();
        let ties = Ties::new(&self.image_objects, &self.settings);
        let pods: BTreeMap<&WorkloadId, &PodImages> =
            self.pods.iter().map(|(id, images)| (id, images)).collect();
        let mut workloads: Vec<&Workload> = self.workloads.iter().collect();
        workloads.sort_by(|a, b| a.id.cmp(&b.id));
        let nodes = self.nodes();
        // Most workloads have the same requirements: none.
        let mut possible: BTreeMap<&Scheduling, Option<Vec<Platform>>> = BTreeMap::new();
        let mut subjects = Vec::new();
        for workload in workloads {
            let scheduling = &workload.scheduling;
            let platforms = possible
                .entry(scheduling)
                .or_insert_with(|| scheduling.possible(nodes.as_deref()));
            let undone = self.undone_of(workload, &sources);
            for (container, mut resolved) in
                workload.containers.iter().zip(resolve(workload, &sources))
            {
                if !self.settings.decides(&container.name) {
                    continue;
                }
                let exclusion = if workload.is_being_deleted {
                    Some(Exclusion::BeingDeleted)
                } else if container.image == PLACEHOLDER {
                    Some(Exclusion::Placeholder)
                } else {
                    let excluded = scope.exclusion(&container.image);
                    excluded.map(Exclusion::ByFlags)
                };
                let tie = ties.find(workload, container, &resolved);
                let tie = tie.filter(|_| exclusion.is_none());
                if let Some(tie) = &tie {
                    let target = tie.target.as_ref();
                    let policy = target.map(|target| target.policy.clone());
                    resolved = resolved.with_policy(policy.map_err(Clone::clone));
                }
                let may_be_assumed =
                    resolved.policy.is_none() && !resolved.ignored && exclusion.is_none();
                let mut assumed = assume
                    .as_ref()
                    .filter(|_| may_be_assumed)
                    .and_then(|assume| {
                        let mut policy = assume.policy_for(&container.image.parse().ok()?)?;
                        apply_restrictions(&mut policy, &workload.annotations, &container.name)
                            .ok()?;
                        Some(policy)
                    });
                for policy in resolved.policy.iter_mut().flatten().chain(&mut assumed) {
                    self.settings.apply(policy);
                }
                let context = RunContext {
                    now: self.observed_at,
                    platforms: platforms.clone(),
                    running: pods
                        .get(&workload.id)
                        .map_or(&[], |pods| pods.for_container(&container.name)),
                    undone: undone.as_ref().map(|(revision, lock)| Undone {
                        revision: revision.revision,
                        lock: lock.clone(),
                        image: revision.images.get(&container.name).map(String::as_str),
                    }),
                    max_candidates: self.settings.max_candidates(),
                    implied: if container.has_chart_tag {
                        ImpliedTag::OfChart
                    } else {
                        ImpliedTag::Latest
                    },
                };
                let subject =
                    Subject::new(workload, container, resolved, assumed, exclusion, context);
                let subject = subject.requesting(self.settings.image.as_ref());
                subjects.push(subject.tied_to(tie));
            }
        }
        Ok(subjects)
    }

    /// How many repositories were queried, with any credentials.
    #[must_use]
    pub fn repository_count(&self) -> usize {
        let own = self.repositories.keys();
        let names: BTreeSet<_> = own.chain(self.pull_secret_views.keys()).collect();
        names.len()
    }

    /// What is known about a container's repository. `None`: the scan was stopped
    /// before the container could be decided, so the container is omitted.
    #[must_use]
    pub fn metadata_for(&self, subject: &Subject<'_>) -> Option<Cow<'_, RepositoryMetadata>> {
        let metadata = subject
            .repository()
            .and_then(|name| self.repository_for(name, subject))
            .map_or_else(Cow::default, Cow::Borrowed);
        (!self.partial || subject.is_decided(&metadata)).then_some(metadata)
    }

    /// What is known about a repository with a container's own credentials, or else
    /// with the user's; `None`: nothing was requested.
    #[must_use]
    pub fn repository_for(
        &self,
        name: &CanonicalName,
        subject: &Subject<'_>,
    ) -> Option<&RepositoryMetadata> {
        let own = self.pull_secret_view(name, subject);
        own.or_else(|| self.repositories.get(name))
    }

    /// What is known about a repository with a container's own pull secrets, if that
    /// was requested.
    fn pull_secret_view(
        &self,
        name: &CanonicalName,
        subject: &Subject<'_>,
    ) -> Option<&RepositoryMetadata> {
        let views = self.pull_secret_views.get(name)?;
        let reader = subject.reader()?;
        let own = views.iter().find(|view| view.readers.contains(&reader))?;
        Some(&own.metadata)
    }

    /// What was undone in a workload, and the lock that it had then.
    fn undone_of(
        &self,
        workload: &Workload,
        sources: &PolicySources,
    ) -> Option<(&UndoneRevision, Option<Lock>)> {
        let (_, undone) = self.undone.iter().find(|(id, _)| *id == workload.id)?;
        let before = Workload {
            annotations: undone.annotations.clone(),
            ..workload.clone()
        };
        let lock = resolve(&before, sources)
            .into_iter()
            .find_map(|one| one.lock);
        Some((undone, lock))
    }

    /// The nodes on which workloads may run.
    fn nodes(&self) -> Option<Cow<'_, [Node]>> {
        let given = &self.settings.platforms;
        if given.is_empty() {
            return self.nodes.as_deref().map(Cow::Borrowed);
        }
        let of_platform = |platform: &Platform| Node::of_platform(platform.clone());
        Some(Cow::Owned(given.iter().map(of_platform).collect()))
    }
}

/// A saved snapshot may come from anybody, so none of its messages starts a new line, such
/// as one that looks like a hint.
fn without_breaks(mut snapshot: Snapshot) -> Snapshot {
    for error in &mut snapshot.errors {
        error.message = error.message.replace(['\n', '\r'], " ");
    }
    snapshot
}

/// Makes the decision for every container of a snapshot.
///
/// # Errors
///
/// `--assume` is not a valid policy, or a glob on image names is not valid.
pub fn assess(snapshot: &Snapshot) -> Result<Assessment, SnapshotError> {
    let subjects = snapshot.subjects()?;
    let mut judgements = Judgements::default();
    let image_policies = snapshot.image_policies()?;
    let rows = subjects.iter().filter_map(|subject| {
        let evaluation = match snapshot.metadata_for(subject)? {
            Cow::Borrowed(metadata) => judgements.evaluate(subject, metadata),
            Cow::Owned(metadata) => subject.evaluate(&metadata),
        };
        Some(subject.row_for(evaluation))
    });
    Ok(Assessment {
        context: snapshot.context.clone(),
        observed_at: snapshot.observed_at,
        rows: rows.collect(),
        image_policies,
        errors: snapshot.errors.clone(),
        notes: snapshot.notes.clone(),
        uncovered: snapshot.uncovered.clone(),
        partial: snapshot.partial,
    })
}
