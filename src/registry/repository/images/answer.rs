//! The facts of one version: first what is known, then what needs a request.

use jiff::Timestamp;

use crate::image::{Digest, ImageMetadata, Known, TagOrDigest};
use crate::registry::repository::facts::WantedFacts;

use super::describe::{Bound, fail};
use super::{FetchResult, Freshness, RepositoryImages};

impl RepositoryImages {
    /// Returns the requested facts of one version. A fact that was not requested and
    /// did not come with the others stays [`Known::NotAsked`].
    pub(crate) async fn describe(
        &self,
        version: &TagOrDigest,
        wanted: WantedFacts,
        now: Timestamp,
    ) -> ImageMetadata {
        let mut image = ImageMetadata::default();
        let result = self.fetch_facts(version, wanted, now, &mut image).await;
        if let Err(failure) = &result {
            fail(&mut image, wanted, failure);
        }
        if let TagOrDigest::Tag(tag) = version {
            let mut seen = self.observed_tags();
            if result.is_err() && wanted.digest {
                // A digest that could not be confirmed is no longer trusted.
                if let Some(seen) = seen.get_mut(tag) {
                    seen.freshness = Freshness::Stale;
                }
            }
            if let Some(seen) = seen.get(tag) {
                image.last_modified = seen.last_modified;
                if let Some(pushed) = seen.pushed {
                    image.pushed = Known::Value(Some(pushed));
                }
            }
        }
        image
    }

    /// Takes the facts from what is known, then from requests, cheapest first, until
    /// all requested facts are answered.
    pub(crate) async fn fetch_facts(
        &self,
        version: &TagOrDigest,
        wanted: WantedFacts,
        now: Timestamp,
        image: &mut ImageMetadata,
    ) -> FetchResult<()> {
        let seen = self.observed_digest(version);
        let is_known = seen
            .as_ref()
            .is_some_and(|(digest, _)| self.can_answer(digest, wanted));
        // The registry must confirm that an image exists, unless offline.
        let may_ask = !self
            .cache
            .as_ref()
            .is_some_and(|m| m.is_offline() && is_known);
        let is_plain_digest = matches!(version, TagOrDigest::Digest(_)) && wanted.digest && may_ask;
        let fetched = match seen {
            Some((digest, Freshness::Current)) if !is_plain_digest => {
                if self.fill_from_known(&digest, wanted, false, image) {
                    return Ok(());
                }
                TagOrDigest::Digest(digest)
            }
            Some((digest, Freshness::Remembered)) if is_known && !wanted.digest => {
                self.fill_from_known(&digest, wanted, true, image);
                return Ok(());
            }
            // A HEAD request shows whether the known facts are still current. Where
            // GET requests count as pulls and HEAD requests do not, it is always
            // sent first.
            _ if is_known || wanted.needs_only_digest() || self.counts_pulls().await => {
                let digest = self.digest(version).await?;
                self.record_digest(version, &digest, None, now).await;
                self.recall(std::iter::once(&TagOrDigest::Digest(digest.clone())), now)
                    .await;
                if self.fill_from_known(&digest, wanted, false, image) {
                    return Ok(());
                }
                TagOrDigest::Digest(digest)
            }
            _ => version.clone(),
        };
        let served = self.manifest(&fetched, None).await?;
        let digest = &served.digest;
        self.record_digest(version, digest, served.last_modified, now)
            .await;
        self.forget_if_large(&fetched, &served);
        // An earlier run may have reached the same image through another tag.
        self.recall(std::iter::once(&TagOrDigest::Digest(digest.clone())), now)
            .await;
        image.last_modified = served.last_modified;
        if self.can_answer(digest, wanted) {
            self.fill_from_known(digest, wanted, false, image);
            return Ok(());
        }
        image.digest = Known::Value(digest.clone());
        let bound = Bound {
            now,
            pushed: self.pushed(version),
        };
        if self.describe_manifest(&served, wanted, bound, image).await {
            self.keep(digest, now, image).await;
        }
        Ok(())
    }

    /// Writes the known facts of a digest into the metadata. Returns whether they
    /// include all requested facts.
    pub(crate) fn fill_from_known(
        &self,
        digest: &Digest,
        wanted: WantedFacts,
        remembered: bool,
        image: &mut ImageMetadata,
    ) -> bool {
        image.digest = Known::Value(digest.clone());
        image.remembered = remembered;
        let known = self.known_facts();
        let Some(facts) = known.get(digest) else {
            return wanted.needs_only_digest();
        };
        facts.write(image);
        facts.has_all(wanted)
    }
}
