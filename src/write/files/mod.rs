//! Writes into files, with or without a commit.

pub(crate) mod commit_run;
pub(crate) mod committed_files;
pub(crate) mod file_writer;
pub(crate) mod git_writer;
pub(crate) mod marker_writes;
pub(crate) mod staged_texts;
pub(crate) mod unfinished;
