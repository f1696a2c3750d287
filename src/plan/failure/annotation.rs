//! The annotation that lists the images whose rollouts failed.

use std::collections::BTreeSet;

use crate::plan::edit::Edit;
use crate::policy::{AnnotationKey, FailedRollout};
use crate::workload::Workload;

/// Adds failures to the annotation of a workload. One that cannot be read is replaced.
pub(crate) fn add_failures(edit: &mut Edit, workload: &Workload, new: &[FailedRollout]) {
    let known = FailedRollout::from_annotations(&workload.annotations).unwrap_or_default();
    let containers: BTreeSet<&str> = workload
        .containers
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    write(
        edit,
        workload,
        &FailedRollout::merged(&known, new, &containers),
    );
}

/// Sets the annotation, unless it is the same already.
pub(super) fn write(edit: &mut Edit, workload: &Workload, failures: &[FailedRollout]) {
    let key = AnnotationKey::Failed.to_string();
    let text = FailedRollout::to_text(failures);
    if workload.annotations.get(&key) != text.as_ref() {
        edit.annotations.insert(key, text);
    }
}
