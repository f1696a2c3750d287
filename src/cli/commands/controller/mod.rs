//! `controller`: the loop, one file per subcommand.

mod log;
pub(crate) mod options;
pub(crate) mod run;
