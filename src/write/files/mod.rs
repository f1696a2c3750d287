//! Writes into files, with or without a commit.

pub(crate) mod file_writer;
pub(crate) mod git_writer;
pub(crate) mod marker_writes;
