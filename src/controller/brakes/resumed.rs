//! When updates were resumed that failures had stopped.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::image::{CanonicalName, ImageReference, TagOrDigest};
use crate::policy::FailedRollout;

/// How long a mark has an effect: failures count for as long.
const HORIZON: SignedDuration = SignedDuration::from_hours(1);

/// The marks `imgpolicy.dev/resumed-at`. Failures before them do not count. A mark that is lost
/// stops the updates again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resumed {
    /// Everything.
    pub all: Option<Timestamp>,
    /// The namespaces, by name.
    pub namespaces: BTreeMap<String, Timestamp>,
    /// The images, by repository and by digest, or by tag if their digest is not known.
    pub images: BTreeMap<(CanonicalName, TagOrDigest), Timestamp>,
}

impl Resumed {
    /// Adds the annotation of a namespace: a time.
    ///
    /// # Errors
    ///
    /// It is not a time, so it has no effect; says why.
    pub fn read_namespace(&mut self, namespace: &str, text: &str) -> Result<(), String> {
        self.namespaces.insert(namespace.to_owned(), time(text)?);
        Ok(())
    }

    /// Adds the annotation of the Lease: a time for everything, and `IMAGE=TIME` for images,
    /// separated by spaces.
    ///
    /// # Errors
    ///
    /// The first part that is not valid, so that it has no effect. The others have.
    pub fn read_lease(&mut self, text: &str) -> Result<(), String> {
        let mut result = Ok(());
        for part in text.split_whitespace() {
            if let Err(error) = self.read_part(part) {
                result = result.and(Err(error));
            }
        }
        result
    }

    fn read_part(&mut self, part: &str) -> Result<(), String> {
        let Some((image, at)) = part.rsplit_once('=') else {
            self.all = Some(time(part)?);
            return Ok(());
        };
        let image: ImageReference = image.parse().map_err(|error| format!("{image}: {error}"))?;
        self.resume_image(&image, time(at)?);
        Ok(())
    }

    /// Resumes one image: by its digest, or by its tag.
    pub fn resume_image(&mut self, image: &ImageReference, at: Timestamp) {
        let key = (image.canonical().clone(), image.pulled());
        self.images.insert(key, at);
    }

    /// The annotation of the Lease. Marks that no longer have an effect are left out; empty if
    /// there are none.
    #[must_use]
    pub fn lease_text(&self, now: Timestamp) -> String {
        let all = self.all.filter(|at| is_recent(*at, now));
        let all = all.map(|at| at.to_string());
        let images = self.images.iter().filter(|(_, at)| is_recent(**at, now));
        let images = images.map(|((repository, version), at)| {
            let sign = match version {
                TagOrDigest::Tag(_) => ':',
                TagOrDigest::Digest(_) => '@',
            };
            format!("{repository}{sign}{version}={at}")
        });
        all.into_iter().chain(images).collect::<Vec<_>>().join(" ")
    }

    /// Since when failures of an image count.
    pub(crate) fn of_image(&self, failed: &FailedRollout) -> Timestamp {
        let canonical = failed.image.canonical();
        let named = [failed.version(), failed.image.pulled()].into_iter();
        let marks = named.filter_map(|version| {
            let key = (canonical.clone(), version);
            self.images.get(&key).copied()
        });
        self.of_all().max(marks.max().unwrap_or(Timestamp::MIN))
    }

    /// Since when failures in a namespace count.
    pub(crate) fn of_namespace(&self, namespace: &str) -> Timestamp {
        let own = self.namespaces.get(namespace).copied();
        self.of_all().max(own.unwrap_or(Timestamp::MIN))
    }

    /// Since when failures count at all.
    pub(crate) fn of_all(&self) -> Timestamp {
        self.all.unwrap_or(Timestamp::MIN)
    }
}

fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) < HORIZON
}

fn time(text: &str) -> Result<Timestamp, String> {
    let parsed = text.parse();
    parsed.map_err(|_| format!("{text:?} is not a time, such as 2026-01-02T03:04:05Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_the_lease_are_read_as_they_were_written() {
        let at: Timestamp = "2026-11-21T11:00:00Z".parse().expect("a time");
        let digest = format!("docker.io/org/app@sha256:{}", "a".repeat(64));
        let mut resumed = Resumed {
            all: Some(at),
            ..Resumed::default()
        };
        for image in [digest.as_str(), "localhost:5000/org/app:1"] {
            resumed.resume_image(&image.parse().expect("an image"), at);
        }
        let text = resumed.lease_text(at);
        assert_eq!(
            text,
            format!(
                "2026-11-21T11:00:00Z {digest}=2026-11-21T11:00:00Z \
                 localhost:5000/org/app:1=2026-11-21T11:00:00Z"
            )
        );
        let mut read = Resumed::default();
        assert_eq!(read.read_lease(&text), Ok(()));
        assert_eq!(read, resumed);
        assert_eq!(resumed.lease_text(at + HORIZON), "");
    }

    #[test]
    fn part_that_cannot_be_read_has_no_effect_and_the_others_have() {
        let mut read = Resumed::default();
        let error = read.read_lease("yesterday org/app:1=2026-11-21T11:00:00Z b:=2026");
        assert_eq!(
            error,
            Err("\"yesterday\" is not a time, such as 2026-01-02T03:04:05Z".to_owned())
        );
        assert_eq!((read.all, read.images.len()), (None, 1));
        assert!(read.read_namespace("shop", "").is_err());
        assert!(read.namespaces.is_empty());
    }
}
