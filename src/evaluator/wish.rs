//! An image that somebody asks for by name, which no policy elected.
//!
//! The policy's walk ends at the tag that it elects, and asks nothing of the
//! others. What it takes to write another one is asked here: whether the policy
//! would elect it if the repository had no other tag, and what the tag serves,
//! where the manifest names a digest.

use super::evaluate::{Evaluation, judge};
use super::facts::ContainerFacts;
use super::subject::Subject;
use crate::image::{Fact, Known, RepositoryMetadata, Tag, TagOrDigest};

impl Subject<'_> {
    /// Why the policy would not elect a tag even if there were no other one: it
    /// is too young, lacks a platform, or the registry does not tell. `None`
    /// also where that was not asked, and where the tag is not listed.
    #[must_use]
    pub fn refusal_of(&self, tag: &Tag, metadata: &RepositoryMetadata) -> Option<String> {
        match self.judge_alone(tag, metadata)? {
            Evaluation::Decided(verdict) => {
                let latest = verdict.latest.as_ref();
                let is_elected = latest.is_some_and(|latest| latest.tag() == Some(tag));
                (!is_elected).then_some(verdict.message)
            }
            Evaluation::Needs(_) => None,
        }
    }

    /// What has to be known of the wished tag.
    pub(super) fn wish_needs(&self, metadata: &RepositoryMetadata) -> Vec<Fact> {
        let (Some(tag), Ok(image)) = (&self.wished, &self.image) else {
            return Vec::new();
        };
        let mut facts = match self.judge_alone(tag, metadata) {
            Some(Evaluation::Needs(facts)) => facts,
            _ => Vec::new(),
        };
        if image.digest().is_some() {
            let version = TagOrDigest::Tag(tag.clone());
            match metadata.image(&version) {
                Some(known) if known.remembered => facts.push(Fact::Confirmed(version)),
                Some(known) if !known.digest.is_not_asked() => {}
                _ => facts.push(Fact::Digest(version)),
            }
        }
        facts.sort_unstable();
        facts.dedup();
        facts
    }

    /// The policy's word on a tag as if it were the only one. That it is lower
    /// than the running one, or another variant, is what somebody asked for.
    fn judge_alone(&self, tag: &Tag, metadata: &RepositoryMetadata) -> Option<Evaluation> {
        let (Some(policy), Ok(image)) = (self.policy(), &self.image) else {
            return None;
        };
        let is_listed = metadata.tags.value().is_some_and(|tags| tags.contains(tag));
        if !is_listed {
            return None;
        }
        let mut policy = policy.clone();
        policy.allow_downgrade = true;
        policy.allow_variant_change = true;
        let alone = RepositoryMetadata {
            tags: Known::Value(vec![tag.clone()]),
            ..metadata.clone()
        };
        let facts = ContainerFacts {
            image,
            now: self.now,
            platforms: self.platforms.clone(),
            running: self.running,
        };
        Some(judge(&facts, &policy, &alone).evaluation)
    }
}
