//! Edits that a later layer hides.
//!
//! A base may decide the image of a workload in one kustomization, and nothing in another one
//! that has an entry or a patch of its own. Whoever edits the base usually expects the new image
//! in both.

use super::images::{BuiltImage, BuiltImages};
use super::scalar_edits::ScalarEdit;
use super::shared_edits::{shown, shown_place};
use crate::plan::Plan;
use crate::policy::{Warning, WarningCode};

/// Adds a warning to each image of a plan whose edit changes nothing in another kustomization
/// that has the same container and reads the edited file. `reads`: whether the kustomization at a
/// root reads a file. Containers that the plan changes in their own place need no warning.
pub(crate) fn warn_of_hidden_edits(
    plan: &mut Plan,
    edits: &[Vec<ScalarEdit>],
    images: &BuiltImages,
    reads: impl Fn(&str, &str) -> bool,
) {
    let all = images.all.iter();
    let unchanged: Vec<&BuiltImage> = all.filter(|one| !is_changed(one, plan)).collect();
    for (change, edits) in plan.changes.iter_mut().zip(edits) {
        let workload = change.clone();
        for image in &mut change.images {
            let own = images.position(&workload, image).map(|at| &images.all[at]);
            let Some(own) = own else { continue };
            let places: Vec<_> = own.places().collect();
            for edit in edits.iter().filter(|edit| places.contains(&edit.place)) {
                let hidden = unchanged.iter().filter(|other| {
                    other.is_counterpart_of(own)
                        && reads(&other.root, &edit.place.file)
                        && other.places().all(|place| place != edit.place)
                });
                for other in hidden {
                    let warning = warning(edit, other);
                    if !image.warnings.contains(&warning) {
                        image.warnings.push(warning);
                    }
                }
            }
        }
    }
}

/// Whether a plan changes an image.
fn is_changed(built: &BuiltImage, plan: &Plan) -> bool {
    plan.changes.iter().any(|change| {
        let mut images = change.images.iter();
        built.is_of(change) && images.any(|image| image.container == built.container)
    })
}

fn warning(edit: &ScalarEdit, other: &BuiltImage) -> Warning {
    let mut places: Vec<String> = other.places().map(|place| shown_place(&place)).collect();
    places.dedup();
    let decides = match places.as_slice() {
        [] => "another place decides".to_owned(),
        [one] => format!("{one} decides"),
        several => format!("{} decide", several.join(" and ")),
    };
    Warning::new(
        WarningCode::HiddenEdit,
        format!(
            "{} changes nothing in {}: {decides} the image of {} container {} there",
            shown(edit),
            other.root,
            other.workload.id,
            other.container
        ),
    )
}
