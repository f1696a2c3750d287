//! The Kubernetes API: how a cluster is reached, and what is read from and written to
//! it.
//!
//! ```text
//! ConnectionOptions ─► kubeconfig ─► Cluster ─┬─► workloads   become rows
//! (flags)              (files), credentials   ├─► pods        images that run
//!                                             ├─► nodes       where Pods can run
//!                                             ├─► pull_secrets
//!                                             ├─► image_objects  what Flux elects
//!                                             ├─► names       tab completion
//!                                             ├─► refused_pods  why Pods cannot be created
//!                                             ├─► undone      kubectl rollout undo
//!                                             ├─► history     updates that were made
//!                                             ├─► owners      would revert an edit, and where
//!                                             │               their files are
//!                                             ├─► identity
//!                                             ├─► lease       who leads
//!                                             ├─► watch       follow the workloads
//!                                             └─► object, events, lease, namespace   write one object
//! ```
//!
//! Lists are read in pages. Each object is decoded on its own, into the few fields that
//! are needed, so that thousands of workloads need little memory and one malformed
//! object does not affect the others. An object or list that may not be read becomes an
//! [`AccessError`] next to the results. Only a failure of everything (no server, no
//! credentials) is a [`ClusterError`]. Only `object`, `events`, `lease` and
//! `namespace` write, and only what the caller passes to them.

mod api;
mod connect;
#[cfg(test)]
pub(crate) mod fake;
mod read;
mod watch;
mod write;

pub use self::api::access::AccessError;
pub use self::api::error::ClusterError;
pub use self::api::selection::{Scope, Selection, WorkloadSelector};
pub use self::connect::connection::Cluster;
pub use self::connect::options::ConnectionOptions;
pub use self::connect::timeout::{InvalidTimeout, RequestTimeout};
pub use self::read::custom::image_objects::ImageObjects;
pub use self::read::history::history::LiveHistory;
pub use self::read::lease::follow::LeaseEvent;
pub use self::read::lease::object::{CONTROLLER_LEASE, Lease, LeaseNotes, LeaseSpec};
pub use self::read::lease::presence::{
    ControllerLeader, ControllerPresence, GOVERNED_NAMESPACES, governed_namespaces,
};
pub use self::read::namespaces::NamespaceFacts;
pub use self::read::owners::git_sources::{GitSourceError, GitSources};
pub use self::read::owners::image_policies::LiveImagePolicies;
pub use self::read::pods::pods::{Coverage, PodFacts, Uncovered};
pub use self::read::pods::problems::FailingPod;
pub use self::read::pods::usage::{PodUsage, PodUsages};
pub use self::read::pull_secrets::{
    PullSecretContent, PullSecrets, PullSecretsFound, SecretValues,
};
pub use self::read::workloads::Listing;
pub use self::watch::workloads::{WatchNews, WatchedCollection};
pub use self::write::events::{EventNote, EventReason};
pub use self::write::object::Patched;
