//! What one process knows about the Lease.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::times::LeaseTimes;
use crate::cluster::{Lease, LeaseSpec};

/// After a conflict the Lease is read again after this part of a retry period, so that a
/// client that writes it all the time does not make us ask all the time.
const AFTER_CONFLICT: u32 = 4;

/// The Lease as somebody has read it.
#[derive(Debug, Clone)]
pub struct Sighting {
    /// `None`: there was no Lease.
    pub lease: Option<Lease>,
    /// The version of this state; that of the deletion if there is no Lease. `None` if it
    /// is unknown.
    pub version: Option<u64>,
    /// When it was asked for; `None`: the server reported it, perhaps late.
    pub asked: Option<Instant>,
    /// When it arrived.
    pub at: Instant,
}

impl Sighting {
    /// The answer to a GET.
    pub fn answer(lease: Option<Lease>, asked: Instant, at: Instant) -> Self {
        Self {
            version: lease.as_ref().and_then(Lease::version_number),
            lease,
            asked: Some(asked),
            at,
        }
    }
}

/// The last state of the Lease that is known.
#[derive(Debug, Clone)]
pub enum Seen {
    /// It was not read yet.
    Nothing,
    /// There is none.
    Absent,
    /// There is one.
    Present {
        /// The Lease.
        lease: Lease,
        /// When its content was first seen.
        since: Instant,
    },
}

/// The time in which this process leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaderTerm {
    /// `leaseTransitions` of the Lease: the number of the term.
    pub transitions: i32,
    /// When it ends if there is no other renewal.
    pub until: Instant,
    /// When to renew it.
    pub renew_at: Instant,
}

/// What one process knows about the Lease. Pure: times are passed in.
#[derive(Debug, Clone)]
pub struct LeaseState {
    identity: String,
    times: LeaseTimes,
    seen: Seen,
    /// The highest version that is known, and when it arrived.
    newest: Option<u64>,
    known_at: Option<Instant>,
    term: Option<LeaderTerm>,
    /// Until when somebody else may lead.
    taken_until: Option<Instant>,
    must_read: bool,
    /// After a failure, no request is sent before this time.
    not_before: Option<Instant>,
}

impl LeaseState {
    /// Nothing is known yet. The identity is different after each start of the process.
    #[must_use]
    pub fn new(identity: &str, times: LeaseTimes) -> Self {
        Self {
            identity: identity.to_owned(),
            times,
            seen: Seen::Nothing,
            newest: None,
            known_at: None,
            term: None,
            taken_until: None,
            must_read: false,
            not_before: None,
        }
    }

    /// The times that this process obeys.
    #[must_use]
    pub fn times(&self) -> &LeaseTimes {
        &self.times
    }

    /// The last state of the Lease that is known.
    #[must_use]
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The time in which this process leads; it may have ended.
    #[must_use]
    pub fn term(&self) -> Option<&LeaderTerm> {
        self.term.as_ref()
    }

    /// Whether the Lease must be read before it is written again.
    pub fn must_read(&self) -> bool {
        self.must_read
    }

    /// After a failure, when the next request may be sent.
    #[must_use]
    pub fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    /// The Lease that exists.
    pub fn lease(&self) -> Option<&Lease> {
        match &self.seen {
            Seen::Present { lease, .. } => Some(lease),
            Seen::Nothing | Seen::Absent => None,
        }
    }

    /// Whether a Lease with this content names this process.
    #[must_use]
    pub fn is_ours(&self, spec: &LeaseSpec) -> bool {
        spec.holder() == Some(self.identity.as_str())
    }

    /// Until when somebody else may lead; `None`: nobody does.
    #[must_use]
    pub fn taken_until(&self) -> Option<Instant> {
        self.taken_until
    }

    /// Until when somebody else may lead, after the Lease was seen with this holder.
    fn taken_by(&self, spec: &LeaseSpec, since: Instant) -> Option<Instant> {
        // Our creation may have arrived late, after another's Lease was deleted: that we hold
        // it now does not say that the other has stopped.
        if self.is_ours(spec) {
            return self.taken_until;
        }
        let duration = self.times.of_holder(spec.lease_duration_seconds);
        spec.holder().map(|_| since + duration)
    }

    /// Until when somebody may lead by a Lease that is seen to be deleted. Perhaps we did not
    /// see its last holder.
    fn taken_after_deletion(&self, sighting: &Sighting) -> Option<Instant> {
        let is_news = self.must_read || sighting.asked.is_none();
        let duration = match &self.seen {
            Seen::Present { lease, .. } => self.times.of_holder(lease.spec.lease_duration_seconds),
            Seen::Nothing | Seen::Absent if is_news => self.times.duration(),
            Seen::Nothing | Seen::Absent => return self.taken_until,
        };
        let is_ours = self.term.is_some_and(|term| sighting.at < term.until);
        (!is_ours).then(|| sighting.at + duration.max(self.times.duration()))
    }

    /// The Lease was read. Returns whether this is news: late reports of older states are
    /// ignored.
    pub fn saw(&mut self, sighting: Sighting) -> bool {
        let is_answer = match (sighting.asked, self.known_at) {
            // Since it was asked for, nothing else was learnt.
            (Some(asked), Some(known_at)) if self.must_read => asked >= known_at,
            (Some(asked), Some(known_at)) => asked > known_at,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let is_newer = match (sighting.version, self.newest) {
            (Some(version), Some(newest)) => version > newest,
            (Some(_), None) => true,
            // Reports arrive in their order.
            (None, _) => sighting.asked.is_none(),
        };
        if !is_answer && !is_newer {
            return false;
        }
        let since = match (&self.seen, &sighting.lease) {
            // Somebody wrote an annotation: that is not a renewal.
            (Seen::Present { lease: old, since }, Some(lease)) if old.spec == lease.spec => *since,
            _ => sighting.at,
        };
        self.taken_until = match &sighting.lease {
            None => self.taken_after_deletion(&sighting),
            Some(lease) => self.taken_by(&lease.spec, since),
        };
        if sighting.version.is_some() {
            self.newest = sighting.version;
        }
        self.known_at = Some(sighting.at);
        self.must_read = false;
        if is_answer {
            self.not_before = None;
        }
        self.seen = match sighting.lease {
            None => Seen::Absent,
            Some(lease) => Seen::Present { lease, since },
        };
        true
    }

    /// Our write of the Lease succeeded. `replaced` is the version that it replaced; `None` if
    /// it created the Lease. `pause` is the time until the next renewal, which begins when this
    /// one was sent.
    pub fn wrote(
        &mut self,
        lease: Lease,
        replaced: Option<&str>,
        sent: Instant,
        at: Instant,
        pause: Duration,
    ) {
        let is_written = replaced != Some(lease.version.as_str());
        let (is_ours, transitions) = (self.is_ours(&lease.spec), lease.spec.lease_transitions);
        self.not_before = None;
        // A watch may have reported it, or what came after it, before this answer.
        self.saw(Sighting::answer(Some(lease), sent, at));
        let is_free = self.taken_until.is_none_or(|taken| taken <= at);
        if is_written && is_ours && is_free {
            self.term = Some(LeaderTerm {
                transitions: transitions.unwrap_or_default(),
                until: sent + self.times.deadline(),
                renew_at: sent + pause,
            });
        } else {
            // The server ignored the write, or changed the holder. Or others held the Lease
            // while our creation was under way.
            self.failed(sent, pause);
        }
    }

    /// A request failed, or its outcome is unknown.
    pub fn failed(&mut self, sent: Instant, pause: Duration) {
        self.not_before = Some(sent + pause);
    }

    /// The server refused a write, because the Lease was written in between.
    pub fn conflicted(&mut self, sent: Instant) {
        self.must_read = true;
        self.not_before = Some(sent + self.times.retry() / AFTER_CONFLICT);
    }

    /// This process leads no longer.
    pub fn step_down(&mut self) {
        self.term = None;
    }

    /// What to write in order to lead, with the rules of client-go. `now` is by the clock of
    /// this machine, for people only.
    pub fn claim(&self, now: Timestamp) -> LeaseSpec {
        let old = self.lease().map(|lease| &lease.spec);
        let ours = old.filter(|old| self.is_ours(old));
        let transitions = old.map(|old| old.lease_transitions.unwrap_or_default());
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(self.times.seconds()),
            acquire_time: match ours {
                Some(ours) => ours.acquire_time.or(Some(now)),
                None => Some(now),
            },
            renew_time: Some(different(old.and_then(|old| old.renew_time), now)),
            lease_transitions: Some(match (ours, transitions) {
                (Some(_), Some(transitions)) => transitions,
                (None, Some(transitions)) => transitions.saturating_add(1),
                (_, None) => 0,
            }),
        }
    }

    /// What to write in order to let another process lead at once, with the rules of
    /// client-go. `None` if this process does not hold the Lease.
    pub fn resignation(&self, now: Timestamp) -> Option<LeaseSpec> {
        let old = &self.lease()?.spec;
        self.is_ours(old).then(|| LeaseSpec {
            holder_identity: Some(String::new()),
            lease_duration_seconds: Some(1),
            acquire_time: Some(now),
            renew_time: Some(different(old.renew_time, now)),
            lease_transitions: old.lease_transitions,
        })
    }
}

/// The time, or a little later if it was written before. A write that changes nothing is not
/// stored, so nobody would see it.
fn different(before: Option<Timestamp>, now: Timestamp) -> Timestamp {
    if before.map(Timestamp::as_microsecond) == Some(now.as_microsecond()) {
        now.saturating_add(SignedDuration::from_micros(1))
            .unwrap_or(now)
    } else {
        now
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
