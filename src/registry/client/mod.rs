//! Requests to one registry: endpoint, authentication, transport and failures.

pub(crate) mod auth;
pub(crate) mod endpoint;
pub(crate) mod failure;
pub(crate) mod redirect;
pub(crate) mod remote;
pub(crate) mod scan_budget;
pub(crate) mod transport;
