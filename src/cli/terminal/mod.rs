//! Standard streams, questions, progress and logging.

pub(crate) mod colour;
pub(crate) mod confirm;
pub(crate) mod keyboard;
pub(crate) mod logging;
pub(crate) mod progress;
pub(crate) mod streams;
