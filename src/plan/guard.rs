//! Who would undo a live edit.
//!
//! The server's bookkeeping of who wrote the image counts first, then the
//! markers that GitOps tools, Helm and kubectl leave. Some of them are told only
//! by another object: this module says which, and is told the answer.

use crate::workload::{Observed, Owner};

/// How an owner meets a live edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// It reverts the edit: images are written only with `--override-owner`.
    Reverts,
    /// It may revert the edit some day: a warning.
    Warns,
}

/// Who owns a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// The owner: `Kustomization flux-system/apps`.
    pub owner: Owner,
    /// What it does to an edit.
    pub binding: Binding,
    /// In a sentence, with the way out.
    pub message: String,
}

/// What another object of the cluster has to tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnerQuestion {
    /// Is this Kustomization or HelmRelease suspended?
    IsSuspended(Owner),
    /// Does an Argo CD Application of this name list the workload?
    IsListedByApplication(String),
}

/// What it told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnerAnswer {
    /// It is so; for an Application, in this namespace.
    Yes(Option<String>),
    /// It is not so.
    No,
    /// It cannot be read.
    Unknown,
}

/// What has to be asked before the owner is known.
#[must_use]
pub fn owner_questions(object: &Observed) -> Vec<OwnerQuestion> {
    let _ = object;
    todo!("plan helper")
}

/// Who owns the workload. `None`: nobody that is known.
#[must_use]
pub fn ownership(object: &Observed, answers: &[(OwnerQuestion, OwnerAnswer)]) -> Option<Ownership> {
    let _ = (object, answers);
    todo!("plan helper")
}
