//! Which replica of the controller leads, by a Lease (`coordination.k8s.io/v1`).
//!
//! ```text
//! watch, or GET ─► Sighting ─► LeaseState ─► evaluate ─► Read, Create, Acquire, Renew, Wait
//!                                  ▲                                  │
//!                                  └────── the answer, or none ◄──────┘ PUT with the version
//! ```
//!
//! # Why two never lead at the same time
//!
//! Every write of the Lease names the version that it replaces, so that it fails if the
//! Lease was written in between. Each process measures time only with its own monotonic
//! clock:
//!
//! - The leader leads until the *deadline* (10 s) after it **sent** the last renewal that
//!   succeeded. The renewal takes effect later than that.
//! - Another process takes over when it has not **seen** the Lease change for the *duration*
//!   (15 s) that the holder wrote into it. It sees a renewal after that took effect.
//!
//! So there are at least 5 s in which nobody leads. A request may take 3 s: also one that
//! the leader sent in the last moment has ended by then.
//!
//! `renewTime` and `acquireTime` are written for people. No decision uses them, because a
//! clock that is hours ahead or behind would decide who leads.
//!
//! # What the monotonic clock does not count
//!
//! A process that was stopped (SIGSTOP, a full CPU) notices by its own clock, before its next
//! write, that its deadline has passed. The clock is `CLOCK_MONOTONIC` on Linux, which does
//! not advance while the whole *machine* sleeps. A process on a machine that has just woken
//! up can therefore believe for up to 10 s that it leads. That is why [`Leadership::confirm`]
//! also reads the Lease before each write of a workload.
//!
//! A Lease that somebody deletes by hand is protected by those who have seen it: they wait
//! for its duration. A process that starts after that knows nothing of it and creates a new
//! Lease at once; the old leader stops when it sees this, and `confirm` fails meanwhile.

mod clock;
mod election;
mod evaluate;
mod follow;
mod identity;
mod leadership;
mod reported;
#[cfg(test)]
mod simulation;
mod state;
mod times;

pub use self::election::LeaderElection;
pub use self::evaluate::{LeaseAction, Loss, evaluate};
pub use self::identity::unique_identity;
pub use self::leadership::{Leadership, NotLeader, ReleaseError};
pub(crate) use self::reported::ReportedLeader;
pub use self::state::{LeaderTerm, LeaseState, Seen, Sighting};
pub use self::times::{InvalidLeaseTimes, LeaseTimes};
