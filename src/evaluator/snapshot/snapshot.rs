//! Every fact that a run's decisions use, in one value.
//!
//! A snapshot is what `--save-snapshot` writes: decided again anywhere, without
//! a cluster or a registry, it gives the same decisions. So a bug report becomes
//! a test. It holds names, tags, digests and times, never a credential.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::older;
use super::older::OLDER_FORMAT;
use crate::evaluator::assessment::{Assessment, ScopeError};
use crate::evaluator::image_scope::ImageScope;
use crate::evaluator::subject::{Circumstances, Subject};
use crate::image::{CanonicalName, ImageReference, Platform, RepositoryMetadata};
use crate::policy::{
    Assume, ContainerPolicy, GlobError, ImagePolicies, MinAgeClock, PolicySources, RuleError,
    apply_restrictions, resolve,
};
use crate::workload::{PodImages, Reader, Workload, WorkloadId};

/// The format's name; a snapshot of another one is refused, but for an older one
/// that can be upgraded.
const FORMAT: &str = "imgpolicy.dev/snapshot-v1alpha2";

/// Everything that was known when the decisions were made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    format: String,
    /// The kubeconfig context; `None` where no cluster was asked.
    pub context: Option<String>,
    /// The time that counts as now.
    pub observed_at: Timestamp,
    /// What the flags of the run changed.
    pub settings: Settings,
    /// The workloads in scope.
    pub workloads: Vec<Workload>,
    /// Objects that policies are read from, beside the workloads.
    pub policy_objects: Vec<Value>,
    /// What the Pods report, as far as they were read.
    pub pods: Vec<(WorkloadId, PodImages)>,
    /// The platforms of the cluster's nodes; `None`: not known.
    pub nodes: Option<Vec<Platform>>,
    /// What the registries said to the user who ran the program.
    pub repositories: BTreeMap<CanonicalName, RepositoryMetadata>,
    /// What they said to the pull secrets of workloads, which for these counts
    /// instead.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pull_secret_views: BTreeMap<CanonicalName, Vec<PullSecretView>>,
    /// What could not be read.
    pub errors: Vec<ScopeError>,
    /// What to tell beside the rows.
    pub notes: Vec<String>,
    /// Pods that belong to no row, counted by their owner's kind.
    pub uncovered: Vec<(String, usize)>,
    /// The scan was stopped before everything was asked.
    pub partial: bool,
}

/// A repository as some workloads see it with their own credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullSecretView {
    /// Whose workloads; nobody else's are decided by this.
    pub readers: BTreeSet<Reader>,
    /// What the registry said.
    pub metadata: RepositoryMetadata,
}

/// The flags that change decisions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// `--assume`, for containers without a policy.
    pub assume: Option<String>,
    /// `--min-age`; the longer of this and the workload's own counts.
    pub min_age: Option<SignedDuration>,
    /// `--min-age-clock`; the stricter of this and the workload's own counts.
    #[serde(default)]
    pub min_age_clock: Option<MinAgeClock>,
    /// `--max-candidates`.
    #[serde(default)]
    pub max_candidates: Option<usize>,
    /// `--allow-downgrade`.
    pub allow_downgrade: bool,
    /// `--allow-variant`.
    pub allow_variant_change: bool,
    /// `--platform`, which counts instead of the nodes'.
    pub platforms: Vec<Platform>,
    /// `--include-image`: globs on canonical names; where there are any, an
    /// image that none of them matches is left out.
    #[serde(default)]
    pub include_images: Vec<String>,
    /// `--exclude-image`: globs on canonical names of images that are left out.
    #[serde(default)]
    pub exclude_images: Vec<String>,
    /// `--image`: what it takes to write this image is asked as well. It decides
    /// nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageReference>,
}

/// How many tags the gate may refuse before the search ends, where no flag tells.
const MAX_CANDIDATES: usize = 20;

impl Settings {
    pub(crate) fn max_candidates(&self) -> usize {
        self.max_candidates.unwrap_or(MAX_CANDIDATES)
    }

    /// Puts the flags beside a policy: they demand more age, and lift more.
    pub(crate) fn apply(&self, policy: &mut ContainerPolicy) {
        let min_age = self.min_age.filter(|age| !age.is_zero());
        policy.min_age = policy.min_age.max(min_age);
        policy.min_age_clock = policy.min_age_clock.max(self.min_age_clock);
        policy.allow_downgrade |= self.allow_downgrade;
        policy.allow_variant_change |= self.allow_variant_change;
    }
}

/// A file that is no snapshot of this program.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The text does not have the shape of a snapshot.
    #[error("not a snapshot: {0}")]
    Shape(#[from] serde_json::Error),
    /// The snapshot was written by another version.
    #[error("the snapshot has the format {0:?}, and this version reads {FORMAT:?}")]
    Format(String),
    /// The assumed policy is malformed.
    #[error("--assume: {0}")]
    Assume(#[from] RuleError),
    /// A glob on image names is malformed.
    #[error("{flag} {glob:?}: {error}")]
    ImageGlob {
        /// The flag that gives it.
        flag: &'static str,
        /// The glob as it is written.
        glob: String,
        /// What is wrong with it.
        error: GlobError,
    },
}

impl Snapshot {
    /// A snapshot with nothing in it.
    #[must_use]
    pub fn new(observed_at: Timestamp) -> Self {
        Self {
            format: FORMAT.to_owned(),
            context: None,
            observed_at,
            settings: Settings::default(),
            workloads: Vec::new(),
            policy_objects: Vec::new(),
            pods: Vec::new(),
            nodes: None,
            repositories: BTreeMap::new(),
            pull_secret_views: BTreeMap::new(),
            errors: Vec::new(),
            notes: Vec::new(),
            uncovered: Vec::new(),
            partial: false,
        }
    }

    /// Reads a saved snapshot, also one that an older version saved: a note then
    /// says what was not checked.
    ///
    /// # Errors
    ///
    /// The text is no snapshot, or one of another version.
    pub fn parse(text: &str) -> Result<Self, SnapshotError> {
        #[derive(Deserialize)]
        struct Header {
            format: String,
        }
        let Header { format } = serde_json::from_str(text)?;
        match format.as_str() {
            FORMAT => Ok(serde_json::from_str(text)?),
            OLDER_FORMAT => {
                let mut older: Value = serde_json::from_str(text)?;
                older::upgrade(&mut older);
                let snapshot = serde_json::from_value(older)?;
                Ok(Self {
                    format: FORMAT.to_owned(),
                    ..snapshot
                })
            }
            _ => Err(SnapshotError::Format(format)),
        }
    }

    /// The policies of the Kustomizations.
    #[must_use]
    pub fn sources(&self) -> PolicySources {
        let default = "default";
        let image_policies = self
            .policy_objects
            .iter()
            .filter_map(|o| ImagePolicies::read(o, default))
            .collect();
        PolicySources { image_policies }
    }

    /// Every container, sorted by namespace, name, kind, and the order of the
    /// spec.
    ///
    /// # Errors
    ///
    /// `--assume` is no policy, or a glob on image names is none.
    pub fn subjects(&self) -> Result<Vec<Subject<'_>>, SnapshotError> {
        let assume: Option<Assume> = self
            .settings
            .assume
            .as_deref()
            .map(str::parse)
            .transpose()?;
        let scope = ImageScope::new(&self.settings)?;
        let sources = self.sources();
        let pods: BTreeMap<&WorkloadId, &PodImages> =
            self.pods.iter().map(|(id, images)| (id, images)).collect();
        let mut workloads: Vec<&Workload> = self.workloads.iter().collect();
        workloads.sort_by(|a, b| a.id.cmp(&b.id));
        let mut subjects = Vec::new();
        for workload in workloads {
            let platforms = self.platforms(workload);
            for (container, mut resolved) in
                workload.containers.iter().zip(resolve(workload, &sources))
            {
                let left_out = scope.left_out(&container.image);
                let may_be_assumed =
                    resolved.policy.is_none() && !resolved.ignored && left_out.is_none();
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
                let circumstances = Circumstances {
                    now: self.observed_at,
                    platforms: platforms.clone(),
                    left_out,
                    wished: self.settings.image.as_ref(),
                    max_candidates: self.settings.max_candidates(),
                    running: pods
                        .get(&workload.id)
                        .map_or(&[], |pods| pods.for_container(&container.name)),
                };
                subjects.push(Subject::new(
                    workload,
                    container,
                    resolved,
                    assumed,
                    circumstances,
                ));
            }
        }
        Ok(subjects)
    }

    /// How many repositories were looked at, with whatever credentials.
    #[must_use]
    pub fn asked(&self) -> usize {
        let own = self.repositories.keys();
        let names: BTreeSet<_> = own.chain(self.pull_secret_views.keys()).collect();
        names.len()
    }

    /// What is known of a container's repository. `None`: the scan was stopped
    /// before it was decided, and such a container is left out, not guessed.
    #[must_use]
    pub fn metadata_for(&self, subject: &Subject<'_>) -> Option<Cow<'_, RepositoryMetadata>> {
        let metadata = subject
            .repository()
            .and_then(|name| self.seen_of(name, subject.workload))
            .map_or_else(Cow::default, Cow::Borrowed);
        (!self.partial || subject.is_decided(&metadata)).then_some(metadata)
    }

    /// What is known of a repository, as a workload's own credentials are shown
    /// it, else as the user's are; `None`: nothing was asked.
    #[must_use]
    pub fn seen_of(
        &self,
        name: &CanonicalName,
        workload: &Workload,
    ) -> Option<&RepositoryMetadata> {
        let own = self.view_of(name, workload);
        own.or_else(|| self.repositories.get(name))
    }

    /// What a workload's own pull secrets are shown of a repository, if they
    /// were asked for.
    fn view_of(&self, name: &CanonicalName, workload: &Workload) -> Option<&RepositoryMetadata> {
        let views = self.pull_secret_views.get(name)?;
        let reader = workload.reader()?;
        let own = views.iter().find(|view| view.readers.contains(&reader))?;
        Some(&own.metadata)
    }

    fn platforms(&self, workload: &Workload) -> Option<Vec<Platform>> {
        let given = (!self.settings.platforms.is_empty()).then_some(&self.settings.platforms);
        let nodes = given.or(self.nodes.as_ref());
        workload.scheduling.possible(nodes.map(Vec::as_slice))
    }
}

/// Decides every container of a snapshot.
///
/// # Errors
///
/// `--assume` is no policy, or a glob on image names is none.
pub fn assess(snapshot: &Snapshot) -> Result<Assessment, SnapshotError> {
    let row = |subject: &Subject<'_>| Some(subject.row(&*snapshot.metadata_for(subject)?));
    Ok(Assessment {
        context: snapshot.context.clone(),
        observed_at: snapshot.observed_at,
        rows: snapshot.subjects()?.iter().filter_map(row).collect(),
        errors: snapshot.errors.clone(),
        notes: snapshot.notes.clone(),
        uncovered: snapshot.uncovered.clone(),
        partial: snapshot.partial,
    })
}
