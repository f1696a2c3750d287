//! Elections of ImagePolicy objects: what each elects now, whatever runs and whatever Flux
//! has recorded.
//!
//! An election is a [`Subject`] like a container, whose image is the repository without a
//! tag and whose reader is the ImageRepository. The same evaluator decides it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::policy_election::{ImageObject, PolicyElection};
use super::settings::{Elected, Settings, SnapshotError};
use crate::evaluator::decision::Decision;
use crate::evaluator::image_scope::ImageScope;
use crate::evaluator::subject::Subject;
use crate::image::{CanonicalName, ImageReference, RepositoryMetadata};
use crate::policy::{
    ContainerPolicy, FluxImagePolicy, FluxObjects, PolicyError, Warning, WarningCode,
};
use crate::workload::Workload;

/// The ImagePolicy objects of a snapshot, before their repositories are known.
#[derive(Debug)]
pub struct Elections {
    trials: Vec<Trial>,
    settings: Settings,
}

#[derive(Debug)]
struct Trial {
    policy: FluxImagePolicy,
    repository: Option<String>,
    is_repository_suspended: bool,
    rule: Result<ContainerPolicy, PolicyError>,
    exclusion: Option<String>,
    /// The provider whose login Flux uses.
    provider: Option<String>,
    /// Stands for whoever would run the image: it has the credentials of the
    /// ImageRepository.
    workload: Workload,
}

impl Elections {
    pub(crate) fn new(objects: &[ImageObject], settings: &Settings) -> Result<Self, SnapshotError> {
        let scope = ImageScope::new(settings)?;
        let pairs = objects
            .iter()
            .map(|each| (each.source.as_ref(), &each.object));
        let objects = FluxObjects::read(pairs, "default");
        let mut policies: Vec<&FluxImagePolicy> = objects.policies.iter().collect();
        policies.sort_by_key(|policy| (&policy.namespace, &policy.name));
        let trials = policies.into_iter().map(|policy| {
            let target = objects.target(policy);
            let image = target.as_ref().map(|target| target.image.to_string());
            let image = image.unwrap_or_default();
            let mut workload = Workload::running(&image);
            if let Ok(target) = &target {
                workload.id.namespace.clone_from(&target.reader.namespace);
                workload.pull_secrets = target.reader.pull_secrets.clone();
            }
            Trial {
                policy: policy.clone(),
                repository: objects.repository_of(policy),
                is_repository_suspended: objects.is_repository_suspended(policy),
                exclusion: scope.exclusion(&image),
                provider: target.as_ref().ok().and_then(|t| t.provider.clone()),
                rule: target.map(|target| target.policy),
                workload,
            }
        });
        Ok(Self {
            trials: trials.collect(),
            settings: settings.clone(),
        })
    }

    /// What must be evaluated; nothing if only the records are wanted.
    #[must_use]
    pub fn subjects(&self, now: Timestamp) -> Vec<Subject<'_>> {
        match self.settings.elected {
            Elected::Recorded => Vec::new(),
            Elected::Now => self
                .trials
                .iter()
                .map(|trial| trial.subject(&self.settings, now))
                .collect(),
        }
    }

    /// The ImagePolicy objects that elect from each repository, as `namespace/name`.
    #[must_use]
    pub fn by_repository(&self) -> BTreeMap<CanonicalName, Vec<String>> {
        let mut all: BTreeMap<CanonicalName, Vec<String>> = BTreeMap::new();
        for trial in &self.trials {
            let image = trial.workload.containers[0].image.parse::<ImageReference>();
            if let Ok(image) = image {
                let own = all.entry(image.canonical().clone()).or_default();
                own.push(trial.policy.id());
            }
        }
        all
    }

    /// What to know about the credentials, one sentence each.
    #[must_use]
    pub fn notes(&self) -> BTreeSet<String> {
        match self.settings.elected {
            Elected::Recorded => BTreeSet::new(),
            Elected::Now => self.trials.iter().filter_map(Trial::note).collect(),
        }
    }

    /// The decision for each ImagePolicy. One that a stopped scan did not decide is left out.
    pub(crate) fn decide<'m>(
        self,
        now: Timestamp,
        metadata_for: impl Fn(&Subject<'_>) -> Option<Cow<'m, RepositoryMetadata>>,
    ) -> Vec<PolicyElection> {
        let Self { trials, settings } = self;
        trials
            .into_iter()
            .filter_map(|trial| {
                let decision = match settings.elected {
                    Elected::Recorded => None,
                    Elected::Now => {
                        let subject = trial.subject(&settings, now);
                        let metadata = metadata_for(&subject)?;
                        Some(subject.decide(&metadata))
                    }
                };
                Some(trial.into_election(decision))
            })
            .collect()
    }
}

impl Trial {
    fn subject<'s>(&'s self, settings: &Settings, now: Timestamp) -> Subject<'s> {
        Subject::for_election(
            &self.workload,
            &self.workload.containers[0],
            self.rule.clone(),
            self.exclusion.clone(),
            settings,
            now,
        )
    }

    /// Whose credentials are used instead of a provider's.
    fn note(&self) -> Option<String> {
        let (provider, repository) = (self.provider.as_ref()?, self.repository.as_ref()?);
        let connection = self.workload.pull_secrets.connection.fields();
        let instead = if connection.is_empty() {
            "your own credentials for the registry are".to_owned()
        } else {
            format!(
                "your own credentials are not sent with its {}",
                connection.join(" and ")
            )
        };
        Some(format!(
            "note: ImageRepository {repository}: the login of the provider {provider} is not used; \
             {instead}"
        ))
    }

    fn into_election(self, decision: Option<Decision>) -> PolicyElection {
        let warnings = self.warnings(decision.as_ref());
        let mut containers = self.workload.containers.into_iter();
        PolicyElection {
            policy: self.policy,
            repository: self.repository,
            image: containers
                .next()
                .map(|container| container.image)
                .filter(|image| !image.is_empty()),
            decision,
            warnings,
        }
    }

    fn warnings(&self, decision: Option<&Decision>) -> Vec<Warning> {
        let policy = &self.policy;
        let id = policy.id();
        let mut warnings = decision.map_or_else(Vec::new, |decision| decision.warnings.clone());
        if policy.is_suspended {
            let message = format!("ImagePolicy {id} is suspended, so its record may be old");
            warnings.push(Warning::new(WarningCode::Suspended, message));
        }
        if let Some(repository) = self
            .repository
            .as_ref()
            .filter(|_| self.is_repository_suspended)
        {
            let message = format!(
                "ImageRepository {repository} is suspended, so Flux does not know of new tags"
            );
            warnings.push(Warning::new(WarningCode::Suspended, message));
        }
        if let Some(why) = &policy.not_ready {
            let message = format!("ImagePolicy {id} is not ready, so its record may be old: {why}");
            warnings.push(Warning::new(WarningCode::NotReady, message));
        }
        if policy.is_stale {
            let message = format!(
                "the status of ImagePolicy {id} is of an older generation: Flux has not yet acted \
                 on its last change"
            );
            warnings.push(Warning::new(WarningCode::StaleStatus, message));
        }
        if let Err(why) = &policy.recorded {
            let message = format!("ImagePolicy {id} in {}: {why}", policy.place());
            warnings.push(Warning::new(WarningCode::InvalidRecord, message));
        }
        warnings.sort();
        warnings
    }
}
