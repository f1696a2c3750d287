//! The command line: arguments in, text and exit code out. Each command has one file. All
//! decisions are made elsewhere.

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
