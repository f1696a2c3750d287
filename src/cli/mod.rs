//! The command line: arguments in, one sentence of calls, text and exit code
//! out. One file a command; everything that decides lives elsewhere.

mod apply;
mod args;
mod commands;
mod complete;
mod error;
mod flags;
mod gather;
mod menu;
mod run;
mod runtime;
mod terminal;

pub use run::{command, run};
