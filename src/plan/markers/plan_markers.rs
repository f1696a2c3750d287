//! Decides what happens to every marked value.

use std::collections::BTreeMap;

use super::decision::{ImageOfParts, MarkerDecision};
use super::hold::hold_of_value;
use super::input::{MarkerInput, MarkerSpec};
use super::reason::MarkerReason;
use super::warnings::warnings;
use crate::evaluator::{ImageScope, SnapshotError};
use crate::image::ImageReference;
use crate::policy::{FluxImagePolicy, RecordedImage};
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

/// A value that is kept, and why.
type Kept = (MarkerReason, String);

impl Decider<'_> {
    fn decide(&self, value: &MarkedValue) -> MarkerDecision {
        let mut decision = MarkerDecision {
            value: value.clone(),
            to: None,
            reason: MarkerReason::Recorded,
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
        let (policy, image) = match self.image(value, target) {
            Ok(found) => found,
            Err((reason, message)) => {
                decision.keep(reason, message);
                return decision;
            }
        };
        let to = image.part(target.part);
        match self.kept(value, target, policy, image, &to) {
            Some((reason, message)) => decision.keep(reason, message),
            None => {
                decision.message = format!(
                    "ImagePolicy {} has recorded {}",
                    policy.id(),
                    image.part(MarkerPart::Image)
                );
                decision.warnings = warnings(value, target, policy, image);
            }
        }
        decision.to = Some(to);
        decision
    }

    /// The policy of a marker and the image that it has recorded.
    fn image(
        &self,
        value: &MarkedValue,
        target: &MarkerTarget,
    ) -> Result<(&FluxImagePolicy, &RecordedImage), Kept> {
        let all = self.input.policies.iter();
        let mut own =
            all.filter(|policy| policy.namespace == target.namespace && policy.name == target.name);
        let policy = own.next().ok_or_else(|| self.unknown(target))?;
        let id = policy.id();
        if let Some(other) = own.find(|other| other.recorded != policy.recorded) {
            let message = format!(
                "there are two ImagePolicy objects {id} with different images, in {} and {}",
                policy.source, other.source
            );
            return Err((MarkerReason::AmbiguousPolicy, message));
        }
        if let Some(message) = self.out_of_reach(value, policy) {
            return Err((MarkerReason::OutOfReach, message));
        }
        match &policy.recorded {
            Ok(Some(image)) => Ok((policy, image)),
            Ok(None) => {
                let message = format!("ImagePolicy {id} has no image in its status yet");
                Err((MarkerReason::NotRecorded, message))
            }
            Err(why) => {
                let message = format!("ImagePolicy {id} in {}: {why}", policy.source);
                Err((MarkerReason::InvalidRecord, message))
            }
        }
    }

    fn unknown(&self, target: &MarkerTarget) -> Kept {
        let MarkerTarget {
            namespace, name, ..
        } = target;
        let mut elsewhere = self.input.policies.iter().filter(|p| p.name == *name);
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

    /// Why the value is kept although its policy has recorded an image.
    fn kept(
        &self,
        value: &MarkedValue,
        target: &MarkerTarget,
        policy: &FluxImagePolicy,
        image: &RecordedImage,
        to: &str,
    ) -> Option<Kept> {
        if value.value == to {
            let message = format!(
                "the value is the one that ImagePolicy {} has recorded",
                policy.id()
            );
            return Some((MarkerReason::UpToDate, message));
        }
        if let Some(hold) = hold_of_value(value, self.input.sources, self.spec.overrides) {
            return Some(hold);
        }
        if let Some(why) = self.scope.exclusion(&image.part(MarkerPart::Image)) {
            return Some((MarkerReason::Excluded, why));
        }
        if self.spec.settings.allow_downgrade {
            return None;
        }
        let old = tag_of(&value.value, target.part, image)?;
        policy.is_lower(&image.tag, &old).then(|| {
            let message = format!(
                "{} is lower than {old}, and ImagePolicy {} has recorded it",
                image.tag,
                policy.id()
            );
            (MarkerReason::Downgrade, message)
        })
    }
}

/// The tag of a value, if it is of the same image.
fn tag_of(value: &str, part: MarkerPart, image: &RecordedImage) -> Option<String> {
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
