//! Failures of the last hour stop further updates.
//!
//! Nothing is stored: a breaker is open as long as enough failures are within the last hour and
//! after the mark that resumes its scope. So a failure that is added never closes one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::resumed::Resumed;
use crate::image::{CanonicalName, TagOrDigest};
use crate::named_enum::named_enum;
use crate::plan::{Change, ImageChange};
use crate::policy::FailedRollout;
use crate::workload::{Workload, WorkloadId};

/// How long a failure counts.
const HORIZON: SignedDuration = SignedDuration::from_hours(1);

/// In how many workloads an image has to fail.
const WORKLOADS_OF_IMAGE: usize = 2;

/// In how many workloads of a namespace rollouts have to fail.
const WORKLOADS_OF_NAMESPACE: usize = 3;

/// One in so many updates has to fail to stop everything.
const UPDATES_PER_FAILURE: usize = 5;

/// A failure in the annotation of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureSeen {
    /// The workload.
    pub workload: WorkloadId,
    /// The failure.
    pub failed: FailedRollout,
}

/// The failures in the annotations of workloads. An annotation that cannot be read has none.
#[must_use]
pub fn failures_seen<'w>(workloads: impl IntoIterator<Item = &'w Workload>) -> Vec<FailureSeen> {
    let mut seen = Vec::new();
    for workload in workloads {
        let failures = FailedRollout::from_annotations(&workload.annotations);
        seen.extend(
            failures
                .unwrap_or_default()
                .into_iter()
                .map(|failed| FailureSeen {
                    workload: workload.id.clone(),
                    failed,
                }),
        );
    }
    seen
}

/// What the breakers are derived from.
#[derive(Debug, Clone, Copy)]
pub struct BreakerFacts<'a> {
    /// The failures of all workloads, of any age.
    pub failures: &'a [FailureSeen],
    /// What was resumed.
    pub resumed: &'a Resumed,
    /// How many updates were made in the last hour.
    pub updates: usize,
    /// `--max-failures`.
    pub max_failures: usize,
    /// The current time.
    pub now: Timestamp,
}

named_enum! {
    /// What a breaker stops, for the label of a metric.
    pub enum BreakerKind {
        /// One image.
        Image = "image",
        /// One namespace.
        Namespace = "namespace",
        /// Every update.
        All = "all",
    }
}

/// What an open breaker stops.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum BreakerScope {
    /// Every update.
    All,
    /// The updates in a namespace.
    Namespace(String),
    /// The updates to an image: a digest, or a tag if the digest is not known.
    Image(CanonicalName, TagOrDigest),
}

impl BreakerScope {
    /// The kind of the scope.
    #[must_use]
    pub fn kind(&self) -> BreakerKind {
        match self {
            Self::All => BreakerKind::All,
            Self::Namespace(_) => BreakerKind::Namespace,
            Self::Image(..) => BreakerKind::Image,
        }
    }

    /// The command that resumes the updates.
    #[must_use]
    pub fn resume_command(&self) -> String {
        let flag = match self {
            Self::All => "--all".to_owned(),
            Self::Namespace(name) => format!("-n {name}"),
            Self::Image(..) => format!("--image {self}"),
        };
        format!("kubectl imgpolicy controller resume {flag}")
    }
}

/// `docker.io/org/app:1.0.1`, `namespace shop`, `all`.
impl fmt::Display for BreakerScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Namespace(name) => write!(f, "namespace {name}"),
            Self::Image(repository, TagOrDigest::Tag(tag)) => write!(f, "{repository}:{tag}"),
            Self::Image(repository, version) => write!(f, "{repository}@{version}"),
        }
    }
}

/// An open breaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    /// What it stops.
    pub scope: BreakerScope,
    /// When the failure was noticed that opened it.
    pub since: Timestamp,
    /// When it closes if nothing more fails.
    pub until: Timestamp,
    /// Why, as a sentence.
    pub why: String,
    /// The tags that its image had, where a change does not know its digest.
    images: BTreeSet<(CanonicalName, TagOrDigest)>,
}

/// `2 workloads failed with …; to resume: kubectl imgpolicy controller resume --image …`.
impl fmt::Display for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}; to resume: {}",
            self.why,
            self.scope.resume_command()
        )
    }
}

/// The open breakers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Breakers(Vec<Breaker>);

impl Breakers {
    /// Derives the open breakers from the failures: the widest scope first.
    #[must_use]
    pub fn derive(facts: &BreakerFacts<'_>) -> Self {
        let BreakerFacts { resumed, now, .. } = *facts;
        let mut all = BTreeSet::new();
        let mut namespaces: BTreeMap<&str, BTreeMap<&WorkloadId, Vec<Timestamp>>> = BTreeMap::new();
        let mut images: BTreeMap<_, (BTreeMap<_, Vec<_>>, BTreeSet<_>)> = BTreeMap::new();
        for FailureSeen { workload, failed } in facts.failures {
            let at = failed.at;
            if now.duration_since(at) >= HORIZON {
                continue;
            }
            // The containers of one rollout fail together.
            if at >= resumed.of_all() {
                all.insert((at, workload));
            }
            if at >= resumed.of_namespace(&workload.namespace) {
                let own = namespaces.entry(&workload.namespace).or_default();
                own.entry(workload).or_default().push(at);
            }
            if at >= resumed.of_image(failed) {
                let repository = failed.image.canonical().clone();
                let key = (repository.clone(), failed.version());
                let (own, names) = images.entry(key).or_default();
                own.entry(workload).or_default().push(at);
                names.insert((repository, failed.image.pulled()));
            }
        }
        let mut open = Vec::new();
        let limit = facts
            .max_failures
            .max(facts.updates.div_ceil(UPDATES_PER_FAILURE))
            .max(1);
        let times: Vec<Timestamp> = all.iter().map(|(at, _)| *at).collect();
        if let Some((since, until)) = reached(&times, &times, limit) {
            open.push(Breaker {
                scope: BreakerScope::All,
                since,
                until,
                why: format!("{} rollouts failed within an hour", times.len()),
                images: BTreeSet::new(),
            });
        }
        for (namespace, workloads) in namespaces {
            if let Some((since, until)) = reached_by(&workloads, WORKLOADS_OF_NAMESPACE) {
                open.push(Breaker {
                    scope: BreakerScope::Namespace(namespace.to_owned()),
                    since,
                    until,
                    why: format!(
                        "rollouts of {} workloads in namespace {namespace} failed within an hour",
                        workloads.len()
                    ),
                    images: BTreeSet::new(),
                });
            }
        }
        for ((repository, version), (workloads, images)) in images {
            if let Some((since, until)) = reached_by(&workloads, WORKLOADS_OF_IMAGE) {
                let scope = BreakerScope::Image(repository, version);
                open.push(Breaker {
                    since,
                    until,
                    why: format!(
                        "rollouts of {scope} failed in {} workloads within an hour",
                        workloads.len()
                    ),
                    scope,
                    images,
                });
            }
        }
        Self(open)
    }

    /// Those that are open.
    #[must_use]
    pub fn open(&self) -> &[Breaker] {
        &self.0
    }

    /// The breaker that stops a change, the widest one; `None`: none does. A rollback and a
    /// change of annotations are never stopped.
    #[must_use]
    pub fn is_open_for(&self, change: &Change) -> Option<&Breaker> {
        if change.is_rollback || change.images.is_empty() {
            return None;
        }
        self.0.iter().find(|breaker| match &breaker.scope {
            BreakerScope::All => true,
            BreakerScope::Namespace(name) => *name == change.workload.namespace,
            BreakerScope::Image(repository, version) => {
                let mut images = change.images.iter();
                images.any(|image| breaker.stops(image, repository, version))
            }
        })
    }
}

impl Breaker {
    fn stops(
        &self,
        image: &ImageChange,
        repository: &CanonicalName,
        version: &TagOrDigest,
    ) -> bool {
        let written = (image.to.canonical().clone(), image.to.pulled());
        let served = image.to.digest().or(image.digest.as_ref());
        match (version, served) {
            (TagOrDigest::Digest(failed), Some(served)) => {
                written.0 == *repository && failed == served
            }
            // It is not known that it is another image.
            _ => self.images.contains(&written),
        }
    }
}

/// When as many workloads as necessary had failed, and until when they have.
fn reached_by(
    workloads: &BTreeMap<&WorkloadId, Vec<Timestamp>>,
    necessary: usize,
) -> Option<(Timestamp, Timestamp)> {
    let first = workloads
        .values()
        .filter_map(|times| times.iter().min().copied());
    let last = workloads
        .values()
        .filter_map(|times| times.iter().max().copied());
    reached(
        &first.collect::<Vec<_>>(),
        &last.collect::<Vec<_>>(),
        necessary,
    )
}

/// When the necessary number was reached by the first failures, and until when the last
/// failures count.
fn reached(
    first: &[Timestamp],
    last: &[Timestamp],
    necessary: usize,
) -> Option<(Timestamp, Timestamp)> {
    let (mut first, mut last) = (first.to_vec(), last.to_vec());
    first.sort_unstable();
    last.sort_unstable();
    let at = necessary.checked_sub(1)?;
    let since = *first.get(at)?;
    let ends = *last.iter().rev().nth(at)?;
    Some((since, ends.checked_add(HORIZON).unwrap_or(Timestamp::MAX)))
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
