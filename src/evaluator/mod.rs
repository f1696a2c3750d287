//! Policy and metadata in, decision out.
//!
//! ```text
//! Snapshot ── subjects ──> Subject ── input ──> EvaluationInput
//!                             │                       │  rank, times
//!                             │                       v
//!                             │                    Ranking
//!                             │                       │  elect, gate
//!                             │                       v
//!                             │                   Election ── Needs(facts) ──> fetched, then again
//!                             │                       │  conclude, complete
//!                             v                       v
//!                          Decision <── state ──── Verdict
//! ```
//!
//! A change to the election needs these six concepts:
//!
//! | concept | meaning |
//! |---|---|
//! | [`Subject`] | one container with its resolved annotations, before its repository is known |
//! | `EvaluationInput` | everything that an evaluation depends on: image, policy, metadata, and what the run knows of the container |
//! | `Ranking` | the repository's tags: accepted with their ranks, rejected, and refused because of their images |
//! | `Election` | how the walk down the ranking ended |
//! | [`Verdict`] | the policy's answer, with a message and the facts that it rests on; an `Evaluation` is a verdict, or the facts that must be known first |
//! | [`Decision`] | the verdict under the workload's state: automated, manual, locked or ignored |
//!
//! `rank` divides and orders the tags by their text alone. `times` adds the order
//! by creation time. `elect` walks down from the best tag and checks one image at a
//! time at the `gate`, which requests the facts that cost requests. `verdict` words
//! the result.

mod assessment;
mod candidate;
mod complete;
mod creation;
mod decision;
mod election;
mod evaluate;
mod evaluation;
mod image_scope;
mod input;
mod judgements;
mod sentence;
mod snapshot;
mod subject;
mod verdict;
mod warnings;

pub use self::election::age::AgeClock;
pub use self::election::explicit_image::GateRefusal;
pub use self::snapshot::elections::Elections;
pub use self::snapshot::policy_election::{ImageObject, PolicyElection};
pub use self::snapshot::settings::{Elected, Settings, SnapshotError};
pub use self::snapshot::snapshot::{PullSecretView, Snapshot, assess};
pub use crate::policy::{Lock, State};
pub use assessment::{Assessment, Row, ScopeError, Summary};
pub use candidate::{Candidate, CandidateVerdict, Examination, FunnelStep};
pub(crate) use complete::compare;
pub use decision::{Decision, DecisionFacts, Outcome, PolicySummary, Reason, Suggestion, Verdict};
pub(crate) use image_scope::ImageScope;
pub use judgements::distinct;
pub use subject::Subject;
