//! Where an image stands in a Helm release's values, and how it is written
//! there.

use serde_json::Value;

use super::edit::ValueEdit;
use crate::image::ImageReference;
use crate::workload::Observed;

/// The scalars that make a container's image this one, in the form in which it
/// stands there: text, text with a tag beside it, or a block.
///
/// # Errors
///
/// The image stands in no place that can be written, with the reason.
#[expect(dead_code, reason = "to be used by Change::edit")]
pub(super) fn value_edits(
    object: &Observed,
    values: &Value,
    container: &str,
    image: &ImageReference,
) -> Result<Vec<ValueEdit>, String> {
    let _ = (object, values, container, image);
    todo!("plan helper")
}
