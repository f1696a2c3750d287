//! The Kubernetes API: what is read from a cluster, and how it is reached.
//!
//! ```text
//! ConnectionOptions ─► kubeconfig ─► Cluster ─┬─► workloads   rows to be
//! (flags)              (files), credentials   ├─► pods        what really runs
//!                                             ├─► nodes       platforms
//!                                             ├─► pull_secrets
//!                                             ├─► names       tab completion
//!                                             ├─► owners      who reverts an edit
//!                                             ├─► identity, lease
//!                                             └─► object, events   one object, written
//! ```
//!
//! Lists are read in pages and decoded from their bytes into the few fields that
//! matter, one object at a time, so that thousands of workloads stay small and
//! one odd object spoils nobody else. What may not be read becomes an
//! [`AccessError`] beside the results; only what spoils everything (no server, no
//! credentials) is a [`ClusterError`]. Only `object` and `events` write, and only what
//! a caller hands them.

mod api;
mod connect;
#[cfg(test)]
pub(crate) mod fake;
mod read;
mod write;

pub use self::api::access::AccessError;
pub use self::api::error::ClusterError;
pub use self::api::selection::{Scope, Selection, WorkloadSelector};
pub use self::connect::connection::Cluster;
pub use self::connect::options::ConnectionOptions;
pub use self::connect::timeout::{InvalidTimeout, RequestTimeout};
pub use self::read::lease::{CONTROLLER_LEASE, ControllerPresence};
pub use self::read::pods::pods::{Coverage, PodFacts, Uncovered};
pub use self::read::pods::usage::{PodUsage, PodUsages};
pub use self::read::pull_secrets::{PullSecretContent, PullSecrets, PullSecretsFound};
pub use self::read::workloads::Listing;
pub use self::write::events::EventNote;
pub use self::write::object::Patched;
