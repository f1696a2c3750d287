//! The manifests that install the controller in a cluster.
//!
//! ```text
//! Installation ──> objects ─┬─> roles ──> rights   what the controller may do, and why
//!                           ├─> controller         its Deployment
//!                           ├─> memcached          the cache that its replicas share
//!                           └─> network            who may reach them
//! ```
//!
//! Nothing is read from a cluster: the same flags make the same objects.

mod controller;
mod installation;
mod memcached;
mod names;
mod network;
mod objects;
mod rights;
mod roles;

pub use installation::{CacheKeySecret, Installation, InstalledScope};
pub use memcached::MEMCACHED_ADDRESS;
pub use rights::{Need, Place, RIGHTS, Right};
