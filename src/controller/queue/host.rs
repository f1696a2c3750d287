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
}

impl Outage {
    /// The first failure. `wanted`: the pause that the host has asked for.
    pub(crate) fn new(now: Duration, wanted: Option<Duration>) -> Self {
        let pause = wanted.unwrap_or_default().max(FIRST_PAUSE);
        Self {
            failures: 1,
            probe_at: now + pause,
            is_probing: false,
        }
    }

    /// A failure while the host is known to be down. Only that of a probe counts: the other
    /// scans had begun before. A pause that the host asks for counts in any case.
    pub(crate) fn fail(&mut self, now: Duration, wanted: Option<Duration>, longest: Duration) {
        if std::mem::take(&mut self.is_probing) {
            self.failures = self.failures.saturating_add(1);
            let pause = doubled(FIRST_PAUSE, self.failures - 1, longest.max(FIRST_PAUSE));
            self.probe_at = now + pause;
        }
        let wanted = now + wanted.unwrap_or_default();
        self.probe_at = self.probe_at.max(wanted);
    }
}
