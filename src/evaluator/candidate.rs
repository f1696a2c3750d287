//! The tags of a repository, as a policy sees them.

use jiff::Timestamp;

use super::decision::Decision;
use crate::image::{CreatedFrom, Digest, Tag};
use crate::named_enum::named_enum;
use crate::policy::Rejection;

named_enum! {
    /// What a policy says of one tag.
    pub enum CandidateVerdict {
        /// The policy elects it.
        Elected = "elected",
        /// It passes, and a better one is elected.
        Accepted = "accepted",
        /// It does not pass.
        Rejected = "rejected",
    }
}

/// One tag and what the policy says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The tag.
    pub tag: Tag,
    /// What the policy says.
    pub verdict: CandidateVerdict,
    /// Why not; set where the verdict is rejected.
    pub rejection: Option<Rejection>,
    /// Its place among those that pass, from 1.
    pub rank: Option<usize>,
    /// When the image was built, where that was asked for and can be believed.
    pub created: Option<Timestamp>,
    /// Which place says so.
    pub created_from: Option<CreatedFrom>,
    /// When the tag was pushed, where the registry told and that was asked for.
    pub pushed: Option<Timestamp>,
    /// What the tag serves, where that was asked for.
    pub digest: Option<Digest>,
    /// When it will be old enough, where it is rejected as too young.
    pub ripe_at: Option<Timestamp>,
    /// Whether the container runs this tag.
    pub running: bool,
}

/// One step of the way from all tags to the elected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunnelStep {
    /// The test that the step applies.
    pub test: Rejection,
    /// How many tags are left behind it.
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
    /// Every tag: those that pass first, best first, then those that were
    /// refused, those that are older by the time of their push, the last pushed
    /// first, and the rest in the order of their bytes, the greatest first.
    pub candidates: Vec<Candidate>,
}
