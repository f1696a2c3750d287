//! Text in columns: the grid, its layout, colours, times, and untrusted text made safe.

pub(crate) mod elide;
pub(crate) mod grid;
pub(crate) mod layout;
pub(crate) mod sanitize;
pub(crate) mod style;
pub(crate) mod time;
