//! Images whose rollouts failed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::image::{Digest, ImageReference, TagOrDigest};
use crate::policy::sources::annotation_keys::AnnotationKey;

/// How many images of one container are kept: as many as an election refuses before it ends,
/// so that the oldest one is not tried again because newer ones also failed.
const MAX_PER_CONTAINER: usize = 20;

/// The maximum length of a cause, in characters.
const MAX_CAUSE_CHARS: usize = 200;

/// An image whose rollout failed in one container of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRollout {
    /// The container.
    pub container: String,
    /// The image as it was written.
    pub image: ImageReference,
    /// What it served; `None`: not known, so that its tag counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// When the failure was noticed, in whole seconds.
    pub at: Timestamp,
    /// Why it failed: one line.
    #[serde(default)]
    pub cause: String,
}

impl FailedRollout {
    /// A failure. The cause is shortened to one line.
    #[must_use]
    pub fn new(
        container: &str,
        image: &ImageReference,
        digest: Option<&Digest>,
        at: Timestamp,
        cause: &str,
    ) -> Self {
        Self {
            container: container.to_owned(),
            image: image.clone(),
            digest: image.digest().or(digest).cloned(),
            at: Timestamp::from_second(at.as_second()).unwrap_or(at),
            cause: one_line(cause),
        }
    }

    /// What the image served: its digest, or else its tag.
    #[must_use]
    pub fn version(&self) -> TagOrDigest {
        match &self.digest {
            Some(digest) => TagOrDigest::Digest(digest.clone()),
            None => self.image.pulled(),
        }
    }

    /// Whether both are failures of one image in one container.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.container == other.container
            && self.image.canonical() == other.image.canonical()
            && self.version() == other.version()
    }

    /// The failures that a workload's annotation lists.
    ///
    /// # Errors
    ///
    /// The annotation is not valid; says why.
    pub fn from_annotations(annotations: &BTreeMap<String, String>) -> Result<Vec<Self>, String> {
        match AnnotationKey::Failed.find(annotations) {
            Some((_, text)) => Self::parse(text),
            None => Ok(Vec::new()),
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Vec<Self>, String> {
        let mut failures: Vec<Self> = serde_json::from_str(text)
            .map_err(|error| format!("it is not a list of failed images: {error}"))?;
        // Somebody else may have written it.
        for failure in &mut failures {
            failure.cause = one_line(&failure.cause);
        }
        Ok(failures)
    }

    /// The value of the annotation; `None` if it would be empty.
    #[must_use]
    pub fn to_text(failures: &[Self]) -> Option<String> {
        // It contains only texts, so serialising cannot fail.
        serde_json::to_string(failures)
            .ok()
            .filter(|_| !failures.is_empty())
    }

    /// Adds failures to those that are known: the last ones of each container that still
    /// exists, the oldest first.
    #[must_use]
    pub fn merged(known: &[Self], new: &[Self], containers: &BTreeSet<&str>) -> Vec<Self> {
        let kept = known
            .iter()
            .filter(|old| !new.iter().any(|one| one.is_same(old)));
        let mut all: Vec<Self> = kept.chain(new).cloned().collect();
        all.retain(|one| containers.contains(one.container.as_str()));
        all.sort_by_key(|one| one.at);
        let mut left: BTreeMap<&str, usize> = BTreeMap::new();
        let mut newest: Vec<Self> = Vec::new();
        for one in all.iter().rev() {
            let left = left.entry(&one.container).or_insert(MAX_PER_CONTAINER);
            if let Some(rest) = left.checked_sub(1) {
                *left = rest;
                newest.push(one.clone());
            }
        }
        newest.reverse();
        newest
    }
}

/// The text in one line, without control characters, and shortened if it is long.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    if line.chars().count() <= MAX_CAUSE_CHARS {
        return line;
    }
    let mut short: String = line.chars().take(MAX_CAUSE_CHARS - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(digit: &str) -> Digest {
        let text = format!("sha256:{}", digit.repeat(64));
        text.parse().expect("a digest")
    }

    fn failure(container: &str, image: &str, second: i64) -> FailedRollout {
        let at = Timestamp::from_second(second).expect("a time");
        let image = image.parse().expect("an image");
        FailedRollout::new(container, &image, None, at, "no Pod started")
    }

    fn images(failures: &[FailedRollout]) -> Vec<String> {
        let images = failures.iter().map(|one| one.image.to_string());
        images.collect()
    }

    #[test]
    fn text_is_read_as_it_was_written() {
        let mut one = failure("app", "org/app:1", 7);
        one.digest = Some(digest("a"));
        let text = FailedRollout::to_text(&[one.clone()]).expect("not empty");
        let digest = "a".repeat(64);
        assert_eq!(
            text,
            format!(
                "[{{\"container\":\"app\",\"image\":\"org/app:1\",\"digest\":\"sha256:{digest}\",\
                 \"at\":\"1970-01-01T00:00:07Z\",\"cause\":\"no Pod started\"}}]"
            )
        );
        assert_eq!(FailedRollout::parse(&text), Ok(vec![one]));
        assert_eq!(FailedRollout::to_text(&[]), None);
    }

    #[test]
    fn cause_is_one_line_of_bounded_length() {
        let image = "org/app:1".parse().expect("an image");
        let long = format!("back-off\n\u{1b}[31m {}", "x ".repeat(300));
        let failure = FailedRollout::new("app", &image, None, Timestamp::UNIX_EPOCH, &long);
        assert!(
            failure.cause.starts_with("back-off [31m x x"),
            "{failure:?}"
        );
        assert!(failure.cause.ends_with('…'), "{failure:?}");
        assert_eq!(failure.cause.chars().count(), MAX_CAUSE_CHARS);
        let text = "[{\"container\":\"app\",\"image\":\"org/app:1\",\"at\":\"1970-01-01T00:00:00Z\",\
                    \"cause\":\"two\\nlines\"}]";
        assert_eq!(
            FailedRollout::parse(text).expect("valid")[0].cause,
            "two lines"
        );
    }

    #[test]
    fn digest_in_the_image_wins_over_the_one_that_its_tag_served() {
        let pinned = format!("org/app:1@{}", digest("b")).parse().expect("valid");
        let at = Timestamp::UNIX_EPOCH;
        let failure = FailedRollout::new("app", &pinned, Some(&digest("a")), at, "");
        assert_eq!(failure.digest, Some(digest("b")));
    }

    #[test]
    fn newest_failures_of_each_existing_container_are_kept() {
        let mut known: Vec<FailedRollout> = (0..30)
            .map(|number| failure("app", &format!("org/app:{number}"), number))
            .collect();
        known.push(failure("gone", "org/gone:1", 40));
        known.push(failure("side", "org/side:1", 1));
        let containers = BTreeSet::from(["app", "side"]);
        let new = [failure("app", "org/app:30", 30)];
        let merged = FailedRollout::merged(&known, &new, &containers);
        assert_eq!(merged.len(), MAX_PER_CONTAINER + 1);
        let images = images(&merged);
        assert_eq!(images[0], "org/side:1");
        assert_eq!(images[1], "org/app:11");
        assert_eq!(images[20], "org/app:30");
    }

    #[test]
    fn second_failure_of_an_image_replaces_the_first_and_another_push_does_not() {
        let containers = BTreeSet::from(["app"]);
        let first = failure("app", "org/app:1", 1);
        let again = failure("app", "docker.io/org/app:1", 9);
        let merged = FailedRollout::merged(&[first], std::slice::from_ref(&again), &containers);
        assert_eq!(merged, [again]);
        let pushes = ["a", "b"].map(|digit| FailedRollout {
            digest: Some(digest(digit)),
            ..failure("app", "org/app:1", 1)
        });
        let [one, other] = pushes;
        let merged = FailedRollout::merged(&[one], &[other], &containers);
        assert_eq!(merged.len(), 2);
    }

    #[test]
    fn nonsense_is_an_error() {
        for text in ["", "{}", "[1]", "org/app:1", "[{\"container\":\"app\"}]"] {
            let error = FailedRollout::parse(text).expect_err(text);
            assert!(
                error.starts_with("it is not a list of failed images: "),
                "{error}"
            );
        }
    }
}
