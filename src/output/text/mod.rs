//! Text in columns: tables and their layout, colours, times, numbers, and the
//! cleaning of untrusted text.

pub(crate) mod elide;
pub(crate) mod fit_step;
pub(crate) mod grid;
pub(crate) mod layout;
pub(crate) mod plural;
pub(crate) mod render;
pub(crate) mod sanitize;
pub(crate) mod style;
pub(crate) mod time;
