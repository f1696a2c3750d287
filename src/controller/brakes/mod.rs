//! Which of the updates that are due may start now, and why the others wait.
//!
//! Everything here is pure: what happened before is read from the annotations of the workloads,
//! so a restart or a change of leader forgets nothing. The loop calls it once per round, and
//! again after each write:
//!
//! ```text
//! workloads ─┬─ failures_seen ─► Breakers::derive (with Resumed) ─┐
//!            ├─ canary_members ─► CanaryHolds::new ───────────────┼─► Brakes::may_start(change)
//!            └─ past_updates ─► UpdateRate::after ────────────────┘    Ok: UpdateRate::start,
//!                                                                      write, UpdateRate::end
//!                                                                      Err(Wait): a metric, a row
//! ```
//!
//! An update whose rollout fails is handed to
//! [`plan_after_failure`](crate::plan::plan_after_failure); its change is not asked for here, so
//! that a rollback is never held up.

mod breaker;
mod canary;
mod rate;
mod resumed;
mod starts;

pub use self::breaker::{
    Breaker, BreakerFacts, BreakerKind, BreakerScope, Breakers, FailureSeen, failures_seen,
};
pub use self::canary::{
    CanaryHolds, CanaryMember, CanaryStage, CanaryTarget, RolloutSize, canary_members,
};
pub use self::rate::{UpdateRate, past_updates};
pub use self::resumed::Resumed;
pub use self::starts::{Brakes, Wait, WaitCause};
