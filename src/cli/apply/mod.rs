//! From a plan to its results: preflight, preview, prompt, write, results.

pub(crate) mod annotations;
pub(crate) mod author;
pub(crate) mod caveats;
pub(crate) mod commit;
pub(crate) mod current_folder;
pub(crate) mod effect;
pub(crate) mod git_target;
pub(crate) mod job;
mod marker_results;
pub(crate) mod pipeline;
pub(crate) mod preflight;
pub(crate) mod preview;
pub(crate) mod result_lines;
pub(crate) mod results;
