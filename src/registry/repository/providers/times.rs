//! Push times by tag, and why there may be none.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use http::StatusCode;
use jiff::Timestamp;

use crate::image::{Digest, Tag};

use crate::registry::client::transport::SendError;

/// Nothing was pushed anywhere before this, 2013-01-01, the year of Docker's
/// first release. Older times stand for a missing one: `0001-01-01`, 1970.
const FIRST_PUSH: i64 = 1_356_998_400;

/// One tag as a provider lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PushedTag {
    pub(crate) tag: Tag,
    /// What it served then, where the provider says so.
    pub(crate) digest: Option<Digest>,
    /// When it was pushed, or later.
    pub(crate) pushed: Timestamp,
}

impl PushedTag {
    /// A tag from texts that nobody has checked; `None` where the name is no tag
    /// or no time is one at which anything can have been pushed. Of several times
    /// the latest counts, since the time is to be a bound.
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
    /// Adds a tag. One that is listed twice was pushed while the pages were
    /// read: the later time counts.
    pub(crate) fn add(&mut self, listed: PushedTag) {
        let new = (listed.digest, listed.pushed);
        match self.0.entry(listed.tag) {
            Entry::Vacant(entry) => drop(entry.insert(new)),
            Entry::Occupied(mut entry) if entry.get().1 < new.1 => drop(entry.insert(new)),
            Entry::Occupied(_) => {}
        }
    }

    /// When a tag was pushed. `None` where it is not listed, or not with what
    /// the registry is known to serve for it.
    pub(crate) fn pushed(&self, tag: &Tag, serves: Option<&Digest>) -> Option<Timestamp> {
        let (listed, pushed) = self.0.get(tag)?;
        let differs = matches!((serves, listed), (Some(a), Some(b)) if a != b);
        (!differs).then_some(*pushed)
    }

    /// How many tags have a push time.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Why a provider gives no push times. Nobody's fault that matters: each tag is
/// dated then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPushTimes {
    /// The API did not answer.
    #[error(transparent)]
    Unanswered(#[from] SendError),
    /// The API refused: the repository is private, or asked too often.
    #[error("{host} answered HTTP {} when asked for push times", status.as_u16())]
    Refused {
        /// Who was asked.
        host: String,
        /// What it answered.
        status: StatusCode,
    },
    /// The answer is none.
    #[error("what {host} answered when asked for push times is malformed: {fault}")]
    Malformed {
        /// Who was asked.
        host: String,
        /// Where it is broken.
        fault: String,
    },
    /// The repository is a cache of another registry, whose tags may serve what
    /// the cache has not seen yet.
    #[error("{host} caches the repository of another registry")]
    Cached {
        /// Who was asked.
        host: String,
    },
    /// The repository's name leads to no address of the API.
    #[error("{host} has no push times under this name")]
    NoAddress {
        /// Who would be asked.
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
    fn the_latest_time_counts_and_a_time_before_docker_is_none() {
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
    fn a_tag_that_is_listed_twice_has_its_later_time_in_any_order() {
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
    fn a_tag_that_serves_something_else_than_is_listed_has_no_push_time() {
        let mut times = PushTimes::default();
        times.add(PushedTag::new("1.0", Some(A), [time(OLD)]).expect("a tag"));
        times.add(PushedTag::new("2.0", Some("md5:0"), [time(OLD)]).expect("a tag"));
        let of = |tag: &str, digest: Option<&str>| {
            let digest = digest.map(|digest| digest.parse().expect("a digest"));
            times.pushed(&tag.parse().expect("a tag"), digest.as_ref())
        };
        assert_eq!(of("1.0", None), time(OLD));
        assert_eq!(of("1.0", Some(A)), time(OLD));
        assert_eq!(of("1.0", Some(B)), None);
        assert_eq!(of("2.0", Some(B)), time(OLD));
        assert_eq!(of("3.0", None), None);
    }
}
