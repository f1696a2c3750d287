//! Decides what happens to every marked value.

use std::collections::BTreeMap;

use super::decision::{ImageOfParts, MarkerDecision};
use super::elected::{Kept, image_of, keeps_written_digest, present_digest, verb};
use super::hold::hold_of_value;
use super::input::{MarkerInput, MarkerSpec};
use super::reason::MarkerReason;
use super::warnings::warnings;
use crate::evaluator::{Elected, ImageScope, PolicyElection, SnapshotError};
use crate::image::ImageReference;
use crate::policy::{FluxImagePolicy, PolicyImage};
use crate::workload::{MarkedValue, MarkerPart, MarkerTarget};

/// Decides what happens to every marked value, in their order.
///
/// # Errors
///
/// A setting of the run is invalid.
pub fn plan_markers(
    input: MarkerInput<'_>,
    spec: MarkerSpec<'_>,
) -> Result<Vec<MarkerDecision>, SnapshotError> {
    let decider = Decider {
        scope: ImageScope::new(spec.settings)?,
        input,
        spec,
    };
    let mut decisions: Vec<MarkerDecision> = input
        .values
        .iter()
        .map(|value| decider.decide(value))
        .collect();
    keep_parts_together(&mut decisions);
    Ok(decisions)
}

struct Decider<'a> {
    scope: ImageScope,
    input: MarkerInput<'a>,
    spec: MarkerSpec<'a>,
}

impl Decider<'_> {
    fn decide(&self, value: &MarkedValue) -> MarkerDecision {
        let mut decision = MarkerDecision {
            value: value.clone(),
            to: None,
            reason: match self.elected() {
                Elected::Now => MarkerReason::Elected,
                Elected::Recorded => MarkerReason::Recorded,
            },
            message: String::new(),
            warnings: Vec::new(),
        };
        let target = match &value.marker {
            Ok(target) => target,
            Err(why) => {
                decision.keep(
                    MarkerReason::NoEffect,
                    format!("the marker has no effect: {why}"),
                );
                return decision;
            }
        };
        let (election, image) = match self.image(value, target) {
            Ok(found) => found,
            Err((reason, message)) => {
                decision.keep(reason, message);
                return decision;
            }
        };
        let to = image.part(target.part);
        match self.kept(value, target, election, &image, &to) {
            Some((reason, message)) => decision.keep(reason, message),
            None => {
                let elected = self.elected();
                decision.message = format!(
                    "ImagePolicy {} {} {}",
                    election.id(),
                    verb(elected),
                    image.part(MarkerPart::Image)
                );
                decision.warnings = warnings(value, target, &election.policy, &image, elected);
            }
        }
        decision.to = Some(to);
        decision
    }

    /// Where the images of this run come from.
    fn elected(&self) -> Elected {
        self.spec.settings.elected
    }

    /// The policy of a marker and the image that it stands for.
    fn image(
        &self,
        value: &MarkedValue,
        target: &MarkerTarget,
    ) -> Result<(&PolicyElection, PolicyImage), Kept> {
        let all = self.input.policies.iter();
        let mut own = all.filter(|election| {
            let policy = &election.policy;
            policy.namespace == target.namespace && policy.name == target.name
        });
        let election = own.next().ok_or_else(|| self.unknown(target))?;
        let image = image_of(election, self.elected());
        if let Some(other) = own.find(|other| image_of(other, self.elected()) != image) {
            let message = format!(
                "there are two ImagePolicy objects {} with different images, in {} and {}",
                election.id(),
                election.policy.place(),
                other.policy.place()
            );
            return Err((MarkerReason::AmbiguousPolicy, message));
        }
        if let Some(message) = self.out_of_reach(value, &election.policy) {
            return Err((MarkerReason::OutOfReach, message));
        }
        let mut image = image?;
        if self.elected() == Elected::Now
            && keeps_written_digest(election, &image)
            && let Some(digest) = present_digest(self.input.values, value, target, &image)
        {
            image.digest = Some(digest);
        }
        Ok((election, image))
    }

    fn unknown(&self, target: &MarkerTarget) -> Kept {
        let MarkerTarget {
            namespace, name, ..
        } = target;
        let mut elsewhere = self
            .input
            .policies
            .iter()
            .filter(|e| e.policy.name == *name);
        let message = match elsewhere.next() {
            Some(other) => format!(
                "no ImagePolicy {namespace}/{name} is among the files, but {} is",
                other.id()
            ),
            None => format!("no ImagePolicy {namespace}/{name} is among the files"),
        };
        (MarkerReason::UnknownPolicy, message)
    }

    /// Why no automation applies a policy to a file; `None` if one does.
    fn out_of_reach(&self, value: &MarkedValue, policy: &FluxImagePolicy) -> Option<String> {
        let mut reasons = Vec::new();
        for governed in self.input.automations {
            let automation = &governed.automation;
            let path = automation.path.as_deref().unwrap_or(".");
            let why = match automation.check(policy) {
                Err(why) => why,
                Ok(()) if !governed.path_exists => {
                    format!("has the path {path}, which does not exist")
                }
                Ok(()) if !governed.files.contains(&value.source.file) => {
                    format!("edits only below {path}")
                }
                Ok(()) => return None,
            };
            reasons.push(format!("{} ({}) {why}", automation.id(), automation.source));
        }
        (!reasons.is_empty()).then(|| {
            format!(
                "no ImageUpdateAutomation applies ImagePolicy {} here: {}",
                policy.id(),
                reasons.join("; ")
            )
        })
    }

    /// Why the value is kept although its policy stands for an image.
    fn kept(
        &self,
        value: &MarkedValue,
        target: &MarkerTarget,
        election: &PolicyElection,
        image: &PolicyImage,
        to: &str,
    ) -> Option<Kept> {
        let verb = verb(self.elected());
        if value.value == to {
            let message = format!(
                "the value is the one that ImagePolicy {} {verb}",
                election.id()
            );
            return Some((MarkerReason::UpToDate, message));
        }
        if let Some(hold) = hold_of_value(
            value,
            self.input.sources,
            self.spec.overrides,
            self.spec.now,
        ) {
            return Some(hold);
        }
        if let Some(why) = self.scope.exclusion(&image.part(MarkerPart::Image)) {
            return Some((MarkerReason::Excluded, why));
        }
        if self.spec.settings.allow_downgrade {
            return None;
        }
        let old = tag_of(&value.value, target.part, image)?;
        election.policy.is_lower(&image.tag, &old).then(|| {
            let message = format!(
                "{} is lower than {old}, and ImagePolicy {} {verb} it",
                image.tag,
                election.id()
            );
            (MarkerReason::Downgrade, message)
        })
    }
}

/// The tag of a value, if it is of the same image.
fn tag_of(value: &str, part: MarkerPart, image: &PolicyImage) -> Option<String> {
    match part {
        MarkerPart::Tag => (!value.contains(['/', ':', '@'])).then(|| value.to_owned()),
        MarkerPart::Image => {
            let old: ImageReference = value.parse().ok()?;
            let new: ImageReference = image.name.parse().ok()?;
            let tag = old.tag().filter(|_| old.canonical() == new.canonical())?;
            Some(tag.to_string())
        }
        MarkerPart::Name | MarkerPart::Digest => None,
    }
}

/// Keeps all parts of an image if one of them is kept: a name, a tag and a digest next to
/// each other are written together or not at all.
pub(crate) fn keep_parts_together(decisions: &mut [MarkerDecision]) {
    let mut kept: BTreeMap<ImageOfParts<'_>, &MarkerDecision> = BTreeMap::new();
    for decision in decisions.iter() {
        let is_kept = !decision.is_update() && decision.reason != MarkerReason::UpToDate;
        if let Some(image) = decision.image_of_part().filter(|_| is_kept) {
            kept.entry(image).or_insert(decision);
        }
    }
    let also_kept: Vec<Option<Kept>> = decisions
        .iter()
        .map(|decision| {
            let part = kept.get(&decision.image_of_part()?)?;
            let message = format!(
                "it belongs to {}, which is kept: {}",
                part.value.source, part.message
            );
            decision.is_update().then_some((part.reason, message))
        })
        .collect();
    for (decision, also_kept) in decisions.iter_mut().zip(also_kept) {
        if let Some((reason, message)) = also_kept {
            decision.keep(reason, message);
        }
    }
}
