//! Writes a plan into the files of a kustomization.
//!
//! The files are read again, and the edits are computed from their current texts. The
//! kustomization is built before and after the edits, in memory: exactly the planned images
//! may differ, otherwise nothing is written. If one of several files cannot be written, those
//! that were written get their old texts back.

use std::collections::BTreeMap;
use std::path::Path;

use crate::files::{FileListing, RewriteError, rewrite_in_turn};
use crate::kustomize::{BuiltKustomization, KustomizeBuilder, settle};
use crate::manifest::{SettleOptions, SourceTree};
use crate::plan::{Change, HeldBack, Overrides, Plan, Refusal};
use crate::policy::{ImagePolicies, PolicySources, WarningCode};
use crate::write::{Applied, Done, DryRun, WriteError};

/// How often the files are written if others change one of them at the same moment.
const TRIES: u32 = 4;

/// The namespace of a Kustomization that does not name one, as for decisions.
const DEFAULT_NAMESPACE: &str = "default";

/// How the files of a kustomization are written.
#[derive(Debug, Clone, Copy)]
pub struct KustomizationWriter<'a> {
    /// Whether this is a dry run.
    pub dry_run: DryRun,
    /// The kustomization as it was read.
    pub kustomization: &'a BuiltKustomization,
    /// How it is built.
    pub builder: &'a KustomizeBuilder,
    /// The namespace of an object that does not name one.
    pub default_namespace: &'a str,
    /// The safeguards that are overridden.
    pub overrides: Overrides,
    /// The folder of the locks on files; `None`: there are none.
    pub locks: Option<&'a Path>,
}

/// Writes every change of the plan. The results are in the plan's order. `refusals` has one
/// entry per change: why it may not be written.
#[must_use]
pub async fn write_kustomization(
    plan: &Plan,
    refusals: Vec<Option<Refusal>>,
    writer: &KustomizationWriter<'_>,
) -> Vec<Applied> {
    let mut tries = TRIES;
    loop {
        tries -= 1;
        match writer.write(plan, &refusals).await {
            Err(RewriteError::Changed { .. }) if tries > 0 => {}
            Err(error) => return all_failed(plan, &error.to_string()),
            Ok(results) => return applied(plan, results),
        }
    }
}

/// One result per change.
type ChangeResults = Vec<Result<Done, WriteError>>;

impl KustomizationWriter<'_> {
    /// # Errors
    ///
    /// A file could not be written. Then none is changed.
    async fn write(
        &self,
        plan: &Plan,
        refusals: &[Option<Refusal>],
    ) -> Result<ChangeResults, RewriteError> {
        let kustomization = match self.builder.read_again(self.kustomization).await {
            Ok(kustomization) => kustomization,
            Err(error) => return Ok(all(plan, &error.to_string())),
        };
        let refused = self.refusals(plan, refusals, &kustomization);
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
        let options = SettleOptions {
            default_namespace: self.default_namespace,
            overrides: self.overrides,
            may_add: false,
        };
        let texts = settle(&mut rest, &kustomization, self.builder, options).await;
        if self.dry_run == DryRun::None {
            self.rewrite(&kustomization.tree, &texts)?;
        }
        let results = plan.changes.iter().zip(refused).map(|(change, refusal)| {
            let held = rest.held_back.iter().find(|held| is_about(held, change));
            match (refusal, held) {
                (Some(refusal), _) => Err(WriteError::from(refusal)),
                (None, Some(held)) => Err(WriteError::File(held.message.clone())),
                (None, None) => Ok(Done::Written),
            }
        });
        Ok(results.collect())
    }

    /// Why changes may not be written, as the files are now.
    fn refusals(
        &self,
        plan: &Plan,
        refusals: &[Option<Refusal>],
        kustomization: &BuiltKustomization,
    ) -> Vec<Option<Refusal>> {
        let BuiltKustomization { tree, built, .. } = kustomization;
        let listing = FileListing::of_kustomization(tree, built, self.default_namespace);
        let policies = listing.objects.iter();
        let sources = PolicySources {
            image_policies: policies
                .filter_map(|(_, object)| ImagePolicies::read(object, DEFAULT_NAMESPACE))
                .collect(),
        };
        let changes = plan.changes.iter().zip(refusals);
        changes
            .map(|(change, refusal)| {
                let mut workloads = listing.workloads.iter();
                let workload = workloads.find(|workload| workload.id == change.workload);
                refusal.clone().or_else(|| {
                    // A workload that is gone is found when the edits are computed.
                    change.check_policies(workload?, &sources).err()
                })
            })
            .collect()
    }

    /// Writes the new texts. If one cannot be written, the others get their old texts back.
    fn rewrite(
        &self,
        tree: &SourceTree,
        texts: &BTreeMap<String, String>,
    ) -> Result<(), RewriteError> {
        let mut written: Vec<(&str, &str, &str)> = Vec::new();
        for (file, new) in texts {
            let old = tree.text(file).unwrap_or_default();
            if let Err(error) = rewrite_in_turn(Path::new(file), old, new, self.locks) {
                for (file, old, new) in written {
                    // Somebody else's later change is kept.
                    let _ = rewrite_in_turn(Path::new(file), new, old, self.locks);
                }
                return Err(error);
            }
            written.push((file, old, new));
        }
        Ok(())
    }
}

fn is_about(held: &HeldBack, change: &Change) -> bool {
    held.workload == change.workload
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
