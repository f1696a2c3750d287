//! Whether an image is of another repository than the one that runs.

use crate::image::ImageReference;

/// Whether an image belongs to another repository than the running one. A running
/// image that is not valid belongs to none.
pub(crate) fn is_other_repository(running: &str, image: &ImageReference) -> bool {
    running
        .parse::<ImageReference>()
        .map_or(true, |running| running.canonical() != image.canonical())
}
