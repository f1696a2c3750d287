//! Whether what a change rests on still holds.
//!
//! Minutes may pass between a plan and its write: the user reads the plan, or the
//! rollouts of other workloads are awaited. What somebody else decides meanwhile must
//! be honoured. What is compared are the resolved policies, not the annotations: the
//! record of another container's update has the same prefix as a policy, but does not
//! change one.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::owners::{OwnerEffect, Ownership};
use crate::plan::basis::DecidedContainer;
use crate::plan::change::{Change, Plan};
use crate::plan::refusal::Refusal;
use crate::policy::{ContainerPolicy, PolicyError, PolicySources, Resolved, resolve};
use crate::workload::{Container, ManifestSource, Workload, WorkloadId};

impl Plan {
    /// Notes what the changes of images rest on: the resolved state and policy of each of
    /// these containers.
    pub fn rest_on(&mut self, workloads: &[Workload], sources: &PolicySources) {
        let by_id: BTreeMap<(&WorkloadId, Option<&ManifestSource>), &Workload> = workloads
            .iter()
            .map(|workload| ((&workload.id, workload.source.as_ref()), workload))
            .collect();
        for change in &mut self.changes {
            let key = (&change.workload, change.source.as_ref());
            if let Some(workload) = by_id.get(&key) {
                change.basis.containers = decided(change, workload, sources);
                change.basis.sources = sources.of(workload);
            }
        }
    }
}

fn decided(change: &Change, workload: &Workload, sources: &PolicySources) -> Vec<DecidedContainer> {
    let is_written = |container: &Container| {
        change.images.iter().any(|image| {
            image.container == container.name && image.container_type == container.container_type
        })
    };
    workload
        .containers
        .iter()
        .zip(resolve(workload, sources))
        .filter(|(container, _)| is_written(container))
        .map(|(container, resolved)| DecidedContainer {
            name: container.name.clone(),
            container_type: container.container_type,
            resolved,
        })
        .collect()
}

impl Change {
    /// Like [`Self::check_policies`], for a workload of a cluster: the policies of its owner are
    /// those that were read for the plan.
    ///
    /// # Errors
    ///
    /// See [`Self::check_policies`].
    pub fn check_own_policies(&self, workload: &Workload, at: Timestamp) -> Result<(), Refusal> {
        self.check_policies(workload, &self.basis.sources, at)
    }

    /// Checks that the states and the policies of the containers are still those that
    /// the change rests on, and that no window or freeze has closed.
    ///
    /// # Errors
    ///
    /// One of them has changed, or the update may not start now. Then nothing of the change
    /// may be written.
    pub fn check_policies(
        &self,
        workload: &Workload,
        sources: &PolicySources,
        at: Timestamp,
    ) -> Result<(), Refusal> {
        if self.basis.containers.is_empty() {
            return Ok(());
        }
        for now in decided(self, workload, sources) {
            let mut planned = self.basis.containers.iter();
            let planned = planned.find(|planned| {
                planned.name == now.name && planned.container_type == now.container_type
            });
            if let Some(planned) = planned {
                check(&now.name, &planned.resolved, &now.resolved)?;
                if self.basis.obeys_windows {
                    check_windows(planned, &now, at)?;
                }
            }
        }
        Ok(())
    }

    /// Checks that nobody has taken over the workload: an owner that reverts the change
    /// must be the one that the user has overridden.
    ///
    /// # Errors
    ///
    /// Another owner reverts the change.
    pub fn check_owner(&self, now: Option<&Ownership>) -> Result<(), Refusal> {
        let reverting = now.filter(|owner| owner.effect == OwnerEffect::Reverts);
        let overridden = self.basis.overridden_owner.as_ref();
        match reverting {
            Some(owner) if overridden != Some(&owner.owner) => Err(Refusal::OwnerChanged {
                message: owner.message.clone(),
            }),
            _ => Ok(()),
        }
    }
}

/// Checks that an update may start now, by the annotations as they are and as they were: the
/// namespace is only read for the plan.
fn check_windows(
    planned: &DecidedContainer,
    now: &DecidedContainer,
    at: Timestamp,
) -> Result<(), Refusal> {
    let both = [&now.resolved, &planned.resolved];
    match both.into_iter().find_map(|resolved| resolved.closure(at)) {
        Some(closure) => Err(Refusal::Closed {
            container: now.name.clone(),
            closure,
        }),
        None => Ok(()),
    }
}

/// Compares what was decided on with what is there now.
fn check(container: &str, planned: &Resolved, now: &Resolved) -> Result<(), Refusal> {
    if now.ignored && !planned.ignored {
        return Err(Refusal::Ignored);
    }
    match (&planned.lock, &now.lock) {
        (None, Some(lock)) => {
            return Err(Refusal::Locked {
                by: lock.by.clone(),
                message: lock.message.clone(),
            });
        }
        (Some(planned), Some(lock)) if planned != lock => {
            return Err(Refusal::OtherLock {
                by: lock.by.clone(),
                message: lock.message.clone(),
            });
        }
        _ => {}
    }
    let changed = |what: &'static str, now: String| {
        Err(Refusal::BasisChanged {
            container: container.to_owned(),
            what,
            now,
        })
    };
    if planned.state != now.state {
        return changed("state", now.state.to_string());
    }
    if planned.automated != now.automated {
        let now = if now.automated { "on" } else { "off" };
        return changed("automation", now.to_owned());
    }
    match (&planned.policy, &now.policy) {
        (None, None) => Ok(()),
        (Some(Ok(planned)), Some(Ok(now))) => match difference(planned, now) {
            Some((what, now)) => changed(what, now),
            None => Ok(()),
        },
        (Some(Err(planned)), Some(Err(now))) if planned.text == now.text => Ok(()),
        (_, now) => changed("policy", policy_text(now.as_ref())),
    }
}

fn policy_text(policy: Option<&Result<ContainerPolicy, PolicyError>>) -> String {
    match policy {
        Some(Ok(policy)) => policy.text.clone(),
        Some(Err(error)) => format!("not valid: {}", error.message),
        None => "none".to_owned(),
    }
}

/// The first part of a policy that differs, and its new value. Where a policy is written
/// does not matter.
fn difference(planned: &ContainerPolicy, now: &ContainerPolicy) -> Option<(&'static str, String)> {
    if planned.rule != now.rule {
        return Some(("policy", now.text.clone()));
    }
    if planned.filter != now.filter {
        let pattern = now.filter.pattern.as_ref();
        let pattern = pattern.map_or("none", |pattern| pattern.as_str());
        return Some(("tag filter", pattern.to_owned()));
    }
    let age = |policy: &ContainerPolicy| {
        policy
            .required_age()
            .map_or_else(|| "none".to_owned(), |age| format!("{:#}", age.age))
    };
    if planned.min_age != now.min_age {
        return Some(("minimum age", age(now)));
    }
    if planned.required_age() != now.required_age() {
        let clock = now.min_age_clock.unwrap_or_default();
        return Some(("clock of the minimum age", clock.to_string()));
    }
    let mut new = now.failed.iter();
    if let Some(failed) = new.find(|failed| !planned.failed.contains(failed)) {
        return Some(("list of failed images", failed.image.to_string()));
    }
    for (what, planned, now) in [
        (
            "permission to downgrade",
            planned.allow_downgrade,
            now.allow_downgrade,
        ),
        (
            "permission to change the variant",
            planned.allow_variant_change,
            now.allow_variant_change,
        ),
    ] {
        if planned != now {
            let now = if now { "granted" } else { "withdrawn" };
            return Some((what, now.to_owned()));
        }
    }
    None
}
