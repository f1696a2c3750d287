//! Requests to the API server: transport, pages, resources and errors.

pub(crate) mod access;
pub(crate) mod admission;
pub(crate) mod answer;
pub(crate) mod api_group;
pub(crate) mod cause;
pub(crate) mod error;
pub(crate) mod page;
pub(crate) mod path_segment;
pub(crate) mod repeat;
pub(crate) mod resource;
pub(crate) mod selection;
pub(crate) mod transport;
