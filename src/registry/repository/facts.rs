//! The facts of an image by its digest. They never change, so they are cached
//! permanently.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::image::{
    BuildTimes, CodeVersion, Content, Fact, ImageMetadata, Known, Member, Platform,
};

/// The facts requested about one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct WantedFacts {
    pub(crate) digest: bool,
    pub(crate) members: bool,
    pub(crate) platforms: bool,
    pub(crate) created: bool,
    pub(crate) configs: bool,
}

impl WantedFacts {
    /// A single requested fact.
    pub(crate) fn from_fact(fact: &Fact) -> Self {
        let mut wanted = Self::default();
        wanted.add(fact);
        wanted
    }

    /// Adds a requested fact. A fact of the whole repository, or of the tag rather
    /// than its image, adds nothing.
    pub(crate) fn add(&mut self, fact: &Fact) {
        match fact {
            Fact::Tags | Fact::Pushed(_) => {}
            Fact::Digest(_) | Fact::Confirmed(_) => self.digest = true,
            Fact::Members(_) => self.members = true,
            Fact::Platforms(_) => self.platforms = true,
            Fact::Created(_) => self.created = true,
            Fact::Configs(_) => self.configs = true,
        }
    }

    /// The requested facts that are read from configs.
    pub(crate) fn config_facts(self) -> Self {
        Self {
            created: self.created,
            platforms: self.platforms,
            ..Self::default()
        }
    }

    /// Whether the digest alone is enough.
    pub(crate) fn needs_only_digest(self) -> bool {
        !(self.members || self.platforms || self.created || self.configs)
    }
}

/// The facts of one image that have been requested so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImageFacts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    members: Option<Vec<Member>>,
    /// Whether the configs of the members were requested.
    #[serde(default)]
    configs: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    platforms: Option<Vec<Platform>>,
    /// The build times in the image, if they were requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<BuildTimes>,
    /// What it was built from, if its config was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<CodeVersion>,
    /// When the cache first saw the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_seen: Option<Timestamp>,
}

impl ImageFacts {
    /// Takes the facts from metadata; failures are not kept.
    pub(crate) fn from_metadata(image: &ImageMetadata) -> Self {
        Self {
            members: image.members.value().cloned(),
            configs: image.configs_asked && image.members.value().is_some(),
            content: image.content.value().cloned(),
            platforms: image.platforms.value().cloned(),
            times: image.created.value().copied(),
            code: image.code.clone(),
            first_seen: image.first_seen,
        }
    }

    /// The facts that are known. The digest always is, because facts are stored by
    /// digest.
    fn known(&self) -> WantedFacts {
        WantedFacts {
            digest: true,
            members: self.members.is_some(),
            platforms: self.platforms.is_some() && self.content.is_some(),
            created: self.times.is_some(),
            configs: self.configs,
        }
    }

    /// Whether all requested facts are known.
    pub(crate) fn has_all(&self, wanted: WantedFacts) -> bool {
        let known = self.known();
        (!wanted.members || known.members)
            && (!wanted.configs || known.configs)
            && (!wanted.platforms || known.platforms)
            && (!wanted.created || known.created)
    }

    /// Adds other facts of the same image. Returns whether anything was new.
    pub(crate) fn add(&mut self, other: Self) -> bool {
        let before = self.known();
        if other.members.is_some() && !self.configs {
            self.members = other.members;
            self.configs = other.configs;
        }
        self.content = other.content.or_else(|| self.content.take());
        self.platforms = other.platforms.or_else(|| self.platforms.take());
        let times = self.times;
        if let Some(other) = other.times {
            self.times.get_or_insert_default().add(other);
        }
        let code = self.code.clone();
        self.code = other.code.or_else(|| self.code.take());
        let seen = self.first_seen;
        self.first_seen = seen.into_iter().chain(other.first_seen).min();
        before != self.known()
            || times != self.times
            || code != self.code
            || seen != self.first_seen
    }

    /// Returns when the cache first saw the image.
    pub(crate) fn first_seen(&self) -> Option<Timestamp> {
        self.first_seen
    }

    /// Writes all known facts into the metadata.
    pub(crate) fn write(&self, image: &mut ImageMetadata) {
        if let Some(members) = &self.members {
            image.members = Known::Value(members.clone());
            image.configs_asked = self.configs;
        }
        if let Some(platforms) = &self.platforms {
            image.platforms = Known::Value(platforms.clone());
        }
        if let Some(content) = &self.content {
            image.content = Known::Value(content.clone());
        }
        if let Some(times) = self.times {
            image.created = Known::Value(times);
        }
        if self.code.is_some() {
            image.code.clone_from(&self.code);
        }
        image.first_seen = self.first_seen;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(config: bool) -> Member {
        let digest = |c: &str| {
            format!("sha256:{}", c.repeat(64))
                .parse()
                .expect("a digest")
        };
        Member {
            manifest: digest("a"),
            config: config.then(|| digest("b")),
        }
    }

    fn time() -> Timestamp {
        "2026-01-02T03:04:05Z".parse().expect("a time")
    }

    #[test]
    fn image_without_a_time_counts_as_dated() {
        let dated = ImageMetadata {
            created: Known::Value(BuildTimes::default()),
            ..ImageMetadata::default()
        };
        let wanted = WantedFacts {
            created: true,
            ..WantedFacts::default()
        };
        assert!(ImageFacts::from_metadata(&dated).has_all(wanted));
        assert!(!ImageFacts::from_metadata(&ImageMetadata::default()).has_all(wanted));
    }

    #[test]
    fn facts_are_merged_and_configs_are_kept() {
        let mut facts = ImageFacts::from_metadata(&ImageMetadata {
            members: Known::Value(vec![member(true)]),
            configs_asked: true,
            ..ImageMetadata::default()
        });
        let later = ImageFacts::from_metadata(&ImageMetadata {
            members: Known::Value(vec![member(false)]),
            created: Known::Value(BuildTimes::from_config(Some(time()))),
            ..ImageMetadata::default()
        });
        assert!(facts.add(later.clone()));
        assert!(!facts.add(later), "nothing new");
        let mut image = ImageMetadata::default();
        facts.write(&mut image);
        assert_eq!(image.members, Known::Value(vec![member(true)]));
        assert_eq!(
            image.created,
            Known::Value(BuildTimes::from_config(Some(time())))
        );
        assert!(image.configs_asked && image.platforms.is_not_asked());
    }

    #[test]
    fn earliest_first_seen_time_is_kept() {
        let seen = |at: &str| ImageFacts {
            first_seen: at.parse().ok(),
            ..ImageFacts::default()
        };
        let mut facts = seen("2026-01-02T00:00:00Z");
        assert!(!facts.add(seen("2026-01-03T00:00:00Z")));
        assert!(facts.add(seen("2026-01-01T00:00:00Z")));
        assert_eq!(facts, seen("2026-01-01T00:00:00Z"));
    }

    #[test]
    fn facts_round_trip_through_json() {
        let facts = ImageFacts::from_metadata(&ImageMetadata {
            members: Known::Value(vec![member(false)]),
            platforms: Known::Value(vec!["linux/amd64".parse().expect("a platform")]),
            created: Known::Value(BuildTimes::from_config(Some(time()))),
            content: Known::Value(Content::Other("its config has another type".to_owned())),
            first_seen: Some(time()),
            ..ImageMetadata::default()
        });
        let text = serde_json::to_string(&facts).expect("json");
        assert_eq!(
            serde_json::from_str::<ImageFacts>(&text).expect("facts"),
            facts
        );
    }
}
