//! How files are written before they are committed.

use std::collections::BTreeSet;

use super::file_writer::{FileWriter, WrittenFiles, write_files};
use crate::files::RewriteTurn;
use crate::plan::{Edit, Override, Plan, Refusal};
use crate::write::applied::DryRun;
use crate::write::kustomization::{KustomizationWriter, write_kustomizations};

/// How files are written before they are committed.
#[derive(Debug, Clone)]
pub enum CommittedFiles<'a> {
    /// Each workload in its own document.
    Plain(FileWriter<'a>),
    /// Where kustomizations decide the images.
    Kustomizations(KustomizationWriter<'a>),
}

impl CommittedFiles<'_> {
    /// Whether this is a dry run, and of which kind.
    #[must_use]
    pub fn dry_run(&self) -> DryRun {
        match self {
            Self::Plain(writer) => writer.dry_run,
            Self::Kustomizations(writer) => writer.dry_run,
        }
    }

    /// What would be written for each change besides images.
    pub(crate) fn edits(&self, plan: &Plan) -> Vec<Option<Edit>> {
        match self {
            Self::Plain(writer) => writer.edits(plan),
            Self::Kustomizations(writer) => writer.edits(plan),
        }
    }

    /// The files that the plan writes.
    pub(crate) async fn names(&self, plan: &Plan) -> BTreeSet<String> {
        match self {
            Self::Plain(_) => plan.files().into_iter().map(str::to_owned).collect(),
            Self::Kustomizations(writer) => writer.files(plan).await,
        }
    }

    pub(crate) async fn write(&self, plan: &Plan, refusals: Vec<Option<Refusal>>) -> WrittenFiles {
        match self {
            Self::Plain(writer) => write_files(plan, refusals, writer),
            Self::Kustomizations(writer) => write_kustomizations(plan, refusals, writer).await,
        }
    }

    /// How plain documents are edited.
    pub(crate) fn plain(&self) -> Option<&FileWriter<'_>> {
        match self {
            Self::Plain(writer) => Some(writer),
            Self::Kustomizations(writer) => writer.files.as_ref(),
        }
    }

    pub(crate) fn default_namespace(&self) -> &str {
        match self {
            Self::Plain(writer) => writer.default_namespace,
            Self::Kustomizations(writer) => writer.default_namespace,
        }
    }

    pub(crate) fn turn(&self) -> RewriteTurn<'_> {
        match self {
            Self::Plain(writer) => writer.turn(),
            Self::Kustomizations(writer) => writer.turn(),
        }
    }

    pub(crate) fn overrides(&self) -> Vec<Override> {
        match self {
            Self::Plain(writer) => writer.authorship.overrides.clone(),
            Self::Kustomizations(writer) => writer.overrides.words(),
        }
    }
}
