//! Kustomizations that were built, as the origin of workloads.

use std::path::Path;

use jiff::Timestamp;

use crate::cli::error::CommandError;
use crate::cli::flags::scope::{KustomizationFlags, PlaceFlags};
use crate::cli::runtime::{interrupt, runtime, unless_interrupted};
use crate::collect::AppliedFolders;
use crate::files::{FileListing, has_kustomization};
use crate::kustomize::{BuiltKustomization, KustomizeBuilder, settle};
use crate::manifest::SettleOptions;
use crate::plan::{Overrides, Plan};
use crate::policy::PolicySources;
use crate::registry::Cache;
use crate::workload::AppliedBy;

/// Kustomizations that were read, and how they are built again.
pub(crate) struct KustomizationOrigin {
    pub(crate) kustomizations: Vec<BuiltKustomization>,
    pub(crate) builder: KustomizeBuilder,
    /// The policies that are written elsewhere.
    pub(crate) sources: PolicySources,
}

/// How a plan for them is settled.
pub(crate) struct Settling<'a> {
    pub(crate) default_namespace: &'a str,
    pub(crate) overrides: Overrides,
    /// See [`SettleOptions::may_add`].
    pub(crate) may_add: bool,
    /// See [`SettleOptions::at`].
    pub(crate) at: Timestamp,
}

impl KustomizationOrigin {
    /// Narrows and completes a plan until what is built can be written.
    ///
    /// # Errors
    ///
    /// Ctrl-C was pressed. Nothing was written.
    pub(crate) fn settle(
        &self,
        plan: &mut Plan,
        settling: &Settling<'_>,
    ) -> Result<(), CommandError> {
        let options = SettleOptions {
            default_namespace: settling.default_namespace,
            sources: &self.sources,
            overrides: settling.overrides,
            may_add: settling.may_add,
            at: settling.at,
        };
        let (mut built, plain) = std::mem::take(&mut plan.changes)
            .into_iter()
            .partition(|change| change.root.is_some());
        std::mem::swap(&mut plan.changes, &mut built);
        if !plan.changes.is_empty() {
            let settling = settle(plan, &self.kustomizations, &self.builder, options);
            unless_interrupted(runtime()?, settling)?;
        }
        plan.add_changes(plain);
        Ok(())
    }
}

/// Builds the kustomizations among the files of `-f`, as their owners among them, of Flux and
/// Argo CD, apply them, and adds their results to the listing; `None` if there is none.
///
/// # Errors
///
/// Ctrl-C was pressed.
pub(crate) async fn built_roots(
    flags: &KustomizationFlags,
    place: &PlaceFlags,
    listing: &mut FileListing,
    default_namespace: &str,
    cache: &Cache,
) -> Result<Option<KustomizationOrigin>, CommandError> {
    let builder = flags.builder(cache);
    let mut built = Vec::new();
    for folder in std::mem::take(&mut listing.roots) {
        match unless_stopped(builder.read(&folder, None)).await? {
            Ok(kustomization) => built.push((folder, kustomization)),
            Err(error) => listing.errors.push(error),
        }
    }
    // The owners may themselves be built.
    let mut objects = listing.objects.clone();
    objects.extend(listing.applications.iter().cloned());
    for (_, kustomization) in &built {
        let listing = listed(kustomization, default_namespace);
        objects.extend(listing.objects.into_iter().chain(listing.applications));
    }
    let applied = AppliedFolders::find(objects.iter(), &place.filename);
    let mut kustomizations = Vec::new();
    for folder in applied.of_flux(&place.filename) {
        if let Some(kustomization) = generated(&folder, &applied, &builder, listing).await? {
            listing.remove_built(&kustomization.tree);
            let paths = &kustomization.tree.paths;
            built.retain(|(_, built)| !paths.contains_key(&built.tree.root));
            kustomizations.push(kustomization);
        }
    }
    let sources = policy_sources(listing);
    for kustomization in &kustomizations {
        listing.append(listed(kustomization, default_namespace));
    }
    for (folder, kustomization) in built {
        let owners = applied.owners(&folder);
        let kustomization = match owners.as_slice() {
            several if !several.iter().any(|owner| owner.has_changes) => Ok(kustomization),
            [owner] => unless_stopped(builder.read(&folder, Some(owner))).await?,
            several => {
                listing.notes.push(applied_by_several(&folder, several));
                Ok(kustomization)
            }
        };
        match kustomization {
            Ok(kustomization) => {
                listing.append(listed(&kustomization, default_namespace));
                kustomizations.push(kustomization);
            }
            Err(error) => listing.errors.push(error),
        }
    }
    Ok((!kustomizations.is_empty()).then_some(KustomizationOrigin {
        kustomizations,
        builder,
        sources,
    }))
}

/// Builds a folder without a kustomization as a Kustomization of Flux applies it: Flux generates
/// one. `None`: it has one, or is applied as it is, or cannot be built.
///
/// # Errors
///
/// Ctrl-C was pressed.
async fn generated(
    folder: &Path,
    applied: &AppliedFolders,
    builder: &KustomizeBuilder,
    listing: &mut FileListing,
) -> Result<Option<BuiltKustomization>, CommandError> {
    let owners = applied.owners(folder);
    let has_changes = owners.iter().any(|owner| owner.has_changes);
    if !has_changes || has_kustomization(folder) {
        return Ok(None);
    }
    let [owner] = owners.as_slice() else {
        listing.notes.push(applied_by_several(folder, &owners));
        return Ok(None);
    };
    match unless_stopped(builder.read(folder, Some(owner))).await? {
        Ok(kustomization) => Ok(Some(kustomization)),
        Err(error) => {
            listing.errors.push(error);
            Ok(None)
        }
    }
}

fn listed(kustomization: &BuiltKustomization, default_namespace: &str) -> FileListing {
    let BuiltKustomization { tree, built, .. } = kustomization;
    FileListing::of_kustomization(tree, built, default_namespace)
}

/// The note about a folder to which several owners make different changes.
fn applied_by_several(folder: &Path, owners: &[AppliedBy]) -> String {
    let places: Vec<String> = owners.iter().map(ToString::to_string).collect();
    let mut kinds: Vec<&str> = owners.iter().map(AppliedBy::kinds).collect();
    kinds.dedup();
    format!(
        "{} is applied by several {} ({}), so it is shown as it is without them",
        folder.display(),
        kinds.join(" and "),
        places.join(", ")
    )
}

/// The policies of the Kustomizations among the files.
fn policy_sources(listing: &FileListing) -> PolicySources {
    let mut sources = PolicySources::default();
    for (_, object) in &listing.objects {
        sources.add(object);
    }
    sources
}

/// Waits for a build, until Ctrl-C. The private copy of the files is then removed.
///
/// # Errors
///
/// Ctrl-C was pressed.
pub(crate) async fn unless_stopped<T>(build: impl Future<Output = T>) -> Result<T, CommandError> {
    tokio::select! {
        built = build => Ok(built),
        () = interrupt() => Err(CommandError::interrupted()),
    }
}
