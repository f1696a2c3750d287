//! Writes a plan into the files of kustomizations, and what is not built into plain files.
//!
//! The files are read again, and the edits are computed from their current texts. The
//! kustomizations are built before and after the edits: exactly the planned images may differ,
//! otherwise nothing is written. If one of several files cannot be written, those
//! that were written get their old texts back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;

use crate::files::{FileListing, RewriteError, RewriteTurn, rewrite_in_turn};
use crate::kustomize::{BuiltKustomization, KustomizeBuilder, settle};
use crate::manifest::SettleOptions;
use crate::plan::{Change, Edit, HeldBack, Overrides, Plan, Refusal};
use crate::policy::{PolicySources, ScheduleFlags, WarningCode};
use crate::write::files::file_writer::{
    FileWriter, RewrittenFile, TRIES, WrittenFiles, write_files,
};
use crate::write::{Applied, Done, DryRun, WriteError};

/// How the files of kustomizations are written.
#[derive(Debug, Clone)]
pub struct KustomizationWriter<'a> {
    /// Whether this is a dry run.
    pub dry_run: DryRun,
    /// The kustomizations as they were read.
    pub kustomizations: &'a [BuiltKustomization],
    /// How they are built.
    pub builder: &'a KustomizeBuilder,
    /// How changes without a kustomization are written; `None`: there are none.
    pub files: Option<FileWriter<'a>>,
    /// The namespace of an object that does not name one.
    pub default_namespace: &'a str,
    /// The safeguards that are overridden.
    pub overrides: Overrides,
    /// The time of the write.
    pub at: Timestamp,
    /// The folder of the locks on files; `None`: there are none.
    pub locks: Option<&'a Path>,
    /// The journal of a run that commits.
    pub journal: Option<&'a Path>,
}

/// Writes every change of the plan. The results are in the plan's order. `refusals` has one
/// entry per change: why it may not be written.
pub async fn write_kustomizations(
    plan: &Plan,
    refusals: Vec<Option<Refusal>>,
    writer: &KustomizationWriter<'_>,
) -> WrittenFiles {
    let mut built = PlanPart::default();
    let mut plain = PlanPart::default();
    for (at, (change, refusal)) in plan.changes.iter().zip(refusals).enumerate() {
        let part = if change.root.is_some() {
            &mut built
        } else {
            &mut plain
        };
        part.add(at, change, refusal);
    }
    plain.plan.markers.clone_from(&plan.markers);
    let (results, rewritten) = writer.write_built(&built.plan, &built.refusals).await;
    let mut all: Vec<(usize, Applied)> = built.positions.into_iter().zip(results).collect();
    let mut written = match &writer.files {
        Some(files) => write_files(&plain.plan, plain.refusals, files),
        None => WrittenFiles::default(),
    };
    let mut edits: Vec<Option<Edit>> = plan.changes.iter().map(|_| None).collect();
    for (at, edit) in plain.positions.iter().zip(written.edits) {
        edits[*at] = edit;
    }
    written.edits = edits;
    all.extend(plain.positions.into_iter().zip(written.applied));
    all.sort_by_key(|(at, _)| *at);
    written.applied = all.into_iter().map(|(_, applied)| applied).collect();
    // The first ones, as they were before the others.
    written.rewritten.splice(0..0, rewritten);
    written
}

/// The changes of a plan that are written in the same way.
#[derive(Default)]
struct PlanPart {
    /// Their positions in the whole plan.
    positions: Vec<usize>,
    plan: Plan,
    refusals: Vec<Option<Refusal>>,
}

impl PlanPart {
    fn add(&mut self, at: usize, change: &Change, refusal: Option<Refusal>) {
        self.positions.push(at);
        self.plan.changes.push(change.clone());
        self.refusals.push(refusal);
    }
}

/// One result per change.
type ChangeResults = Vec<Result<Done, WriteError>>;

impl KustomizationWriter<'_> {
    /// What would be written for each change besides images; `None` if it is built by a
    /// kustomization, where nothing else is written.
    pub(crate) fn edits(&self, plan: &Plan) -> Vec<Option<Edit>> {
        let mut plain = PlanPart::default();
        for (at, change) in plan.changes.iter().enumerate() {
            if change.root.is_none() {
                plain.add(at, change, None);
            }
        }
        let mut edits: Vec<Option<Edit>> = plan.changes.iter().map(|_| None).collect();
        if let Some(files) = &self.files {
            for (at, edit) in plain.positions.into_iter().zip(files.edits(&plain.plan)) {
                edits[at] = edit;
            }
        }
        edits
    }

    /// The files that the plan writes, as things are.
    pub(crate) async fn files(&self, plan: &Plan) -> BTreeSet<String> {
        let mut built = plan.clone();
        built.changes.retain(|change| change.root.is_some());
        let mut plain = plan.clone();
        plain.changes.retain(|change| change.root.is_none());
        let mut files: BTreeSet<String> = plain.files().into_iter().map(str::to_owned).collect();
        if !built.changes.is_empty() {
            let elsewhere = self.files.as_ref().map(FileWriter::policy_sources);
            let options = self.settle_options(elsewhere.as_ref());
            let settling = settle(&mut built, self.kustomizations, self.builder, options);
            files.extend(settling.await.into_keys());
        }
        files
    }

    /// How the plan is settled before it is written. `elsewhere`: the policies outside the
    /// kustomizations.
    fn settle_options<'s>(&'s self, elsewhere: Option<&'s PolicySources>) -> SettleOptions<'s> {
        static NONE: PolicySources = PolicySources {
            image_policies: Vec::new(),
            namespaces: BTreeMap::new(),
            schedule: ScheduleFlags::NONE,
        };
        SettleOptions {
            default_namespace: self.default_namespace,
            sources: elsewhere.unwrap_or(&NONE),
            overrides: self.overrides,
            may_add: false,
            at: self.at,
        }
    }

    /// Writes the changes to what kustomizations build.
    async fn write_built(
        &self,
        plan: &Plan,
        refusals: &[Option<Refusal>],
    ) -> (Vec<Applied>, Vec<RewrittenFile>) {
        if plan.changes.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let mut tries = TRIES;
        loop {
            tries -= 1;
            match self.write(plan, refusals).await {
                Err(RewriteError::Changed { .. }) if tries > 0 => {}
                Err(error) => return (all_failed(plan, &error.to_string()), Vec::new()),
                Ok((results, rewritten)) => return (applied(plan, results), rewritten),
            }
        }
    }

    /// # Errors
    ///
    /// A file could not be written. Then none is changed.
    async fn write(
        &self,
        plan: &Plan,
        refusals: &[Option<Refusal>],
    ) -> Result<(ChangeResults, Vec<RewrittenFile>), RewriteError> {
        let mut kustomizations = Vec::new();
        for kustomization in self.kustomizations {
            match self.builder.read_again(kustomization).await {
                Ok(kustomization) => kustomizations.push(kustomization),
                Err(error) => return Ok((all(plan, &error.to_string()), Vec::new())),
            }
        }
        let listings: Vec<FileListing> = kustomizations
            .iter()
            .map(|BuiltKustomization { tree, built, .. }| {
                FileListing::of_kustomization(tree, built, self.default_namespace)
            })
            .collect();
        let elsewhere = self.files.as_ref().map(FileWriter::policy_sources);
        let elsewhere = elsewhere.unwrap_or_default();
        let mut rewritten = Vec::new();
        let refused = refused(plan, refusals, &listings, &elsewhere, self.at);
        let mut rest = Plan {
            changes: plan
                .changes
                .iter()
                .zip(&refused)
                .filter(|(_, refusal)| refusal.is_none())
                .map(|(change, _)| change.clone())
                .collect(),
            ..Plan::default()
        };
        let options = self.settle_options(Some(&elsewhere));
        let texts = settle(&mut rest, &kustomizations, self.builder, options).await;
        if self.dry_run == DryRun::None {
            rewritten = self.rewrite(&kustomizations, texts)?;
        }
        let results = plan.changes.iter().zip(refused).map(|(change, refusal)| {
            let held = rest.held_back.iter().find(|held| is_about(held, change));
            match (refusal, held) {
                (Some(refusal), _) => Err(WriteError::from(refusal)),
                (None, Some(held)) => Err(WriteError::File(held.message.clone())),
                (None, None) => Ok(Done::Written),
            }
        });
        Ok((results.collect(), rewritten))
    }

    pub(crate) fn turn(&self) -> RewriteTurn<'_> {
        RewriteTurn {
            locks: self.locks,
            journal: self.journal,
        }
    }

    /// Writes the new texts. If one cannot be written, the others get their old texts back.
    fn rewrite(
        &self,
        kustomizations: &[BuiltKustomization],
        texts: BTreeMap<String, String>,
    ) -> Result<Vec<RewrittenFile>, RewriteError> {
        let mut written: Vec<RewrittenFile> = Vec::new();
        for (file, new) in texts {
            let mut trees = kustomizations.iter().map(|own| &own.tree);
            let old = trees.find_map(|tree| tree.text(&file)).unwrap_or_default();
            if let Err(error) = rewrite_in_turn(Path::new(&file), old, &new, self.turn()) {
                for RewrittenFile { file, old, new } in written {
                    // Somebody else's later change is kept.
                    let _ = rewrite_in_turn(Path::new(&file), &new, &old, self.turn());
                }
                return Err(error);
            }
            let old = old.to_owned();
            written.push(RewrittenFile { file, old, new });
        }
        Ok(written)
    }
}

/// Why changes may not be written, as the files are now.
fn refused(
    plan: &Plan,
    refusals: &[Option<Refusal>],
    listings: &[FileListing],
    elsewhere: &PolicySources,
    at: Timestamp,
) -> Vec<Option<Refusal>> {
    let mut sources = elsewhere.clone();
    for (_, object) in listings.iter().flat_map(|listing| &listing.objects) {
        sources.add(object);
    }
    let changes = plan.changes.iter().zip(refusals);
    changes
        .map(|(change, refusal)| {
            let mut workloads = listings.iter().flat_map(|listing| &listing.workloads);
            let workload = workloads.find(|workload| change.is_for(workload));
            refusal.clone().or_else(|| {
                // A workload that is gone is found when the edits are computed.
                change.check_policies(workload?, &sources, at).err()
            })
        })
        .collect()
}

fn is_about(held: &HeldBack, change: &Change) -> bool {
    held.workload == change.workload && held.root == change.root
}

fn all(plan: &Plan, message: &str) -> ChangeResults {
    let changes = plan.changes.iter();
    changes
        .map(|_| Err(WriteError::File(message.to_owned())))
        .collect()
}

fn all_failed(plan: &Plan, message: &str) -> Vec<Applied> {
    applied(plan, all(plan, message))
}

fn applied(plan: &Plan, results: ChangeResults) -> Vec<Applied> {
    let changes = plan.changes.iter().zip(results);
    changes
        .map(|(change, result)| Applied {
            workload: change.workload.clone(),
            source: change.source.clone(),
            notes: match &result {
                Ok(_) => unconfirmed(change),
                Err(_) => Vec::new(),
            },
            result,
            stuck: Vec::new(),
        })
        .collect()
}

/// The images that no registry has confirmed.
fn unconfirmed(change: &Change) -> Vec<String> {
    let images = change.images.iter().filter(|image| {
        let mut warnings = image.warnings.iter();
        warnings.any(|warning| warning.code == WarningCode::Unconfirmed)
    });
    images
        .map(|image| format!("no registry has confirmed that {} exists", image.to))
        .collect()
}
