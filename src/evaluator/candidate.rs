//! The tags of a repository with a policy's verdict on each.

use jiff::Timestamp;

use super::decision::Decision;
use crate::image::{CreatedFrom, Digest, Tag};
use crate::named_enum::named_enum;
use crate::policy::Rejection;

named_enum! {
    /// A policy's verdict on one tag.
    pub enum CandidateVerdict {
        /// The policy elects it.
        Elected = "elected",
        /// It passes, but a better one is elected.
        Accepted = "accepted",
        /// It does not pass.
        Rejected = "rejected",
    }
}

/// One tag and the policy's verdict on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The tag.
    pub tag: Tag,
    /// The verdict.
    pub verdict: CandidateVerdict,
    /// Why it is rejected; set if it is.
    pub rejection: Option<Rejection>,
    /// What exactly is wrong with the text, if it is not a version.
    pub detail: Option<String>,
    /// Its rank among those that pass, from 1.
    pub rank: Option<usize>,
    /// When the image was built, if that is known and plausible.
    pub created: Option<Timestamp>,
    /// Where the creation time comes from.
    pub created_from: Option<CreatedFrom>,
    /// When the tag was pushed, if that was requested and the registry reports it.
    pub pushed: Option<Timestamp>,
    /// What the tag serves, if that was requested.
    pub digest: Option<Digest>,
    /// When it will be old enough, if it is too young.
    pub ripe_at: Option<Timestamp>,
    /// Whether the container runs this tag.
    pub running: bool,
}

/// One step from all tags to the elected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunnelStep {
    /// The test that the step applies.
    pub test: Rejection,
    /// How many tags are left after it.
    pub left: usize,
}

/// A decision with everything that led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// The decision.
    pub decision: Decision,
    /// How many tags the repository has.
    pub tags: usize,
    /// The tests that dropped any tag, in the order in which they apply.
    pub funnel: Vec<FunnelStep>,
    /// Every tag: first those that pass, best first; then those that were refused;
    /// then those that are older by their push time, last pushed first; then the rest
    /// in the order of their bytes, greatest first.
    pub candidates: Vec<Candidate>,
}
