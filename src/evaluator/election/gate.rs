//! The gate: the checks that an image must pass before it is written.
//!
//! The policy ranks tags by their text and their dates. The best ones are checked
//! here, one image at a time: is it an image, can it be pulled, does it run where
//! the workload runs, is it old enough? Each check is made only if the previous
//! ones passed.

use jiff::Timestamp;

use super::age::{Ripeness, needs_push, ripeness};
use crate::evaluator::creation::{Creation, creation, rejection_of};
use crate::evaluator::input::{EvaluationInput, RunContext};
use crate::evaluator::sentence;
use crate::image::{
    Content, Fact, FetchFailure, ImageMetadata, ImageReference, Known, Platform,
    RepositoryMetadata, Tag, TagOrDigest, later,
};
use crate::policy::{FailedRollout, MinAge, Rejection};

/// What an image is checked against.
pub(crate) struct Gate<'a> {
    /// The image that the manifest names.
    pub(crate) image: &'a ImageReference,
    pub(crate) context: &'a RunContext<'a>,
    /// How old the image has to be.
    pub(crate) min_age: Option<MinAge>,
    /// The images of the container whose rollouts failed before.
    pub(crate) failed: &'a [FailedRollout],
    /// Whether it may also be something other than an image, such as a chart.
    pub(crate) admits_artifacts: bool,
    pub(crate) metadata: &'a RepositoryMetadata,
    /// The listed tags.
    pub(crate) tags: &'a Known<Vec<Tag>>,
}

/// Why an image does not pass, or not yet.
pub(crate) enum Stop {
    /// It is refused.
    Refused {
        rejection: Rejection,
        /// When it will be old enough, if that is known.
        ripe_at: Option<Timestamp>,
        /// The rejection as a sentence.
        message: String,
    },
    /// These facts must be known first.
    Needs(Vec<Fact>),
    /// A necessary fact could not be fetched.
    Failed(FetchFailure),
}

impl Stop {
    pub(crate) fn refused(rejection: Rejection, message: String) -> Self {
        Self::Refused {
            rejection,
            ripe_at: None,
            message,
        }
    }
}

impl<'a> Gate<'a> {
    pub(crate) fn for_input(input: &EvaluationInput<'a>) -> Self {
        Self {
            image: input.image,
            context: input.context,
            min_age: input.policy.required_age(),
            failed: &input.policy.failed,
            admits_artifacts: input.policy.filter.barred.admits_artifacts(),
            metadata: input.metadata,
            tags: input.tags,
        }
    }

    /// Checks an image.
    ///
    /// # Errors
    ///
    /// The image is refused, or facts are missing.
    pub(crate) fn pass(&self, version: &TagOrDigest) -> Result<(), Stop> {
        if let TagOrDigest::Tag(tag) = version
            && tag.is_artifact()
            && !self.admits_artifacts
        {
            return Err(refused(Rejection::ArtifactTag, version));
        }
        let platforms = self.read(version)?;
        self.check_platforms(version, platforms)?;
        self.check_age(version)?;
        self.check_failures(version)
    }

    /// Checks that it is an image that can be pulled, and returns its platforms.
    /// `None`: they cannot be known.
    fn read(&self, version: &TagOrDigest) -> Result<Option<&[Platform]>, Stop> {
        let image = self.metadata.image(version);
        if let Some(Known::Value(Content::Other(what))) = image.map(|image| &image.content) {
            if self.admits_artifacts {
                return Ok(None);
            }
            let message = format!("{} is not an image: {what}", named(version));
            return Err(Stop::refused(Rejection::NotAnImage, message));
        }
        // Platforms alone do not prove that it is an image.
        let is_read = image.is_some_and(|image| !image.content.is_not_asked());
        let platforms = image.map(|image| &image.platforms);
        match platforms.filter(|p| is_read || matches!(p, Known::Failed(_))) {
            None | Some(Known::NotAsked) if self.metadata.is_closed => {
                Ok(platforms.and_then(Known::value).map(Vec::as_slice))
            }
            None | Some(Known::NotAsked) => {
                let mut needs = vec![Fact::Platforms(version.clone())];
                // If the platforms of the workload are unknown, those of the running
                // image are needed in any case, so both are requested together.
                if self.context.platforms.is_none()
                    && let Err(Stop::Needs(running)) = self.running_platforms()
                {
                    needs.extend(running);
                }
                Err(Stop::Needs(needs))
            }
            Some(Known::Failed(failure)) => Err(stopped_by(failure, version)),
            Some(Known::Value(platforms)) => Ok(Some(platforms)),
        }
    }

    /// The image must offer every platform that the running image offers and on which
    /// the workload can run. The running image is read only if it can matter.
    fn check_platforms(
        &self,
        version: &TagOrDigest,
        offered: Option<&[Platform]>,
    ) -> Result<(), Stop> {
        // An image that names no platform is not refused.
        let Some(offered) = offered.filter(|offered| !offered.is_empty()) else {
            return Ok(());
        };
        let possible = self.context.platforms.as_deref();
        let name = named(version);
        if let Some(possible) = possible {
            if missing(possible, offered).is_none() {
                return Ok(());
            }
            // Whatever the running image offers, this image cannot run at all.
            if let Some(missing) = missing_all(possible, offered) {
                return Err(wrong_platform(sentence::wrong_platform(&name, &missing)));
            }
        }
        // The registry has the answer, so a failure must not relax the check.
        let running = self
            .running_platforms()?
            .map_err(|failure| Stop::Failed(failure.clone()))?;
        let demanded = running.map_or_else(Vec::new, |running| demanded(possible, running));
        let Some(missing) = missing(&demanded, offered) else {
            return Ok(());
        };
        Err(wrong_platform(match possible {
            Some(_) => sentence::wrong_platform(&name, &missing),
            None => sentence::other_platform(&name, &missing, self.image),
        }))
    }

    /// The platforms of the running image; `Ok(None)` if they cannot be known: the
    /// image has no tag, is gone, or names no platform. The inner error is a failure
    /// to fetch them.
    fn running_platforms(&self) -> Result<Result<Option<&[Platform]>, &FetchFailure>, Stop> {
        let running = self.image.pulled();
        if is_untagged(self.image) || self.is_gone(&running) {
            return Ok(Ok(None));
        }
        match self.metadata.image(&running).map(|image| &image.platforms) {
            None | Some(Known::NotAsked) if self.metadata.is_closed => Ok(Ok(None)),
            None | Some(Known::NotAsked) => Err(Stop::Needs(vec![Fact::Platforms(running)])),
            Some(Known::Value(platforms)) if platforms.is_empty() => Ok(Ok(None)),
            Some(Known::Value(platforms)) => Ok(Ok(Some(platforms))),
            // Gone or blocked, which is a reason to replace it.
            Some(Known::Failed(failure)) if rejection_of(failure.kind).is_some() => Ok(Ok(None)),
            Some(Known::Failed(failure)) => Ok(Err(failure)),
        }
    }

    /// Whether the list of tags no longer has it.
    fn is_gone(&self, version: &TagOrDigest) -> bool {
        match (version, self.tags) {
            (TagOrDigest::Tag(tag), Known::Value(tags)) => !tags.contains(tag),
            _ => false,
        }
    }

    fn check_age(&self, version: &TagOrDigest) -> Result<(), Stop> {
        let Some(min_age) = self.min_age else {
            return Ok(());
        };
        let metadata = self.metadata;
        let image = metadata.image(version);
        let mut needs = Vec::new();
        match creation(metadata, version, self.context.now) {
            Creation::NotAsked if !metadata.is_closed => {
                needs.push(Fact::Created(version.clone()));
            }
            Creation::Failed(failure) => return Err(stopped_by(&failure, version)),
            Creation::Rejected(rejection, _) => return Err(refused(rejection, version)),
            Creation::NotAsked | Creation::At(_) | Creation::None => {}
        }
        let pushed = image.map_or(&Known::NotAsked, |image| &image.pushed);
        if pushed.is_not_asked() && needs_push(min_age, metadata) && !metadata.is_closed {
            needs.push(Fact::Pushed(version.clone()));
        }
        if !needs.is_empty() {
            return Err(Stop::Needs(needs));
        }
        let ripe = image.and_then(|i| ripeness(i, min_age, metadata, self.context.now));
        // The push time can only make the image younger than its own date says.
        if let Known::Failed(failure) = pushed
            && needs_push(min_age, metadata)
            && !self.is_young_by_itself(image, min_age)
        {
            return Err(Stop::Failed(failure.clone()));
        }
        if ripe.is_some_and(|ripe| ripe.at <= self.context.now) {
            return Ok(());
        }
        Err(Stop::Refused {
            rejection: Rejection::TooYoung,
            ripe_at: ripe.map(|ripe: Ripeness| ripe.at),
            message: sentence::too_young(&named(version), ripe, min_age.clock),
        })
    }

    /// The image must not be one whose rollout failed before. What its tag serves is only
    /// needed if an image of this repository failed.
    fn check_failures(&self, version: &TagOrDigest) -> Result<(), Stop> {
        let failed = self.failed.iter();
        let failed = failed.filter(|failed| failed.image.canonical() == self.image.canonical());
        for failed in failed {
            let TagOrDigest::Tag(tag) = version else {
                if failed.version() == *version {
                    return Err(failed_before(version, failed));
                }
                continue;
            };
            let is_same_tag = failed.image.tag() == Some(tag);
            let is_same = match &failed.digest {
                None => is_same_tag,
                Some(digest) => match self.metadata.image(version).map(|image| &image.digest) {
                    Some(Known::Value(served)) => served == digest,
                    Some(Known::Failed(failure)) => return Err(stopped_by(failure, version)),
                    None | Some(Known::NotAsked) if self.metadata.is_closed => is_same_tag,
                    None | Some(Known::NotAsked) => {
                        return Err(Stop::Needs(vec![Fact::Digest(version.clone())]));
                    }
                },
            };
            if is_same {
                return Err(failed_before(version, failed));
            }
        }
        Ok(())
    }

    fn is_young_by_itself(&self, image: Option<&ImageMetadata>, min_age: MinAge) -> bool {
        let now = self.context.now;
        let built = image.and_then(|image| image.built(now));
        built.is_some_and(|built| later(built.at, min_age.age) > now)
    }
}

/// An image as messages name it.
pub(crate) fn named(version: &TagOrDigest) -> String {
    match version {
        TagOrDigest::Tag(tag) => tag.to_string(),
        TagOrDigest::Digest(digest) => digest.short(),
    }
}

/// What a failure to fetch a fact means for the image: some failures refuse the
/// image, and the others leave it undecided.
pub(crate) fn stopped_by(failure: &FetchFailure, version: &TagOrDigest) -> Stop {
    match rejection_of(failure.kind) {
        Some(Rejection::NoManifest) => refused(Rejection::NoManifest, version),
        Some(rejection) => {
            let message = format!(
                "{} {}: {}",
                named(version),
                rejection.phrase(),
                failure.message
            );
            Stop::refused(rejection, message)
        }
        None => Stop::Failed(failure.clone()),
    }
}

fn failed_before(version: &TagOrDigest, failed: &FailedRollout) -> Stop {
    let then = failed.image.tag().filter(|then| match version {
        TagOrDigest::Tag(tag) => tag != *then,
        TagOrDigest::Digest(_) => false,
    });
    let message = sentence::failed_before(&named(version), failed, then);
    Stop::refused(Rejection::FailedBefore, message)
}

fn wrong_platform(message: String) -> Stop {
    Stop::refused(Rejection::WrongPlatform, message)
}

fn refused(rejection: Rejection, version: &TagOrDigest) -> Stop {
    let message = format!("{} {}", named(version), rejection.phrase());
    Stop::refused(rejection, message)
}

/// Whether the manifest names neither a tag nor a digest.
fn is_untagged(image: &ImageReference) -> bool {
    image.tag().is_none() && image.digest().is_none()
}

/// The required platforms: those of the running image on which the workload can
/// run, or all of them if that is not known.
fn demanded(possible: Option<&[Platform]>, running: &[Platform]) -> Vec<Platform> {
    let Some(possible) = possible else {
        return running.to_vec();
    };
    possible
        .iter()
        .filter(|wanted| is_offered(running, wanted))
        .cloned()
        .collect()
}

fn is_offered(offered: &[Platform], wanted: &Platform) -> bool {
    offered.iter().any(|offered| offered.serves(wanted))
}

/// The required platforms that are not offered.
fn missing(wanted: &[Platform], offered: &[Platform]) -> Option<String> {
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|wanted| !is_offered(offered, wanted))
        .map(Platform::as_str)
        .collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}

/// The possible platforms, if none of them is offered.
fn missing_all(possible: &[Platform], offered: &[Platform]) -> Option<String> {
    let is_missing_all = !possible.iter().any(|wanted| is_offered(offered, wanted));
    let names: Vec<&str> = possible.iter().map(Platform::as_str).collect();
    is_missing_all.then(|| names.join(" or "))
}
