//! Who would revert a live edit.
//!
//! The managed fields, which record who wrote the image, are checked first, then the
//! markers that GitOps tools, operators, Helm and kubectl leave. Some signs depend on
//! another object: this module returns the question, and takes the answer.
//!
//! | sign | effect on a live edit |
//! |---|---|
//! | a field manager of GitOps or Terraform wrote the image | reverts |
//! | Flux Kustomization | reverts, unless it is suspended or skips the object |
//! | Flux Helm release | reverts, unless it is suspended |
//! | Argo CD's tracking annotation | reverts |
//! | a controller's owner reference | reverts |
//! | the label `app.kubernetes.io/instance` | reverts if an Application lists the object; may revert if that is not known |
//! | a server-side apply by another manager | the next one conflicts, or reverts if it is forced: a warning |
//! | Helm, `kubectl apply` | at the next upgrade or apply: a warning |

use std::collections::{BTreeMap, BTreeSet};

use super::field_managers::{self, ARGOCD, HELM_CONTROLLER, KUSTOMIZE_CONTROLLER};
use super::held_back::HoldReason;
use crate::plan::change::Plan;
use crate::plan::safeguards::overrides::Overrides;
use crate::workload::{OWNER_ANNOTATIONS, Observed, Owner, OwnerMarker, WorkloadId, owner_labels};

/// What an owner does to a live edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerEffect {
    /// It reverts the edit: images are written only with `--override-owner`.
    Reverts,
    /// It may revert the edit later: a warning.
    Warns,
}

/// Who owns a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// The owner: `Kustomization flux-system/apps`.
    pub owner: Owner,
    /// What it does to a live edit.
    pub effect: OwnerEffect,
    /// The effect as a sentence, with what to do instead.
    pub message: String,
}

/// A question that another object of the cluster answers.
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

/// The answer to an [`OwnerQuestion`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnerAnswer {
    /// Yes; for an Application, with its namespace.
    Yes(Option<String>),
    /// No.
    No,
    /// The object cannot be read.
    Unknown,
}

/// Argo CD version 2 tracks objects by this label; charts also set it.
const INSTANCE: &str = "app.kubernetes.io/instance";

/// The labels or annotations, with their values, that make Flux skip an object. Flux
/// does not apply such an object again, so it does not revert edits. The case of the
/// values does not matter.
const SKIPPED_BY_FLUX: [(&str, &[&str]); 2] = [
    ("kustomize.toolkit.fluxcd.io/reconcile", &["disabled"]),
    (
        "kustomize.toolkit.fluxcd.io/ssa",
        &["ignore", "ifnotpresent"],
    ),
];

/// The labels that decide who owns an object.
pub(crate) fn deciding_labels() -> Vec<String> {
    let skipped = SKIPPED_BY_FLUX.iter().map(|(key, _)| (*key).to_owned());
    let instance = [INSTANCE.to_owned()];
    owner_labels()
        .into_iter()
        .chain(instance)
        .chain(skipped)
        .collect()
}

/// The annotations that decide who owns an object.
pub(crate) fn deciding_annotations() -> impl Iterator<Item = &'static str> {
    let skipped = SKIPPED_BY_FLUX.iter().map(|(key, _)| *key);
    OWNER_ANNOTATIONS.into_iter().chain(skipped)
}

/// The field manager of `kubectl apply` without `--server-side`.
const KUBECTL_APPLY: &str = "kubectl-client-side-apply";

/// A sign of an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
enum OwnerSign {
    /// A field manager that is known to revert edits, without a better name for it.
    Manager(String),
    Kustomization(Owner),
    HelmRelease(Owner),
    Application(Owner),
    Controller(Owner),
    /// Possibly an Application of this name.
    Instance(String),
    Release(Owner),
    /// A manager that applies the object server-side, and whether an image or a value is
    /// still its own.
    Applier(String, bool),
    KubectlApply,
}

/// The questions to answer before the owner is known.
#[must_use]
pub fn owner_questions(object: &Observed) -> Vec<OwnerQuestion> {
    signs(object)
        .into_iter()
        .filter_map(|sign| match sign {
            OwnerSign::Kustomization(_) if flux_skip_setting(object).is_some() => None,
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

/// Who owns the workload: the first owner that reverts an edit, or else the first that
/// may. `None`: no known owner. A question without an answer counts as
/// [`OwnerAnswer::Unknown`].
#[must_use]
pub fn ownership(object: &Observed, answers: &[(OwnerQuestion, OwnerAnswer)]) -> Option<Ownership> {
    let mut owners: Vec<Ownership> = signs(object)
        .into_iter()
        .filter_map(|sign| ownership_by(object, sign, answers))
        .collect();
    let first = owners
        .iter()
        .position(|owner| owner.effect == OwnerEffect::Reverts)
        .unwrap_or(0);
    (first < owners.len()).then(|| owners.swap_remove(first))
}

/// Every sign of an owner, those most certain to revert first.
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
    let instance = object.labels.get(INSTANCE);
    let writers = &object.writers;
    let names: BTreeSet<&String> = writers
        .images
        .values()
        .flatten()
        .chain(&writers.values)
        .collect();

    let mut signs = Vec::new();
    let mut is_argo_cd = has_marker(object, OwnerMarker::Application);
    for manager in &names {
        let is_argo_manager = field_managers::is_of(manager, ARGOCD);
        // A marker names the object behind the manager.
        if field_managers::is_of(manager, KUSTOMIZE_CONTROLLER)
            && has_marker(object, OwnerMarker::Kustomization)
            || field_managers::is_of(manager, HELM_CONTROLLER)
                && has_marker(object, OwnerMarker::HelmRelease)
            || is_argo_manager && is_argo_cd
            || !field_managers::reverts(manager)
        {
            continue;
        }
        signs.push(match instance.filter(|_| is_argo_manager) {
            Some(instance) => OwnerSign::Application(Owner::application(instance)),
            None => OwnerSign::Manager((*manager).clone()),
        });
        is_argo_cd |= is_argo_manager;
    }
    signs.extend(marked);
    // Surer signs come first, because charts also set this label. It precedes kubectl,
    // because Argo CD also leaves kubectl's annotation, and reverting is worse.
    if let Some(instance) = instance.filter(|_| !is_argo_cd) {
        signs.push(OwnerSign::Instance(instance.clone()));
    }
    let others = writers.appliers.iter();
    let others = others.filter(|(name, _)| !field_managers::reverts(name));
    let (sure, unsure): (Vec<_>, Vec<_>) = others
        .map(|(name, owns)| (name.clone(), *owns))
        .partition(|(_, owns)| *owns);
    let all = sure.into_iter().chain(unsure);
    signs.extend(all.map(|(name, owns)| OwnerSign::Applier(name, owns)));
    let is_applied = names.iter().any(|name| *name == KUBECTL_APPLY);
    if object.applied_by_kubectl || is_applied {
        signs.push(OwnerSign::KubectlApply);
    }
    signs
}

fn has_marker(object: &Observed, wanted: OwnerMarker) -> bool {
    object.owners.iter().any(|(marker, _)| *marker == wanted)
}

/// The ownership that follows from a sign and the answers. `None`: the sign does not
/// mean an owner.
fn ownership_by(
    object: &Observed,
    sign: OwnerSign,
    answers: &[(OwnerQuestion, OwnerAnswer)],
) -> Option<Ownership> {
    let id = &object.workload.id;
    Some(match sign {
        OwnerSign::Manager(name) => by_manager(object, name),
        OwnerSign::Kustomization(owner) => {
            if let Some(key) = flux_skip_setting(object) {
                let message =
                    format!("{owner} applied {id}; {key} keeps it from reverting an edit");
                return Some(Ownership::warns(owner, message));
            }
            if is_suspended(&owner, answers) {
                return Some(Ownership::suspended(owner));
            }
            let message = format!(
                "{owner} reverts it at its next reconciliation: use -f on the manifests in Git, \
                 or suspend it with {}",
                suspend("kustomization", &owner)
            );
            Ownership::reverts(owner, message)
        }
        OwnerSign::HelmRelease(owner) if is_suspended(&owner, answers) => {
            Ownership::suspended(owner)
        }
        OwnerSign::HelmRelease(owner) => {
            let message = format!(
                "{owner} reverts it at its next upgrade or when it detects drift: change the \
                 release's values, with -f on the manifests in Git, or suspend it with {}",
                suspend("helmrelease", &owner)
            );
            Ownership::reverts(owner, message)
        }
        OwnerSign::Application(owner) => Ownership::of_application(owner),
        OwnerSign::Controller(owner) => {
            let message = format!("{owner} owns {id} and reverts it: change {owner} instead");
            Ownership::reverts(owner, message)
        }
        OwnerSign::Instance(name) => match answer(&is_listed(object, name.clone()), answers) {
            OwnerAnswer::Yes(namespace) => Ownership::of_application(Owner {
                namespace,
                ..Owner::application(&name)
            }),
            OwnerAnswer::No => return None,
            OwnerAnswer::Unknown => {
                let message = format!(
                    "if Argo CD manages {id} by its label {INSTANCE}={name}, it reverts the \
                         edit"
                );
                Ownership::warns(Owner::application(&name), message)
            }
        },
        OwnerSign::Release(owner) => {
            let message = format!(
                "{owner} restores the image in its values at the next helm upgrade: also change \
                 the values"
            );
            Ownership::warns(owner, message)
        }
        OwnerSign::Applier(name, owns) => {
            let condition = if owns {
                ""
            } else {
                "if it also applies the image, "
            };
            let message = format!(
                "{condition}the next server-side apply of {id} by {name} fails with a conflict, \
                 or puts the image in its manifest back if it is forced: also change the manifest"
            );
            let owner = Owner {
                kind: "FieldManager".to_owned(),
                namespace: None,
                name,
            };
            Ownership::warns(owner, message)
        }
        OwnerSign::KubectlApply => {
            let message = format!(
                "the next kubectl apply of {id} restores the image in its manifest: also change \
                 the manifest, with -f"
            );
            let owner = Owner {
                kind: "kubectl".to_owned(),
                namespace: None,
                name: "apply".to_owned(),
            };
            Ownership::warns(owner, message)
        }
    })
}

fn by_manager(object: &Observed, name: String) -> Ownership {
    let id = &object.workload.id;
    let owner = Owner {
        kind: "FieldManager".to_owned(),
        namespace: None,
        name: name.clone(),
    };
    if name == KUSTOMIZE_CONTROLLER
        && let Some(key) = flux_skip_setting(object)
    {
        let message =
            format!("{name} wrote the image of {id}; {key} keeps it from reverting an edit");
        return Ownership::warns(owner, message);
    }
    let message = format!(
        "{name} wrote the image of {id} and reverts it: change it where {name} reads it, with -f \
         on the manifests in Git"
    );
    Ownership::reverts(owner, message)
}

fn answer(question: &OwnerQuestion, answers: &[(OwnerQuestion, OwnerAnswer)]) -> OwnerAnswer {
    let known = answers.iter().find(|(asked, _)| asked == question);
    known.map_or(OwnerAnswer::Unknown, |(_, answer)| answer.clone())
}

fn is_suspended(owner: &Owner, answers: &[(OwnerQuestion, OwnerAnswer)]) -> bool {
    let question = OwnerQuestion::IsSuspended(owner.clone());
    matches!(answer(&question, answers), OwnerAnswer::Yes(_))
}

impl Ownership {
    fn reverts(owner: Owner, message: String) -> Self {
        Self {
            owner,
            effect: OwnerEffect::Reverts,
            message,
        }
    }

    fn warns(owner: Owner, message: String) -> Self {
        Self {
            owner,
            effect: OwnerEffect::Warns,
            message,
        }
    }

    fn suspended(owner: Owner) -> Self {
        let message = format!("{owner} is suspended, and reverts the edit when it is resumed");
        Self::warns(owner, message)
    }

    fn of_application(owner: Owner) -> Self {
        let message = format!(
            "{owner} of Argo CD reverts it if self-heal is on, and is OutOfSync otherwise: use -f \
             on the manifests in Git"
        );
        Self::reverts(owner, message)
    }
}

/// The setting that makes Flux skip the object, as `KEY=VALUE`.
fn flux_skip_setting(object: &Observed) -> Option<String> {
    SKIPPED_BY_FLUX.iter().find_map(|(key, values)| {
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
    /// Holds back the images of workloads whose owner reverts them, unless that is
    /// overridden, and adds a note for other owners. Changes of annotations alone are
    /// never held back.
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
            if owner.effect == OwnerEffect::Reverts {
                change.basis.overridden_owner = Some(owner.owner.clone());
            }
            change.notes.push(owner.message.clone());
            self.changes.push(change);
        }
    }
}
