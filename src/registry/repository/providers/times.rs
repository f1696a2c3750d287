//! Push times by tag, and why they may be missing.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use http::StatusCode;
use jiff::Timestamp;

use crate::image::{Digest, Tag};

use crate::registry::client::transport::SendError;

/// 2013-01-01, the year of Docker's first release, in seconds since 1970. Earlier
/// times, such as `0001-01-01` or 1970, mean that the time is missing.
const FIRST_PUSH: i64 = 1_356_998_400;

/// One tag in the list of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PushedTag {
    pub(crate) tag: Tag,
    /// The digest that was pushed, if the provider lists it.
    pub(crate) digest: Option<Digest>,
    /// When it was pushed, or a later time.
    pub(crate) pushed: Timestamp,
}

impl PushedTag {
    /// Creates a tag from unchecked values. `None` if the name is not a valid tag or
    /// there is no plausible push time. Of several times the latest is used, because
    /// the time serves as an upper bound.
    pub(crate) fn new(
        name: &str,
        digest: Option<&str>,
        times: impl IntoIterator<Item = Option<Timestamp>>,
    ) -> Option<Self> {
        let pushed = times.into_iter().flatten().max()?;
        (pushed.as_second() >= FIRST_PUSH).then_some(())?;
        Some(Self {
            tag: name.parse().ok()?,
            digest: digest.and_then(|digest| digest.parse().ok()),
            pushed,
        })
    }
}

/// The tags of a repository that a provider lists, with their push times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PushTimes(BTreeMap<Tag, (Option<Digest>, Timestamp)>);

impl PushTimes {
    /// Adds a tag. If a tag is listed twice, it was pushed while the pages were read,
    /// and the later time is used.
    pub(crate) fn add(&mut self, listed: PushedTag) {
        let new = (listed.digest, listed.pushed);
        match self.0.entry(listed.tag) {
            Entry::Vacant(entry) => drop(entry.insert(new)),
            Entry::Occupied(mut entry) if entry.get().1 < new.1 => drop(entry.insert(new)),
            Entry::Occupied(_) => {}
        }
    }

    /// Returns when a tag was pushed. `None` if it is not listed, or listed with a
    /// digest other than the current one.
    pub(crate) fn pushed(&self, tag: &Tag, current: Option<&Digest>) -> Option<Timestamp> {
        let (listed, pushed) = self.0.get(tag)?;
        let differs = matches!((current, listed), (Some(a), Some(b)) if a != b);
        (!differs).then_some(*pushed)
    }

    /// The number of tags with a push time.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Why there are no push times. This is not reported as a failure, because the
/// creation time of each tag is read instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPushTimes {
    /// The API did not respond.
    #[error(transparent)]
    Unanswered(#[from] SendError),
    /// The API refused the request: the repository is private, or a rate limit
    /// applies.
    #[error("{host} responded with HTTP {} to the request for push times", status.as_u16())]
    Refused {
        /// The host of the API.
        host: String,
        /// The status of the response.
        status: StatusCode,
    },
    /// The response cannot be parsed.
    #[error("the push times from {host} are malformed: {fault}")]
    Malformed {
        /// The host of the API.
        host: String,
        /// The kind and the position of the error.
        fault: String,
    },
    /// The repository is a proxy of another registry, whose tags may have moved since
    /// they were cached.
    #[error("{host} is a proxy for the repository of another registry")]
    Proxy {
        /// The host of the API.
        host: String,
    },
    /// The API has no URL for the name of the repository.
    #[error("{host} has no push times under this name")]
    NoAddress {
        /// The host of the API.
        host: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "2024-01-01T00:00:00Z";
    const NEW: &str = "2024-06-01T00:00:00Z";
    const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn time(text: &str) -> Option<Timestamp> {
        text.parse().ok()
    }

    #[test]
    fn latest_time_is_used_and_times_before_docker_are_ignored() {
        let pushed = |times: &[&str]| {
            let tag = PushedTag::new("1.0", None, times.iter().map(|text| time(text)));
            tag.map(|tag| tag.pushed)
        };
        assert_eq!(pushed(&[OLD, NEW]), time(NEW));
        assert_eq!(pushed(&["no time", OLD]), time(OLD));
        assert_eq!(pushed(&["0001-01-01T00:00:00Z"]), None);
        assert_eq!(pushed(&["1970-01-01T00:00:00Z"]), None);
        assert_eq!(pushed(&[]), None);
        assert_eq!(PushedTag::new("no tag", None, [time(OLD)]), None);
    }

    #[test]
    fn tag_listed_twice_gets_the_later_time_in_any_order() {
        for order in [[OLD, NEW], [NEW, OLD]] {
            let mut times = PushTimes::default();
            for text in order {
                times.add(PushedTag::new("1.0", None, [time(text)]).expect("a tag"));
            }
            let tag = "1.0".parse().expect("a tag");
            assert_eq!(times.pushed(&tag, None), time(NEW));
            assert_eq!(times.len(), 1);
        }
    }

    #[test]
    fn tag_with_another_digest_than_listed_has_no_push_time() {
        let mut times = PushTimes::default();
        times.add(PushedTag::new("1.0", Some(A), [time(OLD)]).expect("a tag"));
        times.add(PushedTag::new("2.0", Some("md5:0"), [time(OLD)]).expect("a tag"));
        let pushed = |tag: &str, digest: Option<&str>| {
            let digest = digest.map(|digest| digest.parse().expect("a digest"));
            times.pushed(&tag.parse().expect("a tag"), digest.as_ref())
        };
        assert_eq!(pushed("1.0", None), time(OLD));
        assert_eq!(pushed("1.0", Some(A)), time(OLD));
        assert_eq!(pushed("1.0", Some(B)), None);
        assert_eq!(pushed("2.0", Some(B)), time(OLD));
        assert_eq!(pushed("3.0", None), None);
    }
}
