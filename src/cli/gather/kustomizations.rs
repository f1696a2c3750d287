//! Kustomizations that were built, as the origin of workloads.

use crate::cli::error::CommandError;
use crate::cli::runtime::{interrupt, runtime, unless_interrupted};
use crate::files::FileListing;
use crate::kustomize::{BuiltKustomization, KustomizeBuilder, settle};
use crate::manifest::SettleOptions;
use crate::plan::{Overrides, Plan};
use crate::policy::{ImagePolicies, PolicySources};

/// The namespace of a Kustomization that does not name one, as for decisions.
const DEFAULT_NAMESPACE: &str = "default";

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

/// The policies of the Kustomizations among the files.
pub(crate) fn policy_sources(listing: &FileListing) -> PolicySources {
    let objects = listing.objects.iter();
    PolicySources {
        image_policies: objects
            .filter_map(|(_, object)| ImagePolicies::read(object, DEFAULT_NAMESPACE))
            .collect(),
    }
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
