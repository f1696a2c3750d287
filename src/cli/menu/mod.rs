//! Menus: the same questions on a terminal that can be drawn on, and line by
//! line on one that cannot.
//!
//! ```text
//! policies: workloads ─> containers ─> policies (type, expression, effect) ─> Plan ─> carry_out
//! updates:  Plan ─> which of its rows ─> Plan
//!             list, line: what keys do      draw: what it looks like      screen: where it is drawn
//! ```
//!
//! Nothing is written here. Esc and Ctrl-C leave everything as it is.

mod command;
mod effect;
mod menu;
mod policies;
mod policy_editor;
mod updates;
pub(crate) mod widgets;

pub(crate) use command::Reached;
pub(crate) use menu::{Answer, Menu, check, is_back, tell_commands};
pub(crate) use policies::{Purpose, is_wished, write_policies};
pub(crate) use updates::{choose_updates, update_commands};
