//! A repository of which all facts are known. It answers the requests of the
//! evaluator, records them, and can fail.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kubectl_imgpolicy::evaluator::Subject;
use kubectl_imgpolicy::image::{
    BuildTimes, Content, Digest, Fact, FetchFailure, FetchFailureKind, ImageMetadata, Known,
    Member, Platform, RepositoryMetadata, Tag, TagOrDigest,
};

/// The image of a tag.
#[derive(Debug, Clone)]
pub(crate) struct OracleImage {
    /// The creation time in its config.
    pub(crate) created: Result<Option<Timestamp>, FetchFailureKind>,
    /// The digest of the tag. By default, the repository assigns a different one to
    /// each image.
    pub(crate) digest: Option<Digest>,
    /// What the manifest describes.
    pub(crate) content: Content,
    /// The available platforms.
    pub(crate) platforms: Result<Vec<Platform>, FetchFailureKind>,
    /// The digests of its members and their configs.
    pub(crate) members: Vec<(Digest, Digest)>,
    /// When it was pushed.
    pub(crate) pushed: Option<Timestamp>,
    /// The registry's `Last-Modified`.
    pub(crate) last_modified: Option<Timestamp>,
    /// When the cache first saw it.
    pub(crate) first_seen: Option<Timestamp>,
    /// Whether the tag is listed, but its manifest does not exist.
    pub(crate) gone: bool,
    /// What the cache has for the tag, which may have moved since then.
    pub(crate) memory: Option<Box<OracleImage>>,
}

/// The repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct Oracle {
    /// By tag.
    pub(crate) images: BTreeMap<String, OracleImage>,
    /// The failure of the tag list, if it fails.
    pub(crate) tags_fail: Option<FetchFailureKind>,
    /// Whether a request for the creation time is first answered by the push time.
    pub(crate) bounds_first: bool,
    /// Every requested fact, in the order of the requests.
    pub(crate) asked: Vec<Fact>,
}

/// A digest that consists of one repeated byte.
pub(crate) fn digest(byte: u8) -> Digest {
    format!("sha256:{}", format!("{byte:02x}").repeat(32))
        .parse()
        .expect("a digest")
}

/// A time; a day alone is its midnight.
pub(crate) fn time(at: &str) -> Timestamp {
    let at = if at.contains('T') {
        at.to_owned()
    } else {
        format!("{at}T00:00:00Z")
    };
    at.parse().expect("a time")
}

/// An image without a creation time.
pub(crate) fn image() -> OracleImage {
    OracleImage::built(None)
}

/// An image that was built at this time or on this day.
pub(crate) fn built(at: &str) -> OracleImage {
    OracleImage::built(Some(at))
}

impl OracleImage {
    /// An image for linux/amd64 that was built at this time.
    pub(crate) fn built(created: Option<&str>) -> Self {
        Self {
            created: Ok(created.map(time)),
            digest: None,
            content: Content::Image,
            platforms: Ok(vec!["linux/amd64".parse().expect("a platform")]),
            members: Vec::new(),
            pushed: None,
            last_modified: None,
            first_seen: None,
            gone: false,
            memory: None,
        }
    }

    pub(crate) fn digest(mut self, byte: u8) -> Self {
        self.digest = Some(digest(byte));
        self
    }

    pub(crate) fn platforms(mut self, names: &[&str]) -> Self {
        let parse = |name: &&str| name.parse().expect("a platform");
        self.platforms = Ok(names.iter().map(parse).collect());
        self
    }

    pub(crate) fn platforms_fail(mut self, kind: FetchFailureKind) -> Self {
        self.platforms = Err(kind);
        self
    }

    pub(crate) fn created_fails(mut self, kind: FetchFailureKind) -> Self {
        self.created = Err(kind);
        self
    }

    pub(crate) fn member(mut self, manifest: u8, config: u8) -> Self {
        self.members.push((digest(manifest), digest(config)));
        self
    }

    pub(crate) fn pushed(mut self, at: &str) -> Self {
        self.pushed = Some(time(at));
        self
    }

    pub(crate) fn last_modified(mut self, at: &str) -> Self {
        self.last_modified = Some(time(at));
        self
    }

    /// Makes it an artifact that is not an image.
    pub(crate) fn artifact(mut self) -> Self {
        self.content = Content::Other("its config has another type".to_owned());
        self.platforms = Ok(Vec::new());
        self.created = Ok(None);
        self
    }

    pub(crate) fn first_seen(mut self, at: &str) -> Self {
        self.first_seen = Some(time(at));
        self
    }

    pub(crate) fn gone(mut self) -> Self {
        self.gone = true;
        self
    }

    /// Sets what the cache has for the tag, by default with the same digest.
    pub(crate) fn remembered_as(mut self, memory: Self) -> Self {
        self.memory = Some(Box::new(memory));
        self
    }

    /// The cache has the current state of the tag.
    pub(crate) fn remembered(self) -> Self {
        let memory = self.clone();
        self.remembered_as(memory)
    }
}

impl Oracle {
    /// A repository with these tags, without further properties.
    pub(crate) fn with_tags(tags: &[&str]) -> Self {
        let mut oracle = Self::default();
        for tag in tags {
            oracle.add(tag, image());
        }
        oracle
    }

    /// Adds an image, with a new digest unless it has one.
    pub(crate) fn add(&mut self, tag: &str, mut image: OracleImage) {
        let number = u8::try_from(self.images.len() % 250 + 1).expect("small");
        let digest = image.digest.get_or_insert_with(|| digest(number)).clone();
        if let Some(memory) = &mut image.memory {
            memory.digest.get_or_insert(digest);
        }
        self.images.insert(tag.to_owned(), image);
    }

    /// Answers until no more facts are requested, and checks that each answer adds
    /// something.
    pub(crate) fn settle(&mut self, subject: &Subject<'_>) -> RepositoryMetadata {
        self.settle_from(RepositoryMetadata::default(), subject)
    }

    /// The same, but starting with the facts that are already known.
    pub(crate) fn settle_from(
        &mut self,
        mut metadata: RepositoryMetadata,
        subject: &Subject<'_>,
    ) -> RepositoryMetadata {
        loop {
            let needs = subject.needs(&metadata);
            if needs.is_empty() {
                return metadata;
            }
            let known = |fact: &Fact, metadata: &RepositoryMetadata| match fact.version() {
                None => (Some(metadata.tags.clone()), None),
                Some(version) => (None, metadata.image(version).cloned()),
            };
            let before: Vec<_> = needs.iter().map(|fact| known(fact, &metadata)).collect();
            for fact in &needs {
                self.answer(fact, &mut metadata);
            }
            for (fact, before) in needs.into_iter().zip(before) {
                assert_ne!(
                    before,
                    known(&fact, &metadata),
                    "the request for {fact:?} added nothing"
                );
                self.asked.push(fact);
            }
        }
    }

    /// All facts.
    pub(crate) fn omniscience(&self) -> RepositoryMetadata {
        let mut metadata = RepositoryMetadata::default();
        self.answer(&Fact::Tags, &mut metadata);
        for tag in self.images.keys() {
            let version = TagOrDigest::Tag(tag.parse().expect("a tag"));
            for fact in [
                Fact::Digest(version.clone()),
                Fact::Configs(version.clone()),
                Fact::Platforms(version.clone()),
                Fact::Created(version),
            ] {
                self.answer(&fact, &mut metadata);
            }
        }
        metadata
    }

    /// Answers one request.
    pub(crate) fn answer(&self, fact: &Fact, metadata: &mut RepositoryMetadata) {
        let Some(version) = fact.version().cloned() else {
            let mut tags: Vec<Tag> = self
                .images
                .keys()
                .map(|tag| tag.parse().expect("a tag"))
                .collect();
            tags.sort();
            metadata.tags = match self.tags_fail {
                Some(kind) => Known::Failed(failure(kind)),
                None => Known::Value(tags),
            };
            return;
        };
        let image = match &version {
            TagOrDigest::Tag(tag) => self.images.get(tag.as_str()),
            TagOrDigest::Digest(digest) => self
                .images
                .values()
                .find(|image| image.digest.as_ref() == Some(digest)),
        };
        let is_new = metadata.image(&version).is_none();
        let entry = metadata.images.entry(version).or_default();
        let memory = image.and_then(|image| image.memory.as_deref());
        let memory = memory.filter(|_| is_new || entry.remembered);
        if let (Fact::Confirmed(_), Some(memory)) = (fact, memory)
            && memory.digest != image.and_then(|image| image.digest.clone())
        {
            *entry = ImageMetadata::default();
        }
        entry.remembered = memory.is_some() && !matches!(fact, Fact::Confirmed(_));
        let image = memory.filter(|_| entry.remembered).or(image);
        if let (Fact::Created(_), Some(image), true, true) =
            (fact, image, self.bounds_first, entry.pushed.is_not_asked())
        {
            entry.pushed = Known::Value(image.pushed);
            if image.pushed.is_some() {
                return;
            }
        }
        let Some(image) = image.filter(|image| !image.gone) else {
            fail(fact, entry, FetchFailureKind::NotFound);
            return;
        };
        entry.pushed = Known::Value(image.pushed);
        entry.last_modified = image.last_modified;
        entry.first_seen = image.first_seen;
        if !matches!(
            fact,
            Fact::Tags | Fact::Pushed(_) | Fact::Digest(_) | Fact::Confirmed(_)
        ) {
            entry.content = Known::Value(image.content.clone());
        }
        match fact {
            Fact::Tags | Fact::Pushed(_) => {}
            Fact::Digest(_) | Fact::Confirmed(_) => {
                entry.digest = Known::Value(image.digest.clone().expect("added"));
            }
            Fact::Platforms(_) => {
                entry.platforms = known(&image.platforms);
                if image.platforms.is_ok() {
                    entry.digest = Known::Value(image.digest.clone().expect("added"));
                }
            }
            Fact::Created(_) => {
                entry.created = known(&image.created.map(BuildTimes::from_config));
            }
            Fact::Members(_) | Fact::Configs(_) => {
                let with_config = matches!(fact, Fact::Configs(_));
                entry.configs_asked |= with_config;
                let member = |(manifest, config): &(Digest, Digest)| Member {
                    manifest: manifest.clone(),
                    config: with_config.then(|| config.clone()),
                };
                entry.members = Known::Value(image.members.iter().map(member).collect());
            }
        }
    }
}

fn failure(kind: FetchFailureKind) -> FetchFailure {
    FetchFailure {
        kind,
        message: format!("the oracle fails: {kind:?}"),
    }
}

fn known<T: Clone>(answer: &Result<T, FetchFailureKind>) -> Known<T> {
    match answer {
        Ok(value) => Known::Value(value.clone()),
        Err(kind) => Known::Failed(failure(*kind)),
    }
}

fn fail(fact: &Fact, entry: &mut ImageMetadata, kind: FetchFailureKind) {
    match fact {
        Fact::Tags => {}
        Fact::Pushed(_) => entry.pushed = Known::Value(None),
        Fact::Digest(_) => entry.digest = Known::Failed(failure(kind)),
        // The whole entry is out of date.
        Fact::Confirmed(_) => {
            entry.digest = Known::Failed(failure(kind));
            entry.created = Known::Failed(failure(kind));
            entry.platforms = Known::Failed(failure(kind));
            entry.members = Known::Failed(failure(kind));
        }
        Fact::Platforms(_) => entry.platforms = Known::Failed(failure(kind)),
        Fact::Created(_) => entry.created = Known::Failed(failure(kind)),
        Fact::Members(_) | Fact::Configs(_) => entry.members = Known::Failed(failure(kind)),
    }
}
