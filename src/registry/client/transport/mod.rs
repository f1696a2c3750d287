//! HTTP exchanges within limits: concurrent requests per host, time and size. Requests
//! are retried if that is safe, and hosts that cannot be reached are given up.

pub(crate) mod address;
pub(crate) mod clients;
pub(crate) mod error;
pub(crate) mod host;
pub(crate) mod proxy;
pub(crate) mod pulls;
pub(crate) mod quota;
pub(crate) mod request;
pub(crate) mod resolver;
pub(crate) mod retry_after;
pub(crate) mod statistics;
mod transport;
pub(crate) mod waiting_line;
pub(crate) mod window;

pub(crate) use address::AddressKind;
pub use address::AddressOptions;
pub(crate) use error::SendError;
pub(crate) use pulls::Pull;
pub(crate) use request::authority;
pub(crate) use request::{MAX_BODY, Request, Response};
pub use statistics::{AnswerCounts, Statistics};
pub(crate) use transport::Transport;
pub(crate) use waiting_line::Puller;
pub use waiting_line::Turn;
