//! From a plan to edited files that give exactly the images of the plan.
//!
//! One line may decide several images: a shared base, an anchor, a patch of many workloads, or
//! an entry for two containers. What a line moves along becomes a change of the plan, too, so
//! that it is shown and confirmed. If that is not allowed, the changes that need the line are
//! held back.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::difference::changed_scalars;
use super::hidden_edits::warn_of_hidden_edits;
use super::images::{BuiltImage, BuiltImages};
use super::scalar_edits::{ImageEdits, ScalarEdit};
use super::shared_edits::{RefusedChanges, contradictions, distinct, sharing, shown};
use super::splice_files::splice_files;
use crate::image::ImageReference;
use crate::manifest::kustomize::build::Built;
use crate::manifest::kustomize::containers::ImageScalars;
use crate::manifest::kustomize::error::BuildError;
use crate::manifest::kustomize::source::{SourceTree, is_inside};
use crate::manifest::kustomize::traced::ScalarPlace;
use crate::plan::{Basis, Change, HoldReason, ImageChange, Overrides, Plan};
use crate::policy::{PolicySources, Resolved};
use crate::workload::{ManifestSource, WorkloadId};

/// How a plan is settled.
#[derive(Debug, Clone, Copy)]
pub struct SettleOptions<'a> {
    /// The namespace of an object that names none.
    pub default_namespace: &'a str,
    /// Policies that are written outside the kustomizations.
    pub sources: &'a PolicySources,
    /// The safeguards that are overridden.
    pub overrides: Overrides,
    /// Whether what a line moves along may be added to the plan. Only before the plan is
    /// checked and shown.
    pub may_add: bool,
    /// The time at which images are written.
    pub at: Timestamp,
}

/// The images that edits should give, by their positions.
type ExpectedImages = BTreeMap<usize, String>;

/// What the comparison of two builds finds.
enum SettleComparison {
    Equal,
    HoldBack(RefusedChanges),
    /// The positions of images that move along, the new ones, and the line that moves them.
    Add(Vec<(usize, ImageReference, String)>),
}

/// Narrows and completes a plan until editing the files gives exactly its images. It makes a
/// [draft](Self::draft), which must be built, and [judges](Self::judge) the result, until
/// nothing is left to object to.
#[derive(Debug)]
pub struct Settler<'a> {
    roots: Vec<SettleRoot<'a>>,
    images: BuiltImages,
    sources: PolicySources,
    options: SettleOptions<'a>,
}

/// A kustomization, and what was built from it.
#[derive(Debug, Clone, Copy)]
pub struct SettleRoot<'a> {
    /// Its files.
    pub tree: &'a SourceTree,
    /// Its objects.
    pub built: &'a Built,
}

/// Edited files that might give the images of a plan.
#[derive(Debug)]
pub struct SettleDraft {
    /// The files that change, with their new texts; empty if the plan is.
    pub texts: BTreeMap<String, String>,
    /// The edits of each change.
    edits: Vec<Vec<ScalarEdit>>,
    results: ExpectedImages,
}

impl<'a> Settler<'a> {
    /// Several kustomizations are settled together, because they may share files.
    #[must_use]
    pub fn new(roots: Vec<SettleRoot<'a>>, options: SettleOptions<'a>) -> Self {
        let builds: Vec<(&str, &Built)> = roots
            .iter()
            .map(|root| (root.tree.root.as_str(), root.built))
            .collect();
        let images = BuiltImages::read(&builds, options.default_namespace);
        let mut sources = options.sources.clone();
        let own = images.sources().image_policies.iter();
        sources.image_policies.extend(own.cloned());
        Self {
            roots,
            images,
            sources,
            options,
        }
    }

    /// Whether a draft changes a file of the root at this position.
    #[must_use]
    pub fn is_affected(&self, root: usize, draft: &SettleDraft) -> bool {
        let paths = &self.roots[root].tree.paths;
        draft.texts.keys().any(|file| paths.contains_key(file))
    }

    /// The edits for a plan. Changes that cannot be written are held back.
    #[must_use]
    pub fn draft(&self, plan: &mut Plan) -> SettleDraft {
        // Each round holds a change back, so the loop ends.
        loop {
            match self.edits_of_plan(plan) {
                Ok(draft) => return draft,
                Err(refused) => hold_back(plan, refused),
            }
        }
    }

    fn edits_of_plan(&self, plan: &Plan) -> Result<SettleDraft, RefusedChanges> {
        let mut refused = RefusedChanges::new();
        let mut edits = Vec::new();
        let mut results = BTreeMap::new();
        for (number, change) in plan.changes.iter().enumerate() {
            match self.edits(change) {
                Ok((own, expected)) => {
                    edits.push(own);
                    results.extend(expected);
                }
                Err(refusal) => {
                    edits.push(Vec::new());
                    refused.insert(number, refusal);
                }
            }
        }
        refused.extend(contradictions(&edits));
        if !refused.is_empty() {
            return Err(refused);
        }
        let flat: Vec<ScalarEdit> = distinct(&edits);
        let trees: Vec<&SourceTree> = self.roots.iter().map(|root| root.tree).collect();
        match splice_files(&trees, &flat) {
            Ok(texts) => Ok(SettleDraft {
                texts,
                edits,
                results,
            }),
            Err(message) => Err(all(plan, &message)),
        }
    }

    /// Compares what was built from a draft with the plan. `after` has the results of the roots
    /// that are affected. Returns the files that change, with
    /// their new texts, if it is as the plan says; each change then gets the place where it is
    /// written as its source. Otherwise the plan was narrowed, or completed by what moves
    /// along, and needs another draft.
    pub fn judge(
        &self,
        plan: &mut Plan,
        draft: SettleDraft,
        after: &[Option<Result<Built, BuildError>>],
    ) -> Option<BTreeMap<String, String>> {
        let mut builds = Vec::new();
        let mut copies = Vec::new();
        for (root, after) in self.roots.iter().zip(after) {
            let compared = match after {
                None => Ok(root.built),
                Some(Ok(after)) => other_changes(root.built, after, &draft).map(|found| {
                    copies.extend(found);
                    after
                }),
                Some(Err(error)) => Err(format!(
                    "after the edit, the kustomization could not be built: {error}"
                )),
            };
            match compared {
                Ok(after) => builds.push((root.tree.root.as_str(), after)),
                Err(message) => {
                    let refused = all(plan, &message);
                    hold_back(plan, refused);
                    return None;
                }
            }
        }
        match self.compare(plan, &draft, &builds) {
            SettleComparison::Equal => {
                self.describe(plan, &draft.edits, &copies);
                warn_of_hidden_edits(plan, &draft.edits, &self.images, |root, file| {
                    let mut roots = self.roots.iter();
                    roots.any(|own| own.tree.root == root && own.tree.paths.contains_key(file))
                });
                Some(draft.texts)
            }
            SettleComparison::HoldBack(refused) => {
                hold_back(plan, refused);
                None
            }
            SettleComparison::Add(found) => {
                self.add(plan, found);
                None
            }
        }
    }

    /// The edits of a change, and the images that they should give.
    fn edits(
        &self,
        change: &Change,
    ) -> Result<(Vec<ScalarEdit>, ExpectedImages), (HoldReason, String)> {
        let mut edits = Vec::new();
        let mut results = BTreeMap::new();
        for image in &change.images {
            let position = self.images.position(change, image);
            let found = position.map(|at| (at, &self.images.all[at]));
            let Some((at, built)) = found.filter(|(_, built)| built.image == image.from) else {
                let message = format!(
                    "container {} no longer has the image {}; run the command again",
                    image.container, image.from
                );
                return Err((HoldReason::ChangedSince, message));
            };
            let Some(scalars) = &built.scalars else {
                let message = "the place where this image is written was not found".to_owned();
                return Err((HoldReason::NotWritable, message));
            };
            let own = ImageEdits::new(scalars, &image.from, &image.to)
                .map_err(|reason| (HoldReason::NotWritable, reason))?;
            edits.extend(own.edits);
            results.insert(at, own.result);
        }
        Ok((edits, results))
    }

    /// Compares the images of the edited kustomization with those of the plan.
    fn compare(
        &self,
        plan: &Plan,
        draft: &SettleDraft,
        after: &[(&str, &Built)],
    ) -> SettleComparison {
        let mut refused = RefusedChanges::new();
        let mut along = Vec::new();
        let after = BuiltImages::read(after, self.options.default_namespace);
        for (at, (old, new)) in self.images.all.iter().zip(&after.all).enumerate() {
            let wanted = draft.results.get(&at);
            if wanted.unwrap_or(&old.image) == &new.image {
                continue;
            }
            let sharing = sharing(old, &draft.edits);
            if let Some(wanted) = wanted {
                let message = format!(
                    "after the edit, container {} would have {}, not {wanted}: another place \
                     decides it, too",
                    old.container, new.image
                );
                let own = plan.changes.iter().position(|change| old.is_of(change));
                refused.extend(own.map(|n| (n, (HoldReason::NotWritable, message))));
                continue;
            }
            let line = sharing
                .iter()
                .next()
                .map(|(_, line)| line.clone())
                .unwrap_or_default();
            let image = new.image.parse::<ImageReference>();
            let why = || format!("which would have the invalid image {}", new.image);
            let refusal = self.refusal(old);
            match refusal.map_or_else(|| image.map_err(|_| (HoldReason::NotWritable, why())), Err) {
                Err((hold, why)) => {
                    let name = self.name(&old.workload.id, &old.root);
                    let message = format!(
                        "{line} also decides {name} container {}, {why}",
                        old.container
                    );
                    let mut numbers: BTreeSet<usize> =
                        sharing.iter().map(|(number, _)| *number).collect();
                    if numbers.is_empty() {
                        numbers.extend(0..plan.changes.len());
                    }
                    refused.extend(numbers.into_iter().map(|n| (n, (hold, message.clone()))));
                }
                Ok(image) => along.push((at, image, line)),
            }
        }
        if !refused.is_empty() {
            return SettleComparison::HoldBack(refused);
        }
        if !along.is_empty() {
            return SettleComparison::Add(along);
        }
        SettleComparison::Equal
    }

    /// Why an image must not be moved along.
    fn refusal(&self, image: &BuiltImage) -> Option<(HoldReason, String)> {
        let overrides = self.options.overrides;
        let resolved = image.resolved(&self.sources)?;
        let closure = resolved.closure(self.options.at);
        let Resolved {
            lock,
            ignored,
            policy,
            ..
        } = resolved;
        if ignored {
            return Some((HoldReason::Ignored, "which is ignored".to_owned()));
        }
        if lock.is_some() && !overrides.lock {
            return Some((HoldReason::Locked, "which is locked".to_owned()));
        }
        if let Some(closure) = closure.filter(|_| !overrides.window) {
            let why = format!("for which {closure}");
            return Some((HoldReason::WaitingForWindow, why));
        }
        if policy.is_some() && !overrides.policy {
            let why = "which has a policy, and this command does not give it the same image";
            return Some((HoldReason::NotWritable, why.to_owned()));
        }
        if !self.options.may_add {
            let why = "which is not part of the plan";
            return Some((HoldReason::NotWritable, why.to_owned()));
        }
        None
    }

    /// Adds images that move along to the plan.
    fn add(&self, plan: &mut Plan, found: Vec<(usize, ImageReference, String)>) {
        for (at, to, line) in found {
            let built = &self.images.all[at];
            let image = ImageChange {
                message: format!("{line} decides it, too"),
                ..ImageChange::new(
                    built.container.clone(),
                    built.container_type,
                    built.image.clone(),
                    to,
                )
            };
            let mut changes = plan.changes.iter_mut();
            match changes.find(|change| built.is_of(change)) {
                Some(change) => change.images.push(image),
                None => plan.changes.push(Change {
                    workload: built.workload.id.clone(),
                    source: None,
                    root: Some(built.root.clone()),
                    images: vec![image],
                    policy: None,
                    is_rollback: false,
                    notes: Vec::new(),
                    basis: Basis::default(),
                }),
            }
        }
        plan.sort();
    }

    /// A workload, with its kustomization if there are several.
    fn name(&self, workload: &WorkloadId, root: &str) -> String {
        match self.roots.as_slice() {
            [_] => workload.to_string(),
            _ => format!("{workload} in {root}"),
        }
    }

    /// Notes which of the edited lines decide each image of a change.
    fn add_lines(&self, change: &mut Change, edits: &[ScalarEdit]) {
        let mut lines = Vec::new();
        for image in &change.images {
            let position = self.images.position(change, image);
            let scalars = position.and_then(|at| self.images.all[at].scalars.as_ref());
            let places = scalars.into_iter().flat_map(ImageScalars::deciding);
            let places: Vec<_> = places.map(|(_, origin)| &origin.place).collect();
            let own = edits.iter().filter(|edit| places.contains(&&edit.place));
            let own: BTreeSet<ManifestSource> = own.map(|edit| source(&edit.place)).collect();
            lines.push(own.into_iter().collect());
        }
        for (image, lines) in change.images.iter_mut().zip(lines) {
            image.lines = lines;
        }
    }

    /// Notes where each change is written, and what else the same line decides.
    fn describe(&self, plan: &mut Plan, edits: &[Vec<ScalarEdit>], copies: &[(String, String)]) {
        let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (change, edits) in plan.changes.iter().zip(edits) {
            for edit in edits {
                let names = users.entry(shown(edit)).or_default();
                let root = change.root.as_deref().unwrap_or_default();
                names.insert(self.name(&change.workload, root));
            }
        }
        for (change, edits) in plan.changes.iter_mut().zip(edits) {
            let Some(first) = edits.first() else { continue };
            change.source = Some(source(&first.place));
            self.add_lines(change, edits);
            for edit in edits {
                let place = shown(edit);
                let mut notes = vec![format!("written at {place}")];
                let names = users.get(&place).filter(|names| names.len() > 1);
                notes.extend(names.map(|names| {
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    format!("{place} decides {}", names.join(", "))
                }));
                let file = &edit.place.file;
                let root = change.root.as_deref().unwrap_or_default();
                let mut trees = self.roots.iter().map(|root| root.tree);
                let is_of_owner =
                    trees.any(|tree| tree.root == root && tree.owner_file() == Some(&**file));
                notes.extend((!is_of_owner && !is_inside(file, root)).then(|| {
                    format!(
                        "{file} is outside {root}; others that include it may get the same image"
                    )
                }));
                let others = self.images.uncovered_at(&edit.place);
                notes.extend(others.map(|other| format!("{place} also decides {other}")));
                let copies = copies.iter().filter(|(edited, _)| *edited == place);
                notes.extend(copies.map(|(_, copy)| format!("{place} also decides {copy}")));
                for note in notes {
                    if !change.notes.contains(&note) {
                        change.notes.push(note);
                    }
                }
            }
        }
    }
}

/// The line of a scalar.
fn source(place: &ScalarPlace) -> ManifestSource {
    ManifestSource {
        file: place.file.to_string(),
        line: place.line,
    }
}

/// What changes besides images: values in other objects that are copies of an edited one,
/// such as the source of a replacement, each with the edited place.
///
/// # Errors
///
/// Anything else changes; the reason as a sentence.
fn other_changes(
    before: &Built,
    after: &Built,
    draft: &SettleDraft,
) -> Result<Vec<(String, String)>, String> {
    let Some(scalars) = changed_scalars(before, after) else {
        return Err("the edit would change the objects themselves, not only images".to_owned());
    };
    let edits: Vec<&ScalarEdit> = draft.edits.iter().flatten().collect();
    let mut copies = Vec::new();
    for scalar in scalars {
        let object = &before.objects[scalar.object];
        if scalar.is_image(object) {
            continue;
        }
        let id = object.id();
        let name = format!("{} of {} {}", scalar.path.join("."), id.kind, id.name);
        let Some(edit) = scalar.edit_of_copy(object, &edits) else {
            let mut places: Vec<String> = edits.iter().map(|edit| shown(edit)).collect();
            places.dedup();
            return Err(format!(
                "the edit of {} would also change {name}; change it by hand",
                places.join(", ")
            ));
        };
        copies.push((shown(edit), name));
    }
    Ok(copies)
}

/// The same reason for every change.
fn all(plan: &Plan, message: &str) -> RefusedChanges {
    let numbers = 0..plan.changes.len();
    let reason = || (HoldReason::NotWritable, message.to_owned());
    numbers.map(|number| (number, reason())).collect()
}

fn hold_back(plan: &mut Plan, refused: RefusedChanges) {
    let changes = std::mem::take(&mut plan.changes);
    for (number, change) in changes.into_iter().enumerate() {
        match refused.get(&number) {
            Some((hold, message)) => plan.hold_back(&change, *hold, message),
            None => plan.changes.push(change),
        }
    }
}
