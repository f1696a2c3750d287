//! What menus are made of: lists, input lines and how they are drawn.

pub(crate) mod draw;
pub(crate) mod line;
pub(crate) mod list;
pub(crate) mod outcome;
pub(crate) mod plain;
pub(crate) mod screen;
