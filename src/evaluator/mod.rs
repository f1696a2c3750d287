//! Policy and metadata in, decision out.
//!
//! ```text
//! Snapshot ── subjects ──> Subject ── evaluate ──> Needs(facts)   asked, then once more
//!                                        │
//!              rank ─> times ─> elect ───┴───────> Verdict ── state ──> Decision
//! ```
//!
//! `rank` divides and orders the tags by their text alone, `times` adds the order
//! of time, `elect` walks down from the best and lets one tag at a time pass the
//! `gate`, which asks what costs requests, `verdict` says it in a sentence.

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
mod moved_tag;
mod sentence;
mod snapshot;
mod subject;
mod verdict;

pub use self::election::age::AgeClock;
pub use self::election::explicit_image::GateRefusal;
pub use self::snapshot::settings::{Settings, SnapshotError};
pub use self::snapshot::snapshot::{PullSecretView, Snapshot, assess};
pub use crate::policy::{Lock, State};
pub use assessment::{Assessment, Row, ScopeError, Summary};
pub use candidate::{Candidate, CandidateVerdict, Examination, FunnelStep};
pub use decision::{Decision, DecisionFacts, Outcome, PolicySummary, Reason, Suggestion, Verdict};
pub use subject::Subject;
