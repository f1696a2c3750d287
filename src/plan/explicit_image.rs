//! From one explicit image to the containers that run an image of its repository.

use super::change::{ImageChange, Plan};
use super::safeguards::held_back::{HeldBack, HoldReason};
use super::update::{ChangeTarget, ContainerChoice, UpdateSpec};
use crate::evaluator;
use crate::evaluator::{
    CandidateVerdict, Decision, Examination, GateRefusal, Outcome, Reason, Snapshot, SnapshotError,
    Subject,
};
use crate::image::{Digest, ImageReference, RepositoryMetadata, TagOrDigest};
use crate::policy::State;

/// The plan that writes one explicit image to every container in scope with the same
/// canonical repository. The image has a tag, a digest, or both.
///
/// The necessary facts are requested if [`Settings::image`] also names the image. The
/// container's policy must accept it, unless that is overridden. The image may be
/// lower than the running one or another variant, and the container need not be
/// automated, because the user asked for it.
///
/// [`Settings::image`]: crate::evaluator::Settings::image
///
/// # Errors
///
/// The snapshot's settings are not valid.
pub fn plan_image(
    snapshot: &Snapshot,
    image: &ImageReference,
    spec: &UpdateSpec,
) -> Result<Plan, SnapshotError> {
    let mut plan = Plan::default();
    for subject in snapshot.subjects()? {
        let running = subject.container.image.parse::<ImageReference>();
        let Some(running) = running.ok().filter(|r| r.canonical() == image.canonical()) else {
            continue;
        };
        if !spec.names(&subject.container.name) {
            continue;
        }
        let Some(metadata) = snapshot.metadata_for(&subject) else {
            continue;
        };
        let request = ImageRequest {
            subject: &subject,
            running: &running,
            image,
            metadata: snapshot.repository_for(image.canonical(), &subject),
            examination: subject.examine(&metadata),
        };
        let lock = request.examination.decision.lock.as_ref();
        let workload = subject.workload;
        if let Some(choice) = request.choose(spec) {
            let target = ChangeTarget {
                workload: &workload.id,
                source: workload.source.as_ref(),
                root: workload.root.as_ref(),
            };
            plan.add(target, lock, choice, spec.overrides);
        }
    }
    Ok(plan)
}

/// A request to write one image to one container.
struct ImageRequest<'a> {
    subject: &'a Subject<'a>,
    running: &'a ImageReference,
    image: &'a ImageReference,
    metadata: Option<&'a RepositoryMetadata>,
    examination: Examination,
}

impl ImageRequest<'_> {
    fn choose(&self, spec: &UpdateSpec) -> Option<ContainerChoice> {
        let decision = &self.examination.decision;
        let target = self.target();
        let (Ok(to) | Err((to, _))) = &target;
        if self.subject.is_excluded() || to == self.running {
            return None;
        }
        let refusal = self
            .metadata
            .and_then(|metadata| self.subject.gate_refusal(metadata))
            .filter(|refusal| refusal.rejection.is_some() || !spec.overrides.unconfirmed);
        let is_final = refusal.as_ref().is_some_and(GateRefusal::is_final);
        let refusal = refusal.map(|refusal| refusal.message);
        let rejection = self.rejection().or(refusal.clone());
        let obstacle = self.subject.workload.obstacle(self.subject.container);
        let obstacle = obstacle.filter(|obstacle| !obstacle.yields_to_explicit);
        let hold = match (decision.state, &target) {
            (State::Ignored, _) => Some((HoldReason::Ignored, decision.message.clone())),
            (State::Locked, _) if !spec.overrides.lock => {
                Some((HoldReason::Locked, decision.message.clone()))
            }
            _ if decision.closure.is_some() && !spec.overrides.window => decision
                .closure
                .as_ref()
                .map(|closure| (HoldReason::WaitingForWindow, closure.to_string())),
            (_, Err((_, why))) => Some((HoldReason::Undecided, why.clone())),
            _ if is_final => refusal.map(|why| (HoldReason::NotAnImage, why)),
            _ if obstacle.is_some() => obstacle.map(|o| (HoldReason::NotWritable, o.message)),
            _ => rejection
                .clone()
                .filter(|_| !spec.overrides.policy)
                .map(|why| (HoldReason::NotAccepted, why)),
        };
        if let Some((hold, message)) = hold {
            return Some(ContainerChoice::HoldReason(Box::new(HeldBack {
                workload: self.subject.workload.id.clone(),
                root: self.subject.workload.root.clone(),
                container: Some(self.subject.container.name.clone()),
                from: Some(self.subject.container.image.clone()),
                to: Some(to.clone()),
                hold,
                message,
            })));
        }
        Some(ContainerChoice::Write(Box::new(ImageChange {
            container: self.subject.container.name.clone(),
            container_type: self.subject.container.container_type,
            from: self.subject.container.image.clone(),
            to: to.clone(),
            digest: to.digest().cloned().or_else(|| self.served()),
            policy: decision.policy.as_ref().map(|policy| policy.filter.clone()),
            build: to.tag().and_then(|tag| self.subject.build(tag)),
            message: match rejection {
                Some(why) => format!("requested, although {why}"),
                None => "requested".to_owned(),
            },
            warnings: decision.warnings.clone(),
            plain_tag: None,
            compare: self
                .metadata
                .and_then(|metadata| evaluator::compare(metadata, self.running, to)),
            lines: Vec::new(),
        })))
    }

    /// The image as this container's manifest would spell it.
    ///
    /// # Errors
    ///
    /// The image as far as it is known, and what is not known.
    fn target(&self) -> Result<ImageReference, (ImageReference, String)> {
        let (tag, digest) = (self.image.tag(), self.image.digest());
        let plain = self.running.with(tag, digest);
        let elected = self.examination.decision.latest.as_ref();
        // A manifest that names a digest keeps naming one.
        if digest.is_none()
            && let Some(elected) = elected.filter(|elected| self.is_version_of(elected))
            && (elected.digest().is_some() || self.running.digest().is_none())
        {
            return Ok(elected.clone());
        }
        match (tag, digest) {
            (None, None) => Err((plain, format!("{} has no tag and no digest", self.image))),
            // The digest must be the one that the tag serves.
            (Some(tag), None) if self.running.digest().is_some() => match self.served() {
                Some(digest) => Ok(self.running.with(Some(tag), Some(&digest))),
                None => Err((
                    plain,
                    format!(
                        "the manifest names a digest, but the digest of {tag} is not known; use \
                         {}@sha256:…",
                        self.image
                    ),
                )),
            },
            _ => Ok(plain),
        }
    }

    /// What the requested tag serves, if that is known.
    fn served(&self) -> Option<Digest> {
        let version = TagOrDigest::Tag(self.image.tag()?.clone());
        let digest = &self.metadata?.image(&version)?.digest;
        digest.value().cloned()
    }

    /// Why the container's policy, if there is one, does not accept the image.
    fn rejection(&self) -> Option<String> {
        let decision = &self.examination.decision;
        let policy = &decision.policy.as_ref()?.filter;
        let is_elected = matches!(
            decision.policy_reason,
            Some(Reason::NewerImage | Reason::UpToDate | Reason::ChartTag)
        );
        if let Some(latest) = decision.latest.as_ref().filter(|_| is_elected)
            && self.is_version_of(latest)
        {
            return None;
        }
        if self.examination.tags == 0 && decision.latest.is_none() {
            return Some(fault(decision));
        }
        let Some(tag) = self.image.tag() else {
            return Some(format!("{policy} does not accept a digest without a tag"));
        };
        if let (Some(requested), Some(served)) = (self.image.digest(), self.served())
            && *requested != served
        {
            let (requested, served) = (requested.short(), served.short());
            return Some(format!("{tag} serves {served}, not {requested}"));
        }
        let mut candidates = self.examination.candidates.iter();
        match candidates.find(|candidate| candidate.tag == *tag) {
            Some(candidate) if candidate.verdict != CandidateVerdict::Rejected => {
                self.subject.policy_refusal(tag, self.metadata?)
            }
            Some(candidate) => {
                let why = candidate.rejection.map_or("is rejected", |r| r.phrase());
                Some(format!("{tag} {why} ({policy})"))
            }
            None => Some(format!(
                "{tag} is not among the tags that {policy} can elect"
            )),
        }
    }

    /// Whether the elected image is the requested one, by tag and digest.
    fn is_version_of(&self, latest: &ImageReference) -> bool {
        match (self.image.tag(), self.image.digest()) {
            (None, digest) => digest.is_some() && digest == latest.digest(),
            (tag, None) => tag == latest.tag(),
            (tag, digest) => {
                let elected = latest.digest().cloned().or_else(|| self.served());
                tag == latest.tag() && elected.is_none_or(|elected| Some(&elected) == digest)
            }
        }
    }
}

/// Why nothing could be evaluated. If the container is not automated, the reason is
/// among its warnings.
fn fault(decision: &Decision) -> String {
    if decision.reason.outcome() == Outcome::Unknown {
        return decision.message.clone();
    }
    let warnings = decision.warnings.iter();
    let faults: Vec<&str> = warnings
        .filter(|warning| warning.code.is_fault())
        .map(|warning| warning.message.as_str())
        .collect();
    if faults.is_empty() {
        "it is not known whether the policy accepts it".to_owned()
    } else {
        faults.join("; ")
    }
}
