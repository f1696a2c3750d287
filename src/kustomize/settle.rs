//! Settles a plan on what is built from the edited files.

use std::collections::BTreeMap;

use super::build::{BuiltKustomization, KustomizeBuilder};
use crate::manifest::{SettleOptions, SettleRoot, Settler};
use crate::plan::Plan;

/// Narrows and completes a plan until editing the files gives exactly its images, and returns
/// the files that change, with their new texts. Changes that cannot be made are held back.
/// Each change gets the place where it is written as its source. All kustomizations that may
/// share files are settled together.
pub async fn settle(
    plan: &mut Plan,
    kustomizations: &[BuiltKustomization],
    builder: &KustomizeBuilder,
    options: SettleOptions<'_>,
) -> BTreeMap<String, String> {
    let roots = kustomizations.iter().map(|kustomization| SettleRoot {
        tree: &kustomization.tree,
        built: &kustomization.built,
    });
    let settler = Settler::new(roots.collect(), options);
    // Each round holds a change back or adds an image, so the loop ends.
    loop {
        let draft = settler.draft(plan);
        let mut after = Vec::new();
        for (root, kustomization) in kustomizations.iter().enumerate() {
            after.push(if settler.is_affected(root, &draft) {
                Some(builder.build_edited(kustomization, &draft.texts).await)
            } else {
                None
            });
        }
        if let Some(texts) = settler.judge(plan, draft, &after) {
            return texts;
        }
    }
}
