//! Derives the facts of one image from manifests and configs.

use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;

use crate::image::{
    BuildTimes, CodeVersion, Content, Digest, FetchFailure, FetchFailureKind, ImageMetadata, Known,
    Member, Platform,
};
use crate::registry::content::manifest::{
    ArtifactManifest, Blob, ImageIndex, ImageManifest, IndexEntry, Manifest,
};
use crate::registry::repository::facts::WantedFacts;

use super::{FetchResult, RepositoryImages, ServedManifest};

/// How many members of one index are fetched concurrently.
const MEMBERS_AT_ONCE: usize = 8;

/// The latest times at which an image can have been built.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) now: Timestamp,
    /// When the tag was pushed, if that is known.
    pub(crate) pushed: Option<Timestamp>,
}

impl Bound {
    /// Whether one of these times is plausible, so that no other source has to be
    /// read.
    fn has_plausible(self, times: &BuildTimes) -> bool {
        times.created(self.now, self.pushed).is_some()
    }
}

impl RepositoryImages {
    /// Writes the requested facts of a fetched manifest, fetching whatever else they
    /// need. Returns whether the facts may be cached: that is, whether all members
    /// exist.
    pub(crate) async fn describe_manifest(
        &self,
        served: &ServedManifest,
        wanted: WantedFacts,
        bound: Bound,
        image: &mut ImageMetadata,
    ) -> bool {
        let mut is_complete = true;
        match &served.manifest {
            Manifest::Index(index) => {
                is_complete = self.describe_index(index, wanted, bound, image).await;
            }
            Manifest::Image(manifest) => {
                self.describe_image(&served.digest, manifest, wanted, bound, image)
                    .await;
            }
            Manifest::Artifact(artifact) => {
                let config = artifact.config.clone();
                image.members = Known::Value(vec![member(&served.digest, config)]);
                describe_other(artifact.why.clone(), image);
            }
        }
        // Afterwards, a member without a config has none, or it could not be read.
        image.configs_asked = wanted.configs;
        is_complete
    }

    async fn describe_image(
        &self,
        digest: &Digest,
        manifest: &ImageManifest,
        wanted: WantedFacts,
        bound: Bound,
        image: &mut ImageMetadata,
    ) {
        let config = &manifest.config;
        image.members = Known::Value(vec![member(digest, Some(config.digest.clone()))]);
        image.content = Known::Value(Content::Image);
        let mut times = BuildTimes {
            manifest: manifest.created,
            ..BuildTimes::default()
        };
        let is_dated = !wanted.created || bound.has_plausible(&times);
        if is_dated && !wanted.platforms {
            if wanted.created {
                image.created = Known::Value(times);
            }
            return;
        }
        match self.config(config).await {
            Ok(config) => {
                times.label = config.label;
                times.config = config.created;
                image.code.clone_from(&config.code);
                image.created = Known::Value(times);
                image.platforms = Known::Value(config.platform.iter().cloned().collect());
            }
            Err(failure) => {
                fail(image, wanted.config_facts(), &failure);
            }
        }
    }

    async fn describe_index(
        &self,
        index: &ImageIndex,
        wanted: WantedFacts,
        bound: Bound,
        image: &mut ImageMetadata,
    ) -> bool {
        let entries = &index.entries;
        // The facts about a large index are kept only if they were requested.
        let is_small = !index.is_large();
        if is_small || wanted.members || wanted.configs {
            let members = entries
                .iter()
                .map(|entry| member(&entry.manifest.digest, None));
            image.members = Known::Value(members.collect());
        }
        if wanted.created || wanted.platforms {
            match self.content(index).await {
                Ok(Content::Image) => image.content = Known::Value(Content::Image),
                Ok(Content::Other(why)) => {
                    describe_other(why, image);
                    return true;
                }
                Err(failure) => {
                    fail(image, wanted.config_facts(), &failure);
                    return true;
                }
            }
        } else if index.shows_image() {
            image.content = Known::Value(Content::Image);
        }
        let mut times = BuildTimes {
            index: index.created,
            ..BuildTimes::default()
        };
        let is_dated = !wanted.created || bound.has_plausible(&times);
        if wanted.created && is_dated {
            image.created = Known::Value(times);
        }
        // Platforms are only set together with the content.
        let names_all_platforms = is_small
            && entries.iter().all(|entry| entry.platform.is_some())
            && !image.content.is_not_asked();
        if names_all_platforms || wanted.platforms || !is_dated {
            match self.platforms(entries).await {
                Ok(found) => {
                    if !is_dated {
                        let code = &mut image.code;
                        let dated = self.date(&found, bound, &mut times, code).await;
                        image.created = known(dated.map(|()| times));
                    }
                    let mut platforms: Vec<Platform> =
                        found.into_iter().map(|(platform, _)| platform).collect();
                    platforms.dedup();
                    if is_small || wanted.platforms {
                        image.platforms = Known::Value(platforms);
                    }
                }
                Err(failure) => {
                    fail(image, wanted.config_facts(), &failure);
                }
            }
        }
        if wanted.configs {
            let members = self.members(entries).await;
            let is_complete = !matches!(members, Ok((_, false)));
            image.members = known(members.map(|(members, _)| members));
            return is_complete;
        }
        true
    }

    /// Returns what an index holds. If the index itself does not show it, its first
    /// entry is read.
    async fn content(&self, index: &ImageIndex) -> FetchResult<Content> {
        if index.shows_image() {
            return Ok(Content::Image);
        }
        let Some(first) = index.entries.first() else {
            return Ok(Content::Other("its index lists no images".to_owned()));
        };
        let content = match &self.manifest_of(&first.manifest).await?.manifest {
            Manifest::Image(_) => Content::Image,
            Manifest::Index(_) => Content::Other("its index lists other indexes".to_owned()),
            Manifest::Artifact(ArtifactManifest { why, .. }) => Content::Other(format!(
                "its index does not list images; for the first entry, {why}"
            )),
        };
        Ok(content)
    }

    /// Returns the images of an index with their platforms, in byte order. A platform
    /// that is not in the index is read from the config of the image.
    async fn platforms<'a>(
        &self,
        entries: &'a [IndexEntry],
    ) -> FetchResult<Vec<(Platform, &'a IndexEntry)>> {
        let mut found = Vec::new();
        for entry in entries {
            let platform = match &entry.platform {
                Some(platform) => Some(platform.clone()),
                None => match &self.manifest_of(&entry.manifest).await?.manifest {
                    Manifest::Image(image) => self.config(&image.config).await?.platform.clone(),
                    // Nested indexes are not followed.
                    Manifest::Index(_) | Manifest::Artifact(_) => None,
                },
            };
            found.extend(platform.map(|platform| (platform, entry)));
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found)
    }

    /// Reads the times of the image that represents the index, until one is plausible, and what
    /// its config says about its source code, if that is read.
    async fn date(
        &self,
        images: &[(Platform, &IndexEntry)],
        bound: Bound,
        times: &mut BuildTimes,
        code: &mut Option<CodeVersion>,
    ) -> FetchResult<()> {
        let chosen = images
            .iter()
            .find(|(platform, _)| platform.is_linux_amd64())
            .or_else(|| images.first());
        let Some((_, entry)) = chosen else {
            return Ok(());
        };
        times.manifest = entry.created;
        if bound.has_plausible(times) {
            return Ok(());
        }
        if let Manifest::Image(image) = &self.manifest_of(&entry.manifest).await?.manifest {
            times.manifest = image.created.or(entry.created);
            if bound.has_plausible(times) {
                return Ok(());
            }
            let config = self.config(&image.config).await?;
            times.label = config.label;
            times.config = config.created;
            code.clone_from(&config.code);
        }
        Ok(())
    }

    /// Returns a member with its config; `None` if the member does not exist.
    async fn member_with_config(&self, blob: &Blob) -> FetchResult<Option<Member>> {
        let config = match self.manifest_of(blob).await {
            Ok(fetched) => config_of(&fetched.manifest),
            Err(failure) if failure.kind == FetchFailureKind::NotFound => return Ok(None),
            Err(failure) => return Err(failure),
        };
        Ok(Some(member(&blob.digest, config)))
    }

    /// Returns the members with their configs, and whether all members exist. A
    /// missing member is left out because nobody can run it: a mirror may have copied
    /// only some platforms. It may be added later, so an incomplete list is not
    /// cached.
    async fn members(&self, entries: &[IndexEntry]) -> FetchResult<(Vec<Member>, bool)> {
        let requests: Vec<_> = entries
            .iter()
            .map(|entry| self.member_with_config(&entry.manifest))
            .collect();
        let members: Vec<FetchResult<Option<Member>>> = stream::iter(requests)
            .buffered(MEMBERS_AT_ONCE)
            .collect()
            .await;
        let existing = members.into_iter().filter_map(Result::transpose);
        let existing = existing.collect::<FetchResult<Vec<Member>>>()?;
        let is_complete = existing.len() == entries.len();
        Ok((existing, is_complete))
    }
}

/// Writes the facts of something that is not an image: it has no platform and no
/// date.
fn describe_other(why: String, image: &mut ImageMetadata) {
    image.content = Known::Value(Content::Other(why));
    image.platforms = Known::Value(Vec::new());
    image.created = Known::Value(BuildTimes::default());
}

fn config_of(manifest: &Manifest) -> Option<Digest> {
    match manifest {
        Manifest::Image(image) => Some(image.config.digest.clone()),
        Manifest::Artifact(artifact) => artifact.config.clone(),
        Manifest::Index(_) => None,
    }
}

fn known<T>(answer: FetchResult<T>) -> Known<T> {
    match answer {
        Ok(value) => Known::Value(value),
        Err(failure) => Known::Failed(failure),
    }
}

fn member(manifest: &Digest, config: Option<Digest>) -> Member {
    Member {
        manifest: manifest.clone(),
        config,
    }
}

/// Marks all requested facts as failed.
pub(crate) fn fail(image: &mut ImageMetadata, wanted: WantedFacts, failure: &FetchFailure) {
    if wanted.digest {
        image.digest = Known::Failed(failure.clone());
    }
    if wanted.members || wanted.configs {
        image.members = Known::Failed(failure.clone());
    }
    if wanted.platforms {
        image.platforms = Known::Failed(failure.clone());
    }
    if wanted.created {
        image.created = Known::Failed(failure.clone());
    }
}
