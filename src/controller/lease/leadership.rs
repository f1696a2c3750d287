//! Whether this process leads: what the rest of the controller asks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::clock::now;
use super::state::{LeaderTerm, Sighting};
use super::times::LeaseTimes;
use crate::cluster::{Cluster, ClusterError, Lease, LeaseNotes};
use crate::write::Fence;

/// Who leads, as this process knows it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct LeaseStatus {
    /// The Lease as it was last seen.
    pub(super) lease: Option<Lease>,
    /// The term of this process. It has ended if its time is over.
    pub(super) term: Option<LeaderTerm>,
}

impl LeaseStatus {
    /// The name in the Lease.
    pub(super) fn holder(&self) -> Option<&str> {
        self.lease.as_ref()?.spec.holder()
    }
}

/// The answer to a request to release the Lease.
pub(super) type Released = oneshot::Sender<Result<(), ReleaseError>>;

/// Why a write may not be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotLeader {
    /// Another replica leads, or none.
    #[error("this replica does not lead{}", led_by(holder.as_deref()))]
    Standby {
        /// Who leads, if somebody does.
        holder: Option<String>,
    },
    /// The Lease cannot be read, so it is unknown who leads.
    #[error("it cannot be confirmed that this replica leads: {reason}")]
    Unconfirmed {
        /// Why the Lease cannot be read.
        reason: String,
    },
}

fn led_by(holder: Option<&str>) -> String {
    holder.map_or_else(String::new, |holder| format!(": {holder} does"))
}

/// Why the Lease was not released. Another replica leads after the Lease duration.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The Lease cannot be written.
    #[error("the Lease cannot be released: {0}")]
    Request(ClusterError),
    /// The election has ended.
    #[error("the Lease cannot be released: the election has ended")]
    Ended,
}

/// Whether this process leads. Cheap to clone; all clones have the same answer.
#[derive(Debug, Clone)]
pub struct Leadership {
    pub(super) cluster: Cluster,
    pub(super) namespace: String,
    pub(super) identity: String,
    pub(super) times: LeaseTimes,
    pub(super) notes: Arc<Mutex<LeaseNotes>>,
    pub(super) status: watch::Receiver<LeaseStatus>,
    /// Set by the first call of `release`.
    pub(super) is_released: Arc<AtomicBool>,
    pub(super) reports: mpsc::Sender<Sighting>,
    pub(super) releases: mpsc::Sender<Released>,
}

impl Leadership {
    /// Whether this process leads at this moment. The deadline is compared with the clock in
    /// each call, so a process that was stopped gets the right answer at once. It sends no
    /// request, and needs no async runtime.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.term().is_some()
    }

    fn term(&self) -> Option<LeaderTerm> {
        if self.is_released.load(Ordering::Acquire) {
            return None;
        }
        self.status.borrow().term.filter(|term| now() < term.until)
    }

    /// Who leads, as the Lease was last seen: a Pod with a suffix. `None`: nobody, or it is
    /// not known yet.
    #[must_use]
    pub fn holder(&self) -> Option<String> {
        self.status.borrow().holder().map(str::to_owned)
    }

    /// The name of this process in the Lease.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Sets an annotation that is written with each renewal of the Lease while this process
    /// leads; `None`: it is removed. No request is sent for it.
    pub fn note(&self, key: &str, text: Option<String>) {
        let notes = self.notes.lock();
        let mut notes = notes.unwrap_or_else(PoisonError::into_inner);
        notes.insert(key.to_owned(), text);
    }

    /// An annotation of the Lease as it was last seen, whoever has written it.
    #[must_use]
    pub fn noted(&self, key: &str) -> Option<String> {
        let status = self.status.borrow();
        let text = status.lease.as_ref()?.annotation(key)?;
        Some(text.to_owned())
    }

    /// The times of the Lease.
    #[must_use]
    pub fn times(&self) -> &LeaseTimes {
        &self.times
    }

    /// Waits until this process begins or stops to lead, or another one does. Changes since
    /// the last call count. Returns whether this process leads; without an election, the
    /// answer does not change any more, and it waits forever.
    pub async fn changed(&mut self) -> bool {
        if self.status.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.status.borrow_and_update();
        self.is_leader()
    }

    /// Confirms just before a write that this process leads: by the deadline, by the Lease,
    /// which must name this process in the same term, and by the deadline again, because the
    /// answer may have taken long.
    ///
    /// # Errors
    ///
    /// This process does not lead, or the Lease cannot be read in time. Nothing may be
    /// written.
    pub async fn confirm(&self) -> Result<(), NotLeader> {
        let Some(term) = self.term() else {
            return Err(self.standby());
        };
        let asked = now();
        let limit = self.times.request_timeout();
        let answer = timeout(limit, self.cluster.controller_lease(&self.namespace)).await;
        let lease = match answer {
            Ok(Ok(lease)) => lease,
            Ok(Err(error)) => {
                let reason = error.to_string();
                return Err(NotLeader::Unconfirmed { reason });
            }
            Err(_) => {
                let reason = format!("reading the Lease took longer than {limit:?}");
                return Err(NotLeader::Unconfirmed { reason });
            }
        };
        let spec = lease.as_ref().map(|lease| &lease.spec);
        let holder = spec.and_then(|spec| spec.holder()).map(str::to_owned);
        let transitions = spec.and_then(|spec| spec.lease_transitions);
        if holder.as_deref() != Some(self.identity.as_str())
            || transitions.unwrap_or_default() != term.transitions
        {
            // The election learns it too. If it is busy, it will read the Lease itself.
            let _ = self.reports.try_send(Sighting::answer(lease, asked, now()));
            return Err(NotLeader::Standby { holder });
        }
        match self.term() {
            Some(now) if now.transitions == term.transitions => Ok(()),
            _ => Err(self.standby()),
        }
    }

    /// Another holder of the Lease. The Lease names this process until it expires, also after
    /// the process has stopped to lead.
    pub(crate) fn other_holder(&self) -> Option<String> {
        self.holder().filter(|holder| *holder != self.identity)
    }

    fn standby(&self) -> NotLeader {
        NotLeader::Standby {
            holder: self.other_holder(),
        }
    }

    /// Stops to lead at once, and removes this process from the Lease, so that another
    /// replica leads at once. The election ends. Writes must have ended before.
    ///
    /// # Errors
    ///
    /// The Lease cannot be written in time.
    pub async fn release(&self) -> Result<(), ReleaseError> {
        self.is_released.store(true, Ordering::Release);
        let (reply, answer) = oneshot::channel();
        if self.releases.send(reply).await.is_err() {
            return Err(ReleaseError::Ended);
        }
        answer.await.unwrap_or(Err(ReleaseError::Ended))
    }
}

impl Fence for Leadership {
    fn check(&self) -> LocalBoxFuture<'_, Result<(), String>> {
        let confirmed = self.confirm();
        async move { confirmed.await.map_err(|error| error.to_string()) }.boxed_local()
    }
}
