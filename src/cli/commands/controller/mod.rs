//! `controller`: the loop, one file per subcommand.

mod log;
mod manifests;
pub(crate) mod options;
mod resume;
pub(crate) mod run;
mod schedule;
