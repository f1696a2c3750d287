//! Where an image stands in a Helm release's values, and how it is written
//! there.

use super::change::{ImageChange, Refusal};
use super::edit::ValueEdit;
use crate::workload::Observed;

/// The scalars that make the images of a release these ones, in the forms in
/// which they stand there.
///
/// # Errors
///
/// An image stands in no place that can be written, with the reason.
pub(super) fn value_edits(
    object: &Observed,
    changes: &[&ImageChange],
) -> Result<Vec<ValueEdit>, Refusal> {
    let _ = (object, changes);
    todo!("plan helper")
}
