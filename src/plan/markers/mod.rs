//! Marked values: what each marker of Flux's image automation gets, and why.
//!
//! Flux elects the image and records it in the status of the ImagePolicy. Nothing is
//! elected here; it is decided only whether the recorded image is written to the value.

pub(crate) mod decision;
pub(crate) mod hold;
pub(crate) mod input;
pub(crate) mod plan_markers;
pub(crate) mod reason;
mod warnings;
