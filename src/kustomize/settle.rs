//! Settles a plan on what is built from the edited files.

use std::collections::BTreeMap;

use super::build::{BuiltKustomization, KustomizeBuilder};
use crate::manifest::{SettleOptions, Settler};
use crate::plan::Plan;

/// Narrows and completes a plan until editing the files gives exactly its images, and returns
/// the files that change, with their new texts. Changes that cannot be made are held back.
/// Each change gets the place where it is written as its source.
pub async fn settle(
    plan: &mut Plan,
    kustomization: &BuiltKustomization,
    builder: &KustomizeBuilder,
    options: SettleOptions<'_>,
) -> BTreeMap<String, String> {
    let settler = Settler::new(&kustomization.tree, &kustomization.built, options);
    // Each round holds a change back or adds an image, so the loop ends.
    loop {
        let draft = settler.draft(plan);
        let after = if draft.texts.is_empty() {
            Ok(kustomization.built.clone())
        } else {
            builder.build_edited(kustomization, &draft.texts).await
        };
        if let Some(texts) = settler.judge(plan, draft, after.as_ref()) {
            return texts;
        }
    }
}
