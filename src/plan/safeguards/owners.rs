//! Who would undo a live edit.
//!
//! The server's bookkeeping of who wrote the image counts first, then the
//! markers that GitOps tools, operators, Helm and kubectl leave. Some of them
//! are told only by another object: this module says which, and is told the
//! answer.
//!
//! | sign | what it does to a live edit |
//! |---|---|
//! | a field manager of GitOps or Terraform wrote the image | reverts |
//! | Flux Kustomization | reverts, unless it is suspended or leaves the object alone |
//! | Flux Helm release | reverts, unless it is suspended |
//! | Argo CD's tracking annotation | reverts |
//! | a controller's owner reference | reverts |
//! | the label `app.kubernetes.io/instance` | reverts if an Application lists the object, may otherwise |
//! | Helm, `kubectl apply` | at the next upgrade or apply: a warning |

use std::collections::{BTreeMap, BTreeSet};

use super::field_managers::{self, ARGOCD, HELM_CONTROLLER, KUSTOMIZE_CONTROLLER};
use super::held_back::HoldReason;
use crate::plan::change::Plan;
use crate::plan::update::Overrides;
use crate::workload::{Observed, Owner, OwnerMarker, WorkloadId};

/// How an owner meets a live edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerEffect {
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
    pub effect: OwnerEffect,
    /// In a sentence, with the way out.
    pub message: String,
}

/// What another object of the cluster has to tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnerQuestion {
    /// Is this Kustomization or HelmRelease suspended?
    IsSuspended(Owner),
    /// Does an Argo CD Application of this name list the workload?
    IsListedByApplication {
        /// The Application's name.
        application: String,
        /// The workload.
        workload: WorkloadId,
    },
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

/// Argo CD of version 2 tracks by this label, and charts set it for themselves.
const INSTANCE: &str = "app.kubernetes.io/instance";

/// Where Flux is told to leave an object alone, with the values that do: what it
/// does not apply again, it does not revert. Flux reads labels and annotations,
/// in any case.
const LEFT_ALONE: [(&str, &[&str]); 2] = [
    ("kustomize.toolkit.fluxcd.io/reconcile", &["disabled"]),
    (
        "kustomize.toolkit.fluxcd.io/ssa",
        &["ignore", "ifnotpresent"],
    ),
];

/// The managers under which kubectl applies: on the client, and on the server.
const KUBECTL_APPLY: [&str; 2] = ["kubectl-client-side-apply", "kubectl"];

/// A sign of an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
enum OwnerSign {
    /// A field manager that is known to write again, with nothing to name it better.
    Manager(String),
    Kustomization(Owner),
    HelmRelease(Owner),
    Application(Owner),
    Controller(Owner),
    /// Perhaps an Application of this name.
    Instance(String),
    Release(Owner),
    KubectlApply,
}

/// What has to be asked before the owner is known.
#[must_use]
pub fn owner_questions(object: &Observed) -> Vec<OwnerQuestion> {
    signs(object)
        .into_iter()
        .filter_map(|sign| match sign {
            OwnerSign::Kustomization(_) if left_alone(object).is_some() => None,
            OwnerSign::Kustomization(owner) | OwnerSign::HelmRelease(owner) => {
                Some(OwnerQuestion::IsSuspended(owner))
            }
            OwnerSign::Instance(name) => Some(is_listed(object, name)),
            _ => None,
        })
        .collect()
}

fn is_listed(object: &Observed, application: String) -> OwnerQuestion {
    OwnerQuestion::IsListedByApplication {
        application,
        workload: object.workload.id.clone(),
    }
}

/// Who owns the workload: the first who reverts an edit, else the first who may.
/// `None`: nobody that is known. A question without an answer counts as one that
/// could not be read.
#[must_use]
pub fn ownership(object: &Observed, answers: &[(OwnerQuestion, OwnerAnswer)]) -> Option<Ownership> {
    let mut owners: Vec<Ownership> = signs(object)
        .into_iter()
        .filter_map(|sign| judge(object, sign, answers))
        .collect();
    let reverts = |ownership: &Ownership| ownership.effect == OwnerEffect::Reverts;
    let first = owners.iter().position(reverts).unwrap_or(0);
    (first < owners.len()).then(|| owners.swap_remove(first))
}

/// Every sign of an owner, those that are surest of a revert first.
fn signs(object: &Observed) -> Vec<OwnerSign> {
    let owners = object.owners.iter();
    let marked: Vec<OwnerSign> = owners
        .map(|(marker, owner)| {
            let owner = owner.clone();
            match marker {
                OwnerMarker::Kustomization => OwnerSign::Kustomization(owner),
                OwnerMarker::HelmRelease => OwnerSign::HelmRelease(owner),
                OwnerMarker::Application => OwnerSign::Application(owner),
                OwnerMarker::Controller => OwnerSign::Controller(owner),
                OwnerMarker::Release => OwnerSign::Release(owner),
            }
        })
        .collect();
    let has = |wanted: OwnerMarker| object.owners.iter().any(|(marker, _)| *marker == wanted);
    let instance = object.labels.get(INSTANCE);
    let writers = &object.writers;
    let names: BTreeSet<&String> = writers
        .images
        .values()
        .flatten()
        .chain(&writers.values)
        .collect();

    let mut signs = Vec::new();
    let mut is_argos = has(OwnerMarker::Application);
    for manager in &names {
        let is = |tool: &str| field_managers::is_of(manager, tool);
        // A marker names the object behind the manager.
        if is(KUSTOMIZE_CONTROLLER) && has(OwnerMarker::Kustomization)
            || is(HELM_CONTROLLER) && has(OwnerMarker::HelmRelease)
            || is(ARGOCD) && is_argos
            || !field_managers::reverts(manager)
        {
            continue;
        }
        signs.push(match instance.filter(|_| is(ARGOCD)) {
            Some(instance) => OwnerSign::Application(Owner::application(instance)),
            None => OwnerSign::Manager((*manager).clone()),
        });
        is_argos |= is(ARGOCD);
    }
    signs.extend(marked);
    // The surer signs come first: charts set this label for themselves. Argo CD
    // leaves kubectl's annotation too, and what it may do is worse.
    if let Some(instance) = instance.filter(|_| !is_argos) {
        signs.push(OwnerSign::Instance(instance.clone()));
    }
    let applies = |manager: &&&String| KUBECTL_APPLY.contains(&manager.as_str());
    if object.applied_by_kubectl || names.iter().any(|manager| applies(&manager)) {
        signs.push(OwnerSign::KubectlApply);
    }
    signs
}

/// What a sign comes to, with the answers. `None`: it was no owner.
fn judge(
    object: &Observed,
    sign: OwnerSign,
    answers: &[(OwnerQuestion, OwnerAnswer)],
) -> Option<Ownership> {
    let id = &object.workload.id;
    let answer = |question: &OwnerQuestion| {
        let known = answers.iter().find(|(asked, _)| asked == question);
        known.map_or(OwnerAnswer::Unknown, |(_, answer)| answer.clone())
    };
    let is_suspended = |owner: &Owner| {
        matches!(
            answer(&OwnerQuestion::IsSuspended(owner.clone())),
            OwnerAnswer::Yes(_)
        )
    };
    let reverts = |owner: Owner, message: String| {
        Some(Ownership {
            owner,
            effect: OwnerEffect::Reverts,
            message,
        })
    };
    let warns = |owner: Owner, message: String| {
        Some(Ownership {
            owner,
            effect: OwnerEffect::Warns,
            message,
        })
    };
    match sign {
        OwnerSign::Manager(name) => {
            let owner = Owner {
                kind: "FieldManager".to_owned(),
                namespace: None,
                name: name.clone(),
            };
            if name == KUSTOMIZE_CONTROLLER
                && let Some(key) = left_alone(object)
            {
                return warns(
                    owner,
                    format!("{name} wrote the image of {id}; {key} stops it"),
                );
            }
            let message = format!(
                "{name} wrote the image of {id} and writes it again: change it where {name} \
                 reads it, with -f on the manifests in Git"
            );
            reverts(owner, message)
        }
        OwnerSign::Kustomization(owner) => {
            if let Some(key) = left_alone(object) {
                let message =
                    format!("{owner} applied {id}; {key} keeps it from reverting an edit");
                return warns(owner, message);
            }
            if is_suspended(&owner) {
                let message =
                    format!("{owner} is suspended, and reverts the edit when it is resumed");
                return warns(owner, message);
            }
            let message = format!(
                "{owner} reverts it at its next reconciliation: use -f on the manifests in Git, \
                 or suspend it with {}",
                suspend("kustomization", &owner)
            );
            reverts(owner, message)
        }
        OwnerSign::HelmRelease(owner) => {
            if is_suspended(&owner) {
                let message =
                    format!("{owner} is suspended, and reverts the edit when it is resumed");
                return warns(owner, message);
            }
            let message = format!(
                "{owner} reverts it at its next upgrade or when it detects drift: change the \
                 release's values, with -f on the manifests in Git, or suspend it with {}",
                suspend("helmrelease", &owner)
            );
            reverts(owner, message)
        }
        OwnerSign::Application(owner) => reverts_as_argo(owner),
        OwnerSign::Controller(owner) => {
            let message = format!("{owner} owns {id} and writes it again: change {owner} instead");
            reverts(owner, message)
        }
        OwnerSign::Instance(name) => match answer(&is_listed(object, name.clone())) {
            OwnerAnswer::Yes(namespace) => reverts_as_argo(Owner {
                namespace,
                ..Owner::application(&name)
            }),
            OwnerAnswer::No => None,
            OwnerAnswer::Unknown => {
                let message = format!(
                    "if Argo CD manages {id} by its label {INSTANCE}={name}, it reverts the edit"
                );
                warns(Owner::application(&name), message)
            }
        },
        OwnerSign::Release(owner) => {
            let message = format!(
                "{owner} puts the image of its values back at the next helm upgrade: change the \
                 values too"
            );
            warns(owner, message)
        }
        OwnerSign::KubectlApply => {
            let message = format!(
                "the next kubectl apply of {id} puts the image of its manifest back: change the \
                 manifest too, with -f"
            );
            let owner = Owner {
                kind: "kubectl".to_owned(),
                namespace: None,
                name: "apply".to_owned(),
            };
            warns(owner, message)
        }
    }
}

fn reverts_as_argo(owner: Owner) -> Option<Ownership> {
    let message = format!(
        "{owner} of Argo CD reverts it where it heals itself, and is OutOfSync otherwise: use -f \
         on the manifests in Git"
    );
    Some(Ownership {
        owner,
        effect: OwnerEffect::Reverts,
        message,
    })
}

/// What tells Flux to leave the object alone, as `KEY=VALUE`.
fn left_alone(object: &Observed) -> Option<String> {
    LEFT_ALONE.iter().find_map(|(key, values)| {
        let written = [object.annotations.get(*key), object.labels.get(*key)];
        let value = written.into_iter().flatten().find(|written| {
            let lower = written.to_ascii_lowercase();
            values.contains(&lower.as_str())
        })?;
        Some(format!("{key}={value}"))
    })
}

/// The command that suspends a Flux object.
fn suspend(kind: &str, owner: &Owner) -> String {
    let namespace = owner.namespace.as_ref();
    let scope = namespace.map_or_else(String::new, |namespace| format!(" -n {namespace}"));
    format!("flux suspend {kind} {}{scope}", owner.name)
}

impl Plan {
    /// Holds back the images of workloads whose owner reverts them, unless that
    /// is overridden, and notes what the others do. Annotations alone are never
    /// refused.
    pub fn hold_back_owned(
        &mut self,
        owners: &BTreeMap<WorkloadId, Ownership>,
        overrides: Overrides,
    ) {
        for mut change in std::mem::take(&mut self.changes) {
            let owner = owners.get(&change.workload);
            let Some(owner) = owner.filter(|_| !change.images.is_empty()) else {
                self.changes.push(change);
                continue;
            };
            if owner.effect == OwnerEffect::Reverts && !overrides.owner {
                self.hold_back(&change, HoldReason::Owned, &owner.message);
                continue;
            }
            change.notes.push(owner.message.clone());
            self.changes.push(change);
        }
    }
}
