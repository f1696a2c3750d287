//! Marked values: what each marker of Flux's image automation gets, and why.
//!
//! The evaluator elects the image of an ImagePolicy, or Flux has recorded it in the status of
//! the object. Nothing is elected here; it is decided only whether the image is written to the
//! value.

pub(crate) mod decision;
mod elected;
pub(crate) mod hold;
pub(crate) mod input;
pub(crate) mod plan_markers;
pub(crate) mod reason;
mod warnings;
