//! One container on its way to a decision: what its annotations say, and which
//! repository must be queried.

use jiff::Timestamp;

use super::assessment::Row;
use super::complete::moving_version;
use super::decision::{Decision, Outcome, PolicySummary, Reason, Suggestion, Verdict};
use super::evaluate::evaluate;
use super::evaluation::Evaluation;
use super::input::{EvaluationInput, ImpliedTag, RunContext};
use super::snapshot::settings::Settings;
use super::snapshot::ties::TiedPolicy;
use super::warnings::moved_tag;
use super::warnings::undone;
use crate::image::{CanonicalName, Fact, ImageReference, ReferenceError, RepositoryMetadata, Tag};
use crate::policy::{
    ContainerPolicy, PolicyError, Resolved, RolloutRules, Rule, Schedule, State, Warning,
    WarningCode, quote,
};
use crate::workload::{Container, PullIdentity, Workload};

/// A container with everything but its repository's metadata.
#[derive(Debug, Clone)]
pub struct Subject<'s> {
    /// The workload.
    pub workload: &'s Workload,
    /// The container.
    pub container: &'s Container,
    pub(crate) image: Result<ImageReference, ReferenceError>,
    resolved: Resolved,
    /// The policy to suggest an image with, if the container has no policy.
    assumed: Option<ContainerPolicy>,
    /// Why the container is not evaluated, if it is not.
    exclusion: Option<Exclusion>,
    /// The image of the same repository that the user requested by name.
    pub(crate) requested: Option<&'s ImageReference>,
    pub(crate) context: RunContext<'s>,
    /// The ImagePolicy that its policy comes from, with its reader.
    tie: Option<TiedPolicy>,
}

/// The image of a container that an injector, such as Istio's, fills in when it creates
/// a Pod (<https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/>).
pub(crate) const PLACEHOLDER: &str = "auto";

/// Why a container is not evaluated, whatever its policy is.
#[derive(Debug, Clone)]
pub(crate) enum Exclusion {
    /// The flags of the run exclude the image; the reason.
    ByFlags(String),
    /// The workload is being deleted.
    BeingDeleted,
    /// The image is a placeholder.
    Placeholder,
}

impl Exclusion {
    fn verdict(&self) -> Verdict {
        match self {
            Self::ByFlags(why) => Verdict::new(Reason::Excluded, why),
            Self::BeingDeleted => Verdict::new(Reason::BeingDeleted, Reason::BeingDeleted.phrase()),
            Self::Placeholder => Verdict::new(
                Reason::Excluded,
                format!("{PLACEHOLDER} is not an image: an injector replaces it in each Pod"),
            ),
        }
    }
}

impl<'s> Subject<'s> {
    pub(crate) fn new(
        workload: &'s Workload,
        container: &'s Container,
        resolved: Resolved,
        assumed: Option<ContainerPolicy>,
        exclusion: Option<Exclusion>,
        context: RunContext<'s>,
    ) -> Self {
        Self {
            workload,
            container,
            image: container.image.parse(),
            resolved,
            assumed,
            exclusion,
            requested: None,
            context,
            tie: None,
        }
    }

    /// The same container, whose policy is that of an ImagePolicy.
    pub(crate) fn tied_to(self, tie: Option<TiedPolicy>) -> Self {
        Self { tie, ..self }
    }

    /// The ImagePolicy that its policy comes from, as `namespace/name`.
    #[must_use]
    pub fn image_policy(&self) -> Option<&str> {
        self.tie.as_ref().map(|tie| tie.id.as_str())
    }

    /// The identity with which its repository is read. For the policy of an ImagePolicy, it
    /// is that of the ImageRepository, as in Flux.
    #[must_use]
    pub fn reader(&self) -> Option<PullIdentity> {
        match &self.tie {
            Some(TiedPolicy {
                target: Ok(target), ..
            }) => Some(target.reader.clone()),
            _ => self.workload.reader(),
        }
    }

    /// The same container, for which the user requested an image, of whatever
    /// repository.
    pub(crate) fn requesting(mut self, image: Option<&'s ImageReference>) -> Self {
        let is_eligible = self.exclusion.is_none() && !self.resolved.ignored;
        self.requested = image.filter(|requested| {
            let running = self.image.as_ref();
            is_eligible && running.is_ok_and(|image| image.canonical() == requested.canonical())
        });
        self
    }

    /// A trial of a policy on an image that need not run anywhere, with the settings
    /// that apply without a workload.
    #[must_use]
    pub fn for_trial(
        workload: &'s Workload,
        container: &'s Container,
        policy: ContainerPolicy,
        settings: &Settings,
        now: Timestamp,
    ) -> Self {
        Self::alone(workload, container, Ok(policy), settings, now)
    }

    /// An election from a repository, whatever runs: the image has no tag. `exclusion`: why
    /// the flags of the run exclude the repository, if they do.
    pub(crate) fn for_election(
        workload: &'s Workload,
        container: &'s Container,
        policy: Result<ContainerPolicy, PolicyError>,
        exclusion: Option<String>,
        settings: &Settings,
        now: Timestamp,
    ) -> Self {
        let mut subject = Self::alone(workload, container, policy, settings, now);
        subject.context.implied = ImpliedTag::Nothing;
        subject.exclusion = exclusion.map(Exclusion::ByFlags);
        subject
    }

    /// A policy without the annotations and the Pods of a workload.
    fn alone(
        workload: &'s Workload,
        container: &'s Container,
        mut policy: Result<ContainerPolicy, PolicyError>,
        settings: &Settings,
        now: Timestamp,
    ) -> Self {
        if let Ok(policy) = &mut policy {
            settings.apply(policy);
        }
        let resolved = Resolved {
            state: State::Automated,
            lock: None,
            automated: true,
            ignored: false,
            policy: Some(policy),
            schedule: Ok(Schedule::default()),
            rollouts: Ok(RolloutRules::default()),
            warnings: Vec::new(),
        };
        let context = RunContext {
            now,
            platforms: (!settings.platforms.is_empty()).then(|| settings.platforms.clone()),
            running: &[],
            undone: None,
            max_candidates: settings.max_candidates(),
            implied: ImpliedTag::Latest,
        };
        Self::new(workload, container, resolved, None, None, context)
    }

    /// The policy to evaluate: the container's own, or the assumed one; none if the
    /// image is excluded.
    pub(crate) fn policy(&self) -> Option<&ContainerPolicy> {
        match &self.resolved.policy {
            _ if self.exclusion.is_some() => None,
            Some(Ok(policy)) => Some(policy),
            Some(Err(_)) => None,
            None => self.assumed.as_ref(),
        }
    }

    /// The repository that must be queried; `None`: the decision needs no metadata.
    #[must_use]
    pub fn repository(&self) -> Option<&CanonicalName> {
        if self.policy().is_none() && self.requested.is_none() {
            return None;
        }
        self.image.as_ref().ok().map(ImageReference::canonical)
    }

    /// Whether only a policy, and no lock, decides about the image.
    #[must_use]
    pub fn is_automated(&self) -> bool {
        self.resolved.state == State::Automated && self.exclusion.is_none()
    }

    /// Whether the flags of the run exclude the image, or the workload is being deleted.
    #[must_use]
    pub fn is_excluded(&self) -> bool {
        self.exclusion.is_some()
    }

    /// What the policy's named group `build` matches in a tag.
    #[must_use]
    pub fn build(&self, tag: &Tag) -> Option<String> {
        self.policy()?.build(tag)
    }

    /// The facts about the repository that must still be fetched; empty if the
    /// container can be decided.
    #[must_use]
    pub fn needs(&self, metadata: &RepositoryMetadata) -> Vec<Fact> {
        match self.evaluate(metadata) {
            Some(Evaluation::Needs(facts)) => facts,
            _ => self.needs_of_request(metadata),
        }
    }

    /// What to evaluate; `None`: there is no policy, or no valid image.
    pub(crate) fn input<'a>(
        &'a self,
        metadata: &'a RepositoryMetadata,
    ) -> Option<EvaluationInput<'a>> {
        let (policy, image) = (self.policy()?, self.image.as_ref().ok()?);
        Some(EvaluationInput::new(image, &self.context, policy, metadata))
    }

    pub(crate) fn evaluate(&self, metadata: &RepositoryMetadata) -> Option<Evaluation> {
        Some(evaluate(&self.input(metadata)?))
    }

    /// Equal for containers of the same run that get the same evaluation of the same
    /// metadata; `None`: there is nothing to evaluate.
    pub(crate) fn judgement_key(&self) -> Option<String> {
        self.repository()?;
        // The debug format contains every field, including those that are added later.
        let RunContext {
            now: _,
            // What was undone only adds warnings.
            undone: _,
            platforms,
            running,
            max_candidates,
            implied,
        } = &self.context;
        let run = (platforms, running, max_candidates, implied);
        let rest = (run, self.requested);
        Some(format!(
            "{:?}",
            (&self.container.image, self.policy(), rest)
        ))
    }

    /// The decision, as far as the metadata allows: if facts are missing that were
    /// never requested, the row is undecided.
    #[must_use]
    pub fn decide(&self, metadata: &RepositoryMetadata) -> Decision {
        self.conclude(self.evaluate(metadata))
    }

    /// The container's row.
    #[must_use]
    pub fn row(&self, metadata: &RepositoryMetadata) -> Row {
        self.row_for(self.evaluate(metadata))
    }

    /// The container's row, for an evaluation of its policy.
    pub(crate) fn row_for(&self, evaluation: Option<Evaluation>) -> Row {
        Row {
            workload: self.workload.id.clone(),
            managed_by: self.workload.managed_by.clone(),
            source: self.workload.source.clone(),
            root: self.workload.root.clone(),
            container: self.container.name.clone(),
            container_type: self.container.container_type,
            image: self.container.image.clone(),
            written_at: self.container.written_at.clone(),
            declared: self.container.declared.clone(),
            image_policy: self.image_policy().map(str::to_owned),
            decision: self.conclude(evaluation),
        }
    }

    /// Whether the metadata is sufficient for a decision.
    #[must_use]
    pub fn is_decided(&self, metadata: &RepositoryMetadata) -> bool {
        self.needs(metadata).is_empty()
    }

    pub(crate) fn conclude(&self, evaluation: Option<Evaluation>) -> Decision {
        // An evaluation already compares the Pods' digests with what the tag serves.
        let may_be_mixed = evaluation.is_none() && self.resolved.state != State::Ignored;
        let verdict = match (&self.image, &self.resolved.policy, evaluation) {
            (_, _, Some(Evaluation::Decided(verdict))) => Some(*verdict),
            (_, _, Some(Evaluation::Needs(facts))) => Some(missing_facts(&facts)),
            (_, Some(_), None) if self.exclusion.is_some() => {
                self.exclusion.as_ref().map(Exclusion::verdict)
            }
            (_, Some(Err(error)), None) => {
                Some(Verdict::new(Reason::InvalidPolicy, &error.message))
            }
            (Err(error), ..) => {
                let message = format!("{}: {error}", quote(&self.container.image));
                Some(Verdict::new(Reason::UnparsableImage, message))
            }
            (Ok(_), _, None) => None,
        };
        let mut decision = self.by_state();
        let is_assumed = self.resolved.policy.is_none() && self.assumed.is_some();
        match verdict {
            Some(verdict) if is_assumed => self.suggest(&mut decision, verdict),
            Some(verdict) => apply(&mut decision, verdict),
            None => {}
        }
        hold_until_open(&mut decision);
        let elected = decision.latest.as_ref().and_then(ImageReference::tag);
        decision.build = elected.and_then(|tag| self.build(tag));
        if may_be_mixed && let Some(mixed) = moved_tag::mixed(self.context.running) {
            decision.warnings.push(mixed);
        }
        if let Some(undone) = &self.context.undone {
            decision
                .warnings
                .extend(undone::warnings(&decision, undone));
        }
        decision.warnings.sort();
        decision.warnings.dedup();
        decision
    }

    /// The decision that follows from the state alone.
    fn by_state(&self) -> Decision {
        let resolved = &self.resolved;
        let reason = match resolved.state {
            State::Locked => Reason::Locked,
            State::Ignored => Reason::Ignored,
            State::Automated => Reason::UpToDate,
            State::Manual => Reason::Manual,
        };
        let mut warnings = resolved.warnings.clone();
        if resolved.policy.is_none()
            && resolved.state != State::Ignored
            && self.container.image != PLACEHOLDER
            && let Ok(image) = &self.image
        {
            warnings.extend(moving_version(image, self.context.implied));
        }
        Decision {
            state: resolved.state,
            lock: resolved.lock.clone(),
            automated: resolved.automated,
            policy: resolved.policy.as_ref().map(summary),
            outcome: reason.outcome(),
            reason,
            message: self.state_message(reason),
            latest: None,
            policy_reason: None,
            closure: resolved.closure(self.context.now),
            build: None,
            facts: None,
            warnings,
            suggestion: None,
        }
    }

    fn state_message(&self, reason: Reason) -> String {
        match (&self.resolved.lock, reason) {
            (Some(lock), Reason::Locked) => {
                let by = lock
                    .by
                    .as_deref()
                    .map_or_else(String::new, |by| format!(" by {by}"));
                let why = lock
                    .message
                    .as_deref()
                    .map_or_else(String::new, |m| format!(": {m}"));
                format!("locked{by}{why}")
            }
            _ => reason.phrase().to_owned(),
        }
    }

    fn suggest(&self, decision: &mut Decision, verdict: Verdict) {
        let Some(policy) = &self.assumed else { return };
        decision.suggestion = Some(Suggestion {
            policy: summary_of(policy),
            latest: verdict.latest,
            reason: verdict.reason,
            message: verdict.message,
        });
        decision.facts = verdict.facts;
        decision.warnings.extend(verdict.warnings);
    }
}

/// Applies a verdict to a decision: only an automated container adopts it. The
/// others keep the reason of their state, and failures become warnings.
fn apply(decision: &mut Decision, verdict: Verdict) {
    let Verdict {
        reason,
        message,
        latest,
        facts,
        warnings,
    } = verdict;
    decision.warnings.extend(warnings);
    decision.latest = latest;
    decision.facts = facts;
    decision.policy_reason = Some(reason);
    if decision.state == State::Automated {
        decision.reason = reason;
        decision.outcome = reason.outcome();
        decision.message = message;
    } else if reason.outcome() == Outcome::Unknown {
        let code = match reason {
            Reason::InvalidPolicy => WarningCode::InvalidPolicy,
            _ => WarningCode::Undecided,
        };
        decision
            .warnings
            .push(Warning::new(code, format!("{reason}: {message}")));
    } else {
        decision.message = format!("{}; {message}", decision.message);
    }
}

/// Holds an update back while no update may start.
fn hold_until_open(decision: &mut Decision) {
    if let Some(closure) = &decision.closure
        && decision.reason == Reason::NewerImage
    {
        decision.reason = Reason::WaitingForWindow;
        decision.outcome = decision.reason.outcome();
        decision.message = format!("{}; {closure}", decision.message);
    }
}

fn summary(policy: &Result<ContainerPolicy, PolicyError>) -> PolicySummary {
    match policy {
        Ok(policy) => summary_of(policy),
        Err(error) => PolicySummary {
            filter: error.text.clone(),
            order: Rule::order_of_text(&error.text),
            origin: error.origin.to_string(),
        },
    }
}

fn summary_of(policy: &ContainerPolicy) -> PolicySummary {
    PolicySummary {
        filter: policy.text.clone(),
        order: policy.rule.order(),
        origin: policy.origin.to_string(),
    }
}

/// The verdict if a stopped scan, or a snapshot, does not contain the facts.
fn missing_facts(facts: &[Fact]) -> Verdict {
    let what = match facts.first() {
        Some(Fact::Tags) | None => "the tag list",
        Some(Fact::Digest(_)) => "a digest",
        Some(Fact::Members(_) | Fact::Configs(_)) => "the parts of an image",
        Some(Fact::Platforms(_)) => "what an image is and where it runs",
        Some(Fact::Created(_)) => "the creation time of images",
        Some(Fact::Pushed(_)) => "the push time of an image",
        Some(Fact::Confirmed(_)) => "whether a tag still serves what it did",
    };
    Verdict::new(Reason::RegistryError, format!("{what} was not requested"))
}
