//! Runs for leader: carries out what `evaluate` says.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep_until, timeout};

use super::clock::{jittered, now};
use super::evaluate::{LeaseAction, evaluate};
use super::follow::follow;
use super::leadership::{Leadership, LeaseStatus, ReleaseError, Released};
use super::state::{LeaseState, Sighting};
use super::times::LeaseTimes;
use crate::cluster::{Cluster, ClusterError, Lease, LeaseNotes, LeaseSpec};

/// The name under which the Lease is written.
const FIELD_MANAGER: &str = "imgpolicy";

/// How many reports may wait while a request is under way.
const REPORTS: usize = 64;

/// How often the release of the Lease is tried if others write it at the same time.
const RELEASES: usize = 3;

/// A candidate. It does nothing until [`LeaderElection::run`] is polled.
pub struct LeaderElection {
    cluster: Cluster,
    namespace: String,
    state: LeaseState,
    clock: fn() -> Timestamp,
    notes: Arc<Mutex<LeaseNotes>>,
    status: watch::Sender<LeaseStatus>,
    reporter: mpsc::Sender<Sighting>,
    reports: mpsc::Receiver<Sighting>,
    releases: mpsc::Receiver<Released>,
    /// The last failure that was logged.
    complaint: Option<String>,
}

impl std::fmt::Debug for LeaderElection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeaderElection")
            .field("namespace", &self.namespace)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl LeaderElection {
    /// A candidate for the Lease in a namespace. `identity` must be different in each process
    /// and after each start: see [`super::unique_identity`]. `clock` gives the times that are
    /// written into the Lease; nothing is decided with it.
    #[must_use]
    pub fn new(
        cluster: Cluster,
        namespace: &str,
        identity: &str,
        times: LeaseTimes,
        clock: fn() -> Timestamp,
    ) -> (Leadership, Self) {
        let (status, watched) = watch::channel(LeaseStatus::default());
        let (reporter, reports) = mpsc::channel(REPORTS);
        let (releaser, releases) = mpsc::channel(1);
        let notes = Arc::default();
        let leadership = Leadership {
            cluster: cluster.clone(),
            namespace: namespace.to_owned(),
            identity: identity.to_owned(),
            times,
            notes: Arc::clone(&notes),
            status: watched,
            is_released: Arc::new(AtomicBool::new(false)),
            reports: reporter.clone(),
            releases: releaser,
        };
        let election = Self {
            cluster,
            namespace: namespace.to_owned(),
            state: LeaseState::new(identity, times),
            clock,
            notes,
            status,
            reporter,
            reports,
            releases,
            complaint: None,
        };
        (leadership, election)
    }

    /// Leads whenever it is allowed to, until the Lease is released, or until every
    /// [`Leadership`] is dropped. Poll it often: a leader that is not polled for longer than
    /// the renew deadline stops to lead.
    pub async fn run(mut self) {
        let times = *self.state.times();
        let reporter = self.reporter.clone();
        let following = follow(
            self.cluster.clone(),
            self.namespace.clone(),
            times,
            reporter,
        );
        tokio::select! {
            () = following => {}
            () = self.lead() => {}
        }
    }

    async fn lead(&mut self) {
        loop {
            while let Ok(sighting) = self.reports.try_recv() {
                self.state.saw(sighting);
            }
            self.publish();
            match evaluate(&self.state, now()) {
                LeaseAction::StepDown(loss) => {
                    tracing::warn!("this replica leads no longer: {loss}");
                    self.state.step_down();
                }
                LeaseAction::Read => self.read().await,
                LeaseAction::Create => self.write(None).await,
                LeaseAction::Acquire(_) | LeaseAction::Renew(_) => {
                    let lease = self.state.lease().cloned();
                    self.write(lease).await;
                }
                LeaseAction::Wait(until) => {
                    tokio::select! {
                        () = sleep_until(until.into()) => {}
                        Some(sighting) = self.reports.recv() => {
                            self.state.saw(sighting);
                        }
                        released = self.releases.recv() => {
                            return self.end(released).await;
                        }
                    }
                    continue;
                }
            }
            if let Ok(released) = self.releases.try_recv() {
                return self.end(Some(released)).await;
            }
        }
    }

    /// Tells the others who leads, if that has changed.
    fn publish(&self) {
        let next = LeaseStatus {
            lease: self.state.lease().cloned(),
            term: self.state.term().copied(),
        };
        self.status.send_if_modified(|status| {
            let transitions = [&*status, &next].map(|s| s.term.map(|term| term.transitions));
            let is_new_term = transitions[0] != transitions[1];
            let is_new_holder = status.holder() != next.holder();
            if is_new_term && next.term.is_some() {
                tracing::info!("this replica leads");
            } else if let (true, None, Some(holder)) = (is_new_holder, next.term, next.holder()) {
                tracing::info!("{holder} leads");
            }
            *status = next;
            is_new_term || is_new_holder
        });
    }

    async fn read(&mut self) {
        let sent = now();
        let reading = self.cluster.controller_lease(&self.namespace);
        match self.in_time(reading).await {
            Ok(lease) => {
                self.complaint = None;
                self.state.saw(Sighting::answer(lease, sent, now()));
            }
            Err(error) => self.failed(sent, &error),
        }
    }

    /// Creates the Lease, or replaces it.
    async fn write(&mut self, lease: Option<Lease>) {
        let spec = self.state.claim((self.clock)());
        // What a new leader has noted in an earlier term is old.
        let notes = self.state.term().map(|_| self.notes());
        let notes = notes.unwrap_or_default();
        let sent = now();
        let written = self.in_time(async {
            match &lease {
                None => self.create(&spec).await,
                Some(lease) => self.replace(lease, &spec, &notes).await,
            }
        });
        match written.await {
            Ok(written) => {
                self.complaint = None;
                let pause = jittered(self.state.times().retry());
                let replaced = lease.as_ref().map(|lease| lease.version.as_str());
                self.state.wrote(written, replaced, sent, now(), pause);
            }
            Err(error) if error.is_conflict() || error.already_exists() => {
                self.state.conflicted(sent);
            }
            Err(error) => self.failed(sent, &error),
        }
    }

    async fn create(&self, spec: &LeaseSpec) -> Result<Lease, ClusterError> {
        self.cluster
            .create_controller_lease(&self.namespace, spec, FIELD_MANAGER)
            .await
    }

    async fn replace(
        &self,
        lease: &Lease,
        spec: &LeaseSpec,
        notes: &LeaseNotes,
    ) -> Result<Lease, ClusterError> {
        self.cluster
            .replace_controller_lease(&self.namespace, lease, spec, notes, FIELD_MANAGER)
            .await
    }

    /// What this process has noted.
    fn notes(&self) -> LeaseNotes {
        let notes = self.notes.lock();
        notes.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A request, which fails after the request time-out.
    async fn in_time<T>(
        &self,
        request: impl Future<Output = Result<T, ClusterError>>,
    ) -> Result<T, ClusterError> {
        let limit = self.state.times().request_timeout();
        let answer = timeout(limit, request).await;
        answer.map_err(|_| ClusterError::Timeout {
            request: "a request for the Lease".to_owned(),
            limit,
        })?
    }

    fn failed(&mut self, sent: Instant, error: &ClusterError) {
        let complaint = error.to_string();
        if self.complaint.as_ref() != Some(&complaint) {
            tracing::warn!("who leads is not known: {complaint}");
            self.complaint = Some(complaint);
        }
        let pause = jittered(self.state.times().retry());
        self.state.failed(sent, pause);
    }

    /// Ends the election, and replies to the one who wanted that.
    async fn end(&mut self, released: Option<Released>) {
        let notes = self.state.term().map(|_| self.notes());
        self.state.step_down();
        self.publish();
        let Some(reply) = released else {
            return;
        };
        let result = self.resign(&notes.unwrap_or_default()).await;
        if result.is_ok() {
            tracing::info!("the Lease is released");
        }
        // The one who asked may not wait for it.
        let _ = reply.send(result.map_err(ReleaseError::Request));
    }

    async fn resign(&mut self, notes: &LeaseNotes) -> Result<(), ClusterError> {
        for _ in 1..RELEASES {
            match self.try_to_resign(notes).await {
                Err(error) if error.is_conflict() => self.read().await,
                result => return result,
            }
        }
        self.try_to_resign(notes).await
    }

    async fn try_to_resign(&mut self, notes: &LeaseNotes) -> Result<(), ClusterError> {
        let spec = self.state.resignation((self.clock)());
        let (Some(lease), Some(spec)) = (self.state.lease(), spec) else {
            return Ok(());
        };
        let written = self.in_time(self.replace(lease, &spec, notes)).await?;
        let at = now();
        self.state.saw(Sighting::answer(Some(written), at, at));
        self.publish();
        Ok(())
    }
}

#[cfg(test)]
#[path = "election_tests.rs"]
mod tests;
