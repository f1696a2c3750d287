//! Finds the places of images by trial: texts in the files are marked, the kustomization is
//! built, and the marks in its images show which text decides which part.

mod candidates;
mod dead_entries;
mod found_place;
mod image_scalars;
mod mark;
mod place_table;
mod probing;
mod trace;

pub use probing::Probing;
pub(crate) use trace::origin_of_text;
