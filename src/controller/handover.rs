//! What a leader leaves to the next one: the pauses that registries have asked for, as an
//! annotation of the Lease. It is written with the renewals, so it costs no request and needs no
//! right of its own.

use std::hash::BuildHasher;
use std::time::Duration;

use jiff::Timestamp;

use super::lease::Leadership;
use super::queue::{ScanQueue, pauses_text, read_pauses};
use crate::registry::Registries;

/// The annotation of the Lease with the pauses.
const PAUSED_UNTIL: &str = "imgpolicy.dev/paused-until";

/// The annotation as it was last read and written.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    read: Option<String>,
    written: Option<String>,
}

/// The time by the wall clock, and since the start of the program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BothClocks {
    pub(crate) wall: Timestamp,
    pub(crate) since_start: Duration,
}

impl Handover {
    /// Takes over the pauses that the leader has noted, if they have changed.
    pub(crate) fn take_over(
        &mut self,
        leadership: &Leadership,
        queue: &mut ScanQueue<impl BuildHasher>,
        now: BothClocks,
    ) {
        let noted = leadership.noted(PAUSED_UNTIL);
        if noted == self.read {
            return;
        }
        for (host, left) in read_pauses(noted.as_deref().unwrap_or("{}"), now.wall) {
            queue.pause(&host, left, now.since_start);
        }
        self.read = noted;
    }

    /// The pauses that a new leader keeps, one sentence each.
    pub(crate) fn sentences(
        queue: &ScanQueue<impl BuildHasher>,
        since_start: Duration,
    ) -> Vec<String> {
        let pauses = queue.pauses(since_start).into_iter();
        let sentences = pauses.map(|(host, left)| {
            let seconds = left.as_secs();
            format!("{host} has asked for a pause, and gets no request for {seconds} s")
        });
        sentences.collect()
    }

    /// Notes the pauses, also those that scans are waiting for at this moment.
    pub(crate) fn pass_on(
        &mut self,
        leadership: &Leadership,
        queue: &ScanQueue<impl BuildHasher>,
        registries: &Registries,
        now: BothClocks,
    ) {
        let mut pauses = queue.pauses(now.since_start);
        for name in queue.running() {
            if let Some(left) = registries.wanted_pause(name) {
                let known = pauses.entry(name.registry().to_owned()).or_default();
                *known = left.max(*known);
            }
        }
        let text = pauses_text(&pauses, now.wall);
        if text != self.written {
            leadership.note(PAUSED_UNTIL, text.clone());
            self.written = text;
        }
    }
}
