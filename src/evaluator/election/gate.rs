//! The gate: what has to be right about an image before it is written.
//!
//! The policy ranks tags by their text and their dates. What it elects passes
//! here, one image at a time: is it an image, can it be pulled, does it run where
//! the workload runs, is it old enough? Each question is asked only if the ones
//! before it were answered well.

use jiff::Timestamp;

use super::age::{Ripeness, needs_push, ripeness};
use crate::evaluator::facts::{ContainerFacts, Creation, creation, rejection_of};
use crate::evaluator::sentence;
use crate::image::{
    Content, Fact, FetchFailure, ImageMetadata, ImageReference, Known, Platform,
    RepositoryMetadata, TagOrDigest, later,
};
use crate::policy::{MinAge, Rejection};

/// What the gate measures by.
pub(crate) struct Gate<'a> {
    pub(crate) container: &'a ContainerFacts<'a>,
    /// How old the image has to be.
    pub(crate) min_age: Option<MinAge>,
    pub(crate) metadata: &'a RepositoryMetadata,
}

/// Why an image does not pass, or not yet.
pub(crate) enum Stop {
    /// It is refused.
    Refused(Refusal),
    /// More has to be known.
    Needs(Vec<Fact>),
    /// What has to be known could not be had.
    Failed(FetchFailure),
}

/// Why an image is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) rejection: Rejection,
    /// When it will be old enough, where that is known.
    pub(crate) ripe_at: Option<Timestamp>,
    /// The same in a sentence.
    pub(crate) message: String,
}

impl Refusal {
    fn new(rejection: Rejection, message: String) -> Self {
        Self {
            rejection,
            ripe_at: None,
            message,
        }
    }
}

impl Gate<'_> {
    /// Lets an image pass.
    ///
    /// # Errors
    ///
    /// Why it does not, or what has to be known first.
    pub(crate) fn pass(&self, version: &TagOrDigest) -> Result<(), Stop> {
        if let TagOrDigest::Tag(tag) = version
            && tag.is_artifact()
        {
            return Err(refused(Rejection::ArtifactTag, version));
        }
        let platforms = self.read(version)?;
        self.check_platforms(version, platforms)?;
        self.check_age(version)
    }

    /// Whether it is an image that can be pulled; its platforms. `None`: nobody
    /// can tell.
    fn read(&self, version: &TagOrDigest) -> Result<Option<&[Platform]>, Stop> {
        let image = self.metadata.image(version);
        if let Some(Known::Value(Content::Other(what))) = image.map(|image| &image.content) {
            let message = format!("{} is not an image: {what}", named(version));
            return Err(Stop::Refused(Refusal::new(Rejection::NotAnImage, message)));
        }
        // Platforms alone do not tell that it is an image.
        let is_read = image.is_some_and(|image| !image.content.is_not_asked());
        let platforms = image.map(|image| &image.platforms);
        match platforms.filter(|p| is_read || matches!(p, Known::Failed(_))) {
            None | Some(Known::NotAsked) if self.metadata.is_closed => {
                Ok(platforms.and_then(Known::value).map(Vec::as_slice))
            }
            None | Some(Known::NotAsked) => {
                let mut needs = vec![Fact::Platforms(version.clone())];
                // Where nothing is known of the workload the running image's
                // platforms are needed in any case: side by side with these.
                if self.container.platforms.is_none()
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

    /// The image must offer every platform of the running one on which the
    /// workload can run. The running image is read only where that may matter.
    fn check_platforms(
        &self,
        version: &TagOrDigest,
        offered: Option<&[Platform]>,
    ) -> Result<(), Stop> {
        // An image that names no platform proves nothing.
        let Some(offered) = offered.filter(|offered| !offered.is_empty()) else {
            return Ok(());
        };
        let possible = self.container.platforms.as_deref();
        let name = named(version);
        if let Some(possible) = possible {
            if lacking(possible, offered).is_none() {
                return Ok(());
            }
            // Whatever the running image offers, this one runs nowhere.
            if let Some(lacking) = lacking_all(possible, offered) {
                return Err(wrong_platform(sentence::wrong_platform(&name, &lacking)));
            }
        }
        // The registry would know, so its silence must not lower the demand.
        let running = self
            .running_platforms()?
            .map_err(|failure| Stop::Failed(failure.clone()))?;
        let demanded = running.map_or_else(Vec::new, |running| demanded(possible, running));
        let Some(lacking) = lacking(&demanded, offered) else {
            return Ok(());
        };
        Err(wrong_platform(match possible {
            Some(_) => sentence::wrong_platform(&name, &lacking),
            None => sentence::other_platform(&name, &lacking, self.container.image),
        }))
    }

    /// What the running image offers; `Ok(None)` where nothing can be told of it:
    /// it is untagged, gone, or names no platform.
    fn running_platforms(&self) -> Result<Result<Option<&[Platform]>, &FetchFailure>, Stop> {
        let image = self.container.image;
        let running = image.pulled();
        if is_untagged(image) || self.is_gone(&running) {
            return Ok(Ok(None));
        }
        match self.metadata.image(&running).map(|image| &image.platforms) {
            None | Some(Known::NotAsked) if self.metadata.is_closed => Ok(Ok(None)),
            None | Some(Known::NotAsked) => Err(Stop::Needs(vec![Fact::Platforms(running)])),
            Some(Known::Value(platforms)) if platforms.is_empty() => Ok(Ok(None)),
            Some(Known::Value(platforms)) => Ok(Ok(Some(platforms))),
            // Gone, or blocked, which is why it is to be replaced.
            Some(Known::Failed(failure)) if rejection_of(failure.kind).is_some() => Ok(Ok(None)),
            Some(Known::Failed(failure)) => Ok(Err(failure)),
        }
    }

    /// Whether the list of tags does not have it any more.
    fn is_gone(&self, version: &TagOrDigest) -> bool {
        match (version, &self.metadata.tags) {
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
        match creation(metadata, version, self.container.now) {
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
        let ripe = image.and_then(|i| ripeness(i, min_age, metadata, self.container.now));
        // The time of a push can only make it younger than its own date says.
        if let Known::Failed(failure) = pushed
            && needs_push(min_age, metadata)
            && !self.is_young_by_itself(image, min_age)
        {
            return Err(Stop::Failed(failure.clone()));
        }
        if ripe.is_some_and(|ripe| ripe.at <= self.container.now) {
            return Ok(());
        }
        Err(Stop::Refused(Refusal {
            rejection: Rejection::TooYoung,
            ripe_at: ripe.map(|ripe: Ripeness| ripe.at),
            message: sentence::too_young(&named(version), ripe, min_age.clock),
        }))
    }

    fn is_young_by_itself(&self, image: Option<&ImageMetadata>, min_age: MinAge) -> bool {
        let now = self.container.now;
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

/// What a failed question means for the image that it was about: some failures
/// are the image's own, and the others leave it undecided.
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
            Stop::Refused(Refusal::new(rejection, message))
        }
        None => Stop::Failed(failure.clone()),
    }
}

fn wrong_platform(message: String) -> Stop {
    Stop::Refused(Refusal::new(Rejection::WrongPlatform, message))
}

fn refused(rejection: Rejection, version: &TagOrDigest) -> Stop {
    let message = format!("{} {}", named(version), rejection.phrase());
    Stop::Refused(Refusal::new(rejection, message))
}

/// Whether the manifest names neither a tag nor a digest.
fn is_untagged(image: &ImageReference) -> bool {
    image.tag().is_none() && image.digest().is_none()
}

/// The platforms that are demanded: those of the running image on which the
/// workload can run, or all of them where that is not known.
fn demanded(possible: Option<&[Platform]>, running: &[Platform]) -> Vec<Platform> {
    let Some(possible) = possible else {
        return running.to_vec();
    };
    let offered = |wanted: &&Platform| running.iter().any(|offered| offered.serves(wanted));
    possible.iter().filter(offered).cloned().collect()
}

/// Those of the wanted platforms that are not offered.
fn lacking(wanted: &[Platform], offered: &[Platform]) -> Option<String> {
    let lacking: Vec<&str> = wanted
        .iter()
        .filter(|wanted| !offered.iter().any(|offered| offered.serves(wanted)))
        .map(Platform::as_str)
        .collect();
    (!lacking.is_empty()).then(|| lacking.join(", "))
}

/// The possible platforms, if none of them is offered.
fn lacking_all(possible: &[Platform], offered: &[Platform]) -> Option<String> {
    let served = |wanted: &Platform| offered.iter().any(|offered| offered.serves(wanted));
    let names: Vec<&str> = possible.iter().map(Platform::as_str).collect();
    (!possible.iter().any(served)).then(|| names.join(" or "))
}
