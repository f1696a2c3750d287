//! What stands beside a policy: which tags it gets to see, and which part of
//! them it reads.
//!
//! The order is fixed: filter, allow, ignore, extract, identifier; then the
//! policy ranks what is left by what was extracted, and the whole tag is
//! elected.

use std::borrow::Cow;

use super::rejection::Rejection;
use super::syntax::go_regex::GoRegex;
use super::syntax::template::Template;
use crate::image::Tag;

/// The tests before the policy. The default passes every tag but `latest` and the
/// tags of signatures.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TagFilter {
    /// Only tags that match (`filter-tags`, the regex of an `imagePolicies`
    /// entry).
    pub pattern: Option<GoRegex>,
    /// What of a matching tag the policy reads; the whole tag where none is set.
    pub extract: Option<Template>,
    /// Only tags that one of these matches; empty: no demand.
    pub allow: Vec<GoRegex>,
    /// What `allow` does where there is a pattern.
    pub allow_mode: AllowMode,
    /// No tag that one of these matches; wins over `allow`.
    pub ignore: Vec<GoRegex>,
    /// A prefix that every tag must have and that the policy does not read.
    pub identifier: Option<String>,
}

/// Whether allowed tags are the only ones or additional ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AllowMode {
    /// A tag must match the pattern and be allowed.
    #[default]
    Restricts,
    /// A tag must match the pattern or be allowed; an allowed pre-release
    /// passes a range that asks for none ("unless explicitly allowed").
    Adds,
}

/// A tag that passed the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed<'t> {
    /// What the policy reads.
    pub key: Cow<'t, str>,
    /// Whether a pre-release may pass a range that does not ask for one.
    pub allows_prerelease: bool,
}

impl TagFilter {
    /// Tests a tag.
    ///
    /// # Errors
    ///
    /// The first test that it does not pass.
    pub fn pass<'t>(&self, tag: &'t Tag) -> Result<Passed<'t>, Rejection> {
        if tag.is_artifact() {
            return Err(Rejection::ArtifactTag);
        }
        if tag.is_latest() {
            return Err(Rejection::Latest);
        }
        let text = tag.as_str();
        let any = |list: &[GoRegex]| list.iter().any(|regex| regex.is_match(text));
        let matches = self.pattern.as_ref().is_none_or(|p| p.is_match(text));
        let allowed = any(&self.allow);
        let adds = self.allow_mode == AllowMode::Adds && self.pattern.is_some();
        if !(matches || adds && allowed) {
            return Err(Rejection::Filtered);
        }
        if !adds && !self.allow.is_empty() && !allowed {
            return Err(Rejection::NotAllowed);
        }
        if any(&self.ignore) {
            return Err(Rejection::Ignored);
        }
        let key = self.key(text).ok_or(Rejection::NoIdentifier)?;
        Ok(Passed {
            key,
            allows_prerelease: adds && allowed,
        })
    }

    /// What the policy reads of a text that need not pass the filter, such as
    /// the running tag; the text itself where nothing can be extracted.
    #[must_use]
    pub fn key_of_running<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.key(text).unwrap_or(Cow::Borrowed(text))
    }

    /// Whether what is to be extracted can be found in a text; true where nothing
    /// is to be extracted.
    #[must_use]
    pub fn can_extract(&self, text: &str) -> bool {
        match (&self.pattern, &self.extract) {
            (Some(pattern), Some(_)) => pattern.is_match(text),
            _ => true,
        }
    }

    /// `None`: the identifier is missing.
    fn key<'t>(&self, text: &'t str) -> Option<Cow<'t, str>> {
        let extracted = match (&self.pattern, &self.extract) {
            (Some(pattern), Some(template)) => match pattern.captures(text) {
                Some(captures) => Cow::Owned(template.expand(&captures)),
                None => Cow::Borrowed(text),
            },
            _ => Cow::Borrowed(text),
        };
        match &self.identifier {
            None => Some(extracted),
            Some(prefix) => match extracted {
                Cow::Borrowed(text) => text.strip_prefix(prefix.as_str()).map(Cow::Borrowed),
                Cow::Owned(text) => text
                    .strip_prefix(prefix.as_str())
                    .map(|rest| Cow::Owned(rest.to_owned())),
            },
        }
    }
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
    fn allow_restricts_and_ignore_wins() {
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
    fn allow_adds_to_the_regex_of_an_entry_and_lifts_the_prerelease_refusal() {
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
    fn the_policy_reads_what_is_extracted_behind_the_identifier() {
        let filter = TagFilter {
            pattern: Some(regex("^(?P<v>.*)-alpine$")),
            extract: Some(Template::new("$v")),
            identifier: Some("v".to_owned()),
            ..TagFilter::default()
        };
        assert_eq!(key(&filter, "v1.25.3-alpine"), Ok("1.25.3".to_owned()));
        assert_eq!(key(&filter, "1.25.3-alpine"), Err(Rejection::NoIdentifier));
        assert_eq!(filter.key_of_running("v1.24.0-debian"), "1.24.0-debian");
    }
}
