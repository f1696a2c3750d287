//! A registry host that is down, or that has asked for a pause.

use std::time::Duration;

use super::entry::{FIRST_PAUSE, doubled};

/// Why repositories of a host wait.
#[derive(Debug, Clone)]
pub(crate) struct Outage {
    /// How many probes have failed since the first failure.
    failures: u32,
    /// When the next probe may be sent.
    pub(crate) probe_at: Duration,
    /// Whether a probe is under way.
    pub(crate) is_probing: bool,
    /// Until when the host has asked for a pause, if it has.
    pub(crate) wanted_until: Option<Duration>,
}

impl Outage {
    /// The first failure. `wanted`: the pause that the host has asked for.
    pub(crate) fn new(now: Duration, wanted: Option<Duration>) -> Self {
        let pause = wanted.unwrap_or_default().max(FIRST_PAUSE);
        Self {
            failures: 1,
            probe_at: now + pause,
            is_probing: false,
            wanted_until: wanted.map(|wanted| now + wanted),
        }
    }

    /// A pause that another replica was asked for.
    pub(crate) fn until(end: Duration) -> Self {
        Self {
            failures: 1,
            probe_at: end,
            is_probing: false,
            wanted_until: Some(end),
        }
    }

    /// Waits at least until this time.
    pub(crate) fn extend(&mut self, end: Duration) {
        self.probe_at = self.probe_at.max(end);
        self.wanted_until = self.wanted_until.max(Some(end));
    }

    /// Whether the host has asked for a pause that is not over.
    pub(crate) fn is_wanted(&self, now: Duration) -> bool {
        self.wanted_until.is_some_and(|until| until > now)
    }

    /// A failure while the host is known to be down. Only that of a probe counts: the other
    /// scans had begun before. A pause that the host asks for counts in any case.
    pub(crate) fn fail(&mut self, now: Duration, wanted: Option<Duration>, longest: Duration) {
        if std::mem::take(&mut self.is_probing) {
            self.failures = self.failures.saturating_add(1);
            let pause = doubled(FIRST_PAUSE, self.failures - 1, longest.max(FIRST_PAUSE));
            self.probe_at = now + pause;
        }
        if let Some(wanted) = wanted {
            self.extend(now + wanted);
        }
    }
}
