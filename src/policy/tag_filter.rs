//! The filter of a policy: which tags the policy is applied to, and which part of
//! each tag it reads.
//!
//! The order is fixed: filter, allow, ignore, extract, identifier. Then the policy
//! ranks the remaining tags by the extracted text. The elected tag is the whole
//! tag.

use std::borrow::Cow;

use super::rejection::Rejection;
use super::syntax::go_regex::GoRegex;
use super::syntax::template::Template;
use super::syntax::version::{TagVersion, VersionError};
use crate::image::Tag;

/// The checks before the policy. The default accepts every tag except `latest` and
/// artifact tags.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagFilter {
    /// Tags that are never elected.
    pub barred: BarredTags,
    /// Tags must match this expression (`filter-tags`, or the regex of an
    /// `imagePolicies` entry).
    pub pattern: Option<GoRegex>,
    /// The part of a matching tag that the policy reads; `None` for the whole tag.
    pub extract: Option<Template>,
    /// Tags must match one of these; empty for no restriction.
    pub allow: Vec<GoRegex>,
    /// How `allow` is combined with the pattern.
    pub allow_mode: AllowMode,
    /// Tags must not match any of these. It takes precedence over `allow`.
    pub ignore: Vec<GoRegex>,
    /// A prefix that every tag must have, and that is removed before the policy reads
    /// the tag.
    pub identifier: Option<String>,
}

/// Tags that a policy never elects, whatever else it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BarredTags {
    /// `latest`, and the tags of artifacts that belong to another image.
    #[default]
    LatestAndArtifacts,
    /// `latest`. The source of the policy says which artifacts are left out.
    Latest,
    /// None: a tag is elected together with its digest.
    Nothing,
}

impl BarredTags {
    /// Whether artifacts may be elected.
    #[must_use]
    pub fn admits_artifacts(self) -> bool {
        self != Self::LatestAndArtifacts
    }
}

/// Whether allowed tags are the only ones, or are added to the matching ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AllowMode {
    /// A tag must match the pattern and be allowed.
    #[default]
    Restricts,
    /// A tag must match the pattern or be allowed. An allowed pre-release is also
    /// accepted by a range that does not include pre-releases ("unless explicitly
    /// allowed").
    Adds,
}

/// A tag that passed the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed<'t> {
    /// The text that the policy reads.
    pub key: Cow<'t, str>,
    /// Whether a pre-release is accepted by a range that does not include them.
    pub allows_prerelease: bool,
}

impl TagFilter {
    /// Checks a tag.
    ///
    /// # Errors
    ///
    /// The first check that failed.
    pub fn pass<'t>(&self, tag: &'t Tag) -> Result<Passed<'t>, Rejection> {
        if tag.is_artifact() && !self.barred.admits_artifacts() {
            return Err(Rejection::ArtifactTag);
        }
        if tag.is_latest() && self.barred != BarredTags::Nothing {
            return Err(Rejection::Latest);
        }
        let text = tag.as_str();
        let matches = self.pattern.as_ref().is_none_or(|p| p.is_match(text));
        let allowed = matches_any(&self.allow, text);
        let adds = self.allow_mode == AllowMode::Adds && self.pattern.is_some();
        if !(matches || adds && allowed) {
            return Err(Rejection::Filtered);
        }
        if !adds && !self.allow.is_empty() && !allowed {
            return Err(Rejection::NotAllowed);
        }
        if matches_any(&self.ignore, text) {
            return Err(Rejection::Ignored);
        }
        let key = self.key(text)?;
        Ok(Passed {
            key,
            allows_prerelease: adds && allowed,
        })
    }

    /// Why the part that a policy reads of a tag is not a semantic version; `None` if it
    /// is one, or if the tag does not pass.
    #[must_use]
    pub fn why_not_a_version(&self, tag: &Tag) -> Option<VersionError> {
        let passed = self.pass(tag).ok()?;
        passed.key.parse::<TagVersion>().err()
    }

    /// The part that the policy reads of a tag that may not pass the filter, such as
    /// the running tag; the whole text if nothing can be extracted.
    #[must_use]
    pub fn key_of_running<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.key(text).unwrap_or(Cow::Borrowed(text))
    }

    /// Whether the part to extract is in a text; true if there is nothing to extract.
    #[must_use]
    pub fn can_extract(&self, text: &str) -> bool {
        match (&self.pattern, &self.extract) {
            (Some(pattern), Some(_)) => pattern.is_match(text),
            _ => true,
        }
    }

    /// The text that the policy reads.
    ///
    /// # Errors
    ///
    /// The extracted text is too long, or the identifier is missing.
    fn key<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, Rejection> {
        let extracted = match (&self.pattern, &self.extract) {
            (Some(pattern), Some(template)) => match pattern.captures(text) {
                Some(captures) => {
                    let expanded = template.expand(&captures);
                    Cow::Owned(expanded.ok_or(Rejection::ExtractTooLong)?)
                }
                None => Cow::Borrowed(text),
            },
            _ => Cow::Borrowed(text),
        };
        let Some(prefix) = &self.identifier else {
            return Ok(extracted);
        };
        let rest = match extracted {
            Cow::Borrowed(text) => text.strip_prefix(prefix.as_str()).map(Cow::Borrowed),
            Cow::Owned(text) => text
                .strip_prefix(prefix.as_str())
                .map(|rest| Cow::Owned(rest.to_owned())),
        };
        rest.ok_or(Rejection::NoIdentifier)
    }
}

fn matches_any(expressions: &[GoRegex], text: &str) -> bool {
    expressions.iter().any(|regex| regex.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regex(text: &str) -> GoRegex {
        GoRegex::new(text).expect(text)
    }

    fn key(filter: &TagFilter, tag: &str) -> Result<String, Rejection> {
        let tag: Tag = tag.parse().expect(tag);
        filter.pass(&tag).map(|passed| passed.key.into_owned())
    }

    #[test]
    fn allow_restricts_and_ignore_takes_precedence() {
        let filter = TagFilter {
            pattern: Some(regex("^v")),
            allow: vec![regex("1"), regex("2")],
            ignore: vec![regex("rc")],
            ..TagFilter::default()
        };
        assert_eq!(key(&filter, "v1"), Ok("v1".to_owned()));
        assert_eq!(key(&filter, "1"), Err(Rejection::Filtered));
        assert_eq!(key(&filter, "v3"), Err(Rejection::NotAllowed));
        assert_eq!(key(&filter, "v2-rc"), Err(Rejection::Ignored));
        assert_eq!(key(&filter, "Latest"), Err(Rejection::Latest));
    }

    #[test]
    fn allow_adds_tags_to_the_regex_of_an_entry_including_prereleases() {
        let filter = TagFilter {
            pattern: Some(regex(r"^v[0-9]+\.[0-9]+\.[0-9]+$")),
            allow: vec![regex("^v1.2.3-rc.*$")],
            allow_mode: AllowMode::Adds,
            ..TagFilter::default()
        };
        let pass = |tag: &str| {
            let tag: Tag = tag.parse().expect(tag);
            filter.pass(&tag).map(|passed| passed.allows_prerelease)
        };
        assert_eq!(pass("v1.2.3"), Ok(false));
        assert_eq!(pass("v1.2.3-rc.1"), Ok(true));
        assert_eq!(pass("v1.2.4-rc.1"), Err(Rejection::Filtered));
    }

    #[test]
    fn tag_whose_extracted_text_is_too_long_is_rejected() {
        let filter = TagFilter {
            pattern: Some(regex("^.*$")),
            extract: Template::new(&"$0".repeat(200)).ok(),
            ..TagFilter::default()
        };
        assert_eq!(key(&filter, "12345"), Ok("12345".repeat(200)));
        assert_eq!(key(&filter, "123456"), Err(Rejection::ExtractTooLong));
        assert_eq!(filter.key_of_running("123456"), "123456");
    }

    #[test]
    fn policy_reads_the_extracted_text_without_the_identifier() {
        let filter = TagFilter {
            pattern: Some(regex("^(?P<v>.*)-alpine$")),
            extract: Template::new("$v").ok(),
            identifier: Some("v".to_owned()),
            ..TagFilter::default()
        };
        assert_eq!(key(&filter, "v1.25.3-alpine"), Ok("1.25.3".to_owned()));
        assert_eq!(key(&filter, "1.25.3-alpine"), Err(Rejection::NoIdentifier));
        assert_eq!(filter.key_of_running("v1.24.0-debian"), "1.24.0-debian");
    }
}
