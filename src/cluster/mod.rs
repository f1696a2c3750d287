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

mod access;
mod admission;
mod api_group;
mod cause;
mod connection;
mod credentials;
mod error;
mod events;
#[cfg(test)]
pub(crate) mod fake;
mod helm;
mod identity;
mod kubeconfig;
mod kubeconfig_files;
mod lease;
mod names;
mod nodes;
mod object;
mod owners;
mod page;
mod plugin;
mod pod;
mod pods;
mod proxy;
mod pull_secrets;
mod resource;
mod selection;
mod socks;
mod timeout;
mod transport;
mod usage;
mod workloads;

pub use access::AccessError;
pub use connection::{Cluster, ConnectionOptions};
pub use error::ClusterError;
pub use events::EventNote;
pub use lease::{CONTROLLER_LEASE, ControllerPresence};
pub use object::Patched;
pub use pods::{Coverage, PodFacts, Uncovered};
pub use pull_secrets::{PullSecret, PullSecrets, PullSecretsFound};
pub use selection::{Scope, Selection, What};
pub use timeout::{InvalidTimeout, RequestTimeout};
pub use usage::{PodUsage, PodUsages};
pub use workloads::Listing;
