//! Menus: the same prompts, drawn on a capable terminal and line by line on any other.
//!
//! ```text
//! policies: workloads ─> containers ─> policies (type, expression, effect) ─> Plan ─> apply
//! updates:  Plan ─> which of its rows ─> Plan
//!             list, line: effect of keys      draw: appearance      screen: the terminal
//! ```
//!
//! Nothing is written here. Esc and Ctrl-C leave everything as it is.

mod command;
mod effect;
mod menu;
mod policies;
mod policy_draft;
mod policy_editor;
mod purpose;
mod updates;
pub(crate) mod widgets;

pub(crate) use command::CommandScope;
pub(crate) use menu::{Menu, check, is_back, report_commands};
pub(crate) use policies::{wants_menu, write_policies};
pub(crate) use purpose::Purpose;
pub(crate) use updates::{choose_updates, update_commands};
