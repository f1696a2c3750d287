//! Writes a plan to the cluster.
//!
//! ```text
//! Observed ─► edit ─► dry run, once ─► patch ─► Event
//!    ^                                   │
//!    └────────── read again <── 409 ─────┘
//! ```
//!
//! The patch carries the version of the object that the edit was computed for. So it never
//! overwrites a concurrent change, and a patch that is sent twice is applied once. If
//! others write the object all the time, the patch tests the values that it replaces
//! instead.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, sleep_until};

use super::context::LiveWriter;
use super::event::{SLOW, WriteEvent};
use super::event_log::EventLog;
use super::one_write::{Stage, Write};
use super::owners::CurrentOwners;
use super::{Applied, DryRun, WriteContext};
use crate::plan::{Change, Plan};
use crate::workload::{Observed, WorkloadId};

/// How many workloads are written concurrently.
const AT_ONCE: usize = 8;

/// How long the patches that were sent are awaited after Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(3);

/// Writes every change of the plan, at most eight workloads at a time, and reports each
/// result as soon as it and those before it are known, and a write that is slow. Objects that the
/// context does not have are read. The results are in the plan's order. A failure does not stop
/// the others.
pub async fn write_live(
    plan: &Plan,
    context: &WriteContext<'_>,
    writer: &LiveWriter<'_>,
    report: &dyn Fn(WriteEvent<'_>),
) -> Vec<Applied> {
    let observed: BTreeMap<&WorkloadId, &Observed> = context
        .observed
        .iter()
        .map(|object| (&object.workload.id, object))
        .collect();
    let changes: Vec<&Change> = plan.changes.iter().collect();
    let refusals = match context.recheck {
        Some(recheck) => recheck.refusals(&changes, &observed).await,
        None => changes.iter().map(|_| None).collect(),
    };
    let owners = CurrentOwners::new(writer.cluster);
    if writer.dry_run != DryRun::Client {
        let with_images = changes.iter().filter(|change| !change.images.is_empty());
        let objects = with_images.filter_map(|change| observed.get(&change.workload).copied());
        owners.ask(objects).await;
    }
    let events = EventLog::default();
    let stages: Vec<Cell<Stage>> = changes.iter().map(|_| Cell::default()).collect();
    let writes: Vec<Write<'_>> = changes
        .iter()
        .zip(&stages)
        .map(|(change, stage)| Write {
            writer,
            change,
            events: &events,
            owners: &owners,
            stage,
            stop: context.stop,
        })
        .collect();
    let running = writes.iter().zip(refusals).enumerate();
    let running = running.map(|(place, (write, refusal))| {
        let object = observed.get(&write.change.workload).copied();
        async move { (place, write.run(object, refusal).await) }
    });
    // If writes were awaited in order, one with many conflicts would hold up those after
    // it. Only the reports are in the plan's order.
    let mut running = pin!(stream::iter(running).buffer_unordered(AT_ONCE));
    let mut results = InOrder::new(report);
    let mut deadline = None;
    let mut slow_at = Some(Instant::now() + SLOW);
    loop {
        tokio::select! {
            next = running.next() => match next {
                Some((place, applied)) => {
                    results.add(place, applied);
                    slow_at = Some(Instant::now() + SLOW);
                }
                None => break,
            },
            () = sleep_until(slow_at.unwrap_or_else(Instant::now)), if slow_at.is_some() => {
                slow_at = None;
                if let Some(first) = writes.get(results.reported.len()) {
                    report(WriteEvent::Slow(&first.change.workload));
                }
            }
            () = context.stop.requested(), if deadline.is_none() => {
                deadline = Some(Instant::now() + PATIENCE);
            }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => break,
            () = context.stop.repeated() => break,
        }
    }
    results.finish(&writes)
}

/// Results that are reported in the plan's order.
struct InOrder<'a> {
    report: &'a dyn Fn(WriteEvent<'_>),
    ahead: BTreeMap<usize, Applied>,
    reported: Vec<Applied>,
}

impl<'a> InOrder<'a> {
    fn new(report: &'a dyn Fn(WriteEvent<'_>)) -> Self {
        Self {
            report,
            ahead: BTreeMap::new(),
            reported: Vec::new(),
        }
    }

    fn add(&mut self, place: usize, applied: Applied) {
        self.ahead.insert(place, applied);
        while let Some(next) = self.ahead.remove(&self.reported.len()) {
            (self.report)(WriteEvent::Applied(&next));
            self.reported.push(next);
        }
    }

    /// Adds what is known of the writes that were not awaited to their end.
    fn finish(mut self, writes: &[Write<'_>]) -> Vec<Applied> {
        for (place, write) in writes.iter().enumerate().skip(self.reported.len()) {
            if !self.ahead.contains_key(&place) && place >= self.reported.len() {
                self.add(place, write.abandoned());
            }
        }
        self.reported
    }
}

#[cfg(test)]
#[path = "tests/live.rs"]
mod tests;
