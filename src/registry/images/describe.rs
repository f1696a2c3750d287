//! From manifests and configs to the facts of one image.

use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;

use crate::image::{
    Digest, FetchFailure, FetchFailureKind, ImageMetadata, Known, Member, Platform,
};
use crate::registry::facts::Wanted;
use crate::registry::manifest::{Blob, Entry, Manifest};

use super::{Answered, Images};

/// How many members of one index are looked at side by side.
const MEMBERS_AT_ONCE: usize = 8;

impl Images {
    /// Answers what is wanted of an image whose manifest is there; what else has
    /// to be fetched for it is fetched. Says whether it holds for ever: all of
    /// its members were there.
    pub(super) async fn read(
        &self,
        digest: &Digest,
        manifest: &Manifest,
        wanted: Wanted,
        image: &mut ImageMetadata,
    ) -> bool {
        let mut all = true;
        match manifest {
            Manifest::Index(entries) => all = self.describe_index(entries, wanted, image).await,
            Manifest::Image(config) => self.describe_image(digest, config, wanted, image).await,
            Manifest::Artifact(config) => {
                image.members = Known::Value(vec![member(digest, config.clone())]);
                image.platforms = Known::Value(Vec::new());
                image.created = Known::Value(None);
            }
        }
        // A member without a config then has none, or could not be read.
        image.configs_asked = wanted.configs;
        all
    }

    async fn describe_image(
        &self,
        digest: &Digest,
        config: &Blob,
        wanted: Wanted,
        image: &mut ImageMetadata,
    ) {
        image.members = Known::Value(vec![member(digest, Some(config.digest.clone()))]);
        if !(wanted.created || wanted.platforms) {
            return;
        }
        match self.config(config).await {
            Ok(config) => {
                image.created = Known::Value(config.created);
                image.platforms = Known::Value(config.platform.iter().cloned().collect());
            }
            Err(failure) => {
                fail(image, wanted.of_configs(), &failure);
            }
        }
    }

    async fn describe_index(
        &self,
        entries: &[Entry],
        wanted: Wanted,
        image: &mut ImageMetadata,
    ) -> bool {
        let members = entries
            .iter()
            .map(|entry| member(&entry.manifest.digest, None));
        image.members = Known::Value(members.collect());
        let all_named = entries.iter().all(|entry| entry.platform.is_some());
        if all_named || wanted.platforms || wanted.created {
            match self.platforms(entries).await {
                Ok(found) => {
                    if wanted.created {
                        image.created = known(self.created(&found).await);
                    }
                    let mut platforms: Vec<Platform> =
                        found.into_iter().map(|(platform, _)| platform).collect();
                    platforms.dedup();
                    image.platforms = Known::Value(platforms);
                }
                Err(failure) => {
                    fail(image, wanted.of_configs(), &failure);
                }
            }
        }
        if wanted.configs {
            let members = self.members(entries).await;
            let all = !matches!(members, Ok((_, false)));
            image.members = known(members.map(|(members, _)| members));
            return all;
        }
        true
    }

    /// The images of an index with their platforms, in byte order. What the
    /// index does not name stands in the image's config.
    async fn platforms<'a>(&self, entries: &'a [Entry]) -> Answered<Vec<(Platform, &'a Blob)>> {
        let mut found = Vec::new();
        for entry in entries {
            let platform = match &entry.platform {
                Some(platform) => Some(platform.clone()),
                None => match &self.manifest_of(&entry.manifest).await?.1 {
                    Manifest::Image(config) => self.config(config).await?.platform.clone(),
                    // Indexes within indexes are not descended into.
                    Manifest::Index(_) | Manifest::Artifact(_) => None,
                },
            };
            found.extend(platform.map(|platform| (platform, &entry.manifest)));
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found)
    }

    /// The creation time of the image that stands for all.
    async fn created(&self, images: &[(Platform, &Blob)]) -> Answered<Option<Timestamp>> {
        let chosen = images
            .iter()
            .find(|(platform, _)| platform.is_linux_amd64())
            .or_else(|| images.first());
        let Some((_, manifest)) = chosen else {
            return Ok(None);
        };
        match &self.manifest_of(manifest).await?.1 {
            Manifest::Image(config) => Ok(self.config(config).await?.created),
            Manifest::Index(_) | Manifest::Artifact(_) => Ok(None),
        }
    }

    /// The members with their configs. A member that is not there (a mirror
    /// that copied some platforms only) is left out: nobody can run it.
    /// Whether all were there is told, too: what is left out once may be there
    /// later, and so is not kept.
    async fn members(&self, entries: &[Entry]) -> Answered<(Vec<Member>, bool)> {
        let read = |entry: &Entry| {
            let blob = entry.manifest.clone();
            async move {
                let config = match self.manifest_of(&blob).await {
                    Ok(fetched) => match &fetched.1 {
                        Manifest::Image(config) => Some(config.digest.clone()),
                        Manifest::Artifact(config) => config.clone(),
                        Manifest::Index(_) => None,
                    },
                    Err(failure) if failure.kind == FetchFailureKind::NotFound => return Ok(None),
                    Err(failure) => return Err(failure),
                };
                Ok(Some(member(&blob.digest, config)))
            }
        };
        let requests: Vec<_> = entries.iter().map(read).collect();
        let members: Vec<Answered<Option<Member>>> = stream::iter(requests)
            .buffered(MEMBERS_AT_ONCE)
            .collect()
            .await;
        let there = members.into_iter().filter_map(Result::transpose);
        let there = there.collect::<Answered<Vec<Member>>>()?;
        let all = there.len() == entries.len();
        Ok((there, all))
    }
}

fn known<T>(answer: Answered<T>) -> Known<T> {
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

/// Marks everything that was wanted as failed.
pub(super) fn fail(image: &mut ImageMetadata, wanted: Wanted, failure: &FetchFailure) {
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
