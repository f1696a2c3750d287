//! An image that is written although it failed before.

use super::annotation;
use crate::plan::change::Change;
use crate::plan::edit::Edit;
use crate::policy::FailedRollout;
use crate::workload::Workload;

/// Removes from the annotation the images that an edit writes although they failed before.
pub(crate) fn forget_written(edit: &mut Edit, workload: &Workload, change: &Change) {
    let Ok(known) = FailedRollout::from_annotations(&workload.annotations) else {
        return;
    };
    let mut left = known.clone();
    left.retain(|failed| {
        let mut written = change.images.iter();
        !written.any(|image| {
            let again = FailedRollout::new(
                &image.container,
                &image.to,
                image.digest.as_ref(),
                failed.at,
                "",
            );
            again.is_same(failed)
        })
    });
    if left.len() < known.len() {
        annotation::write(edit, workload, &left);
    }
}
