//! Restores what the last recorded update replaced.

use super::basis::Basis;
use super::change::{Change, ImageChange, Plan};
use super::other_repository::is_other_repository;
use super::policy_edit::{LockNote, PolicyEdit};
use super::record::change_cause::version;
use super::record::record::LastUpdate;
use super::record::recorded_change::RecordedChange;
use super::safeguards::held_back::{HeldBack, HoldReason};
use super::safeguards::overrides::Overrides;
use crate::image::ImageReference;
use crate::policy::{FailedRollout, lock_on};
use crate::workload::{Observed, SEALED, plain_scalar, printed};

/// The plan that reverts every change in each workload's last record, or only those of
/// the named containers, and locks the workload so that automation does not undo the
/// rollback. An existing lock is kept. If the note has no message, the lock's message
/// says what was rolled back.
///
/// A record is an annotation that anyone may have written, so an image of another
/// repository is restored only if the policy is overridden.
#[must_use]
pub fn plan_rollback(
    objects: &[Observed],
    containers: &[String],
    lock: &LockNote,
    overrides: Overrides,
) -> Plan {
    let mut plan = Plan::default();
    let mut objects: Vec<&Observed> = objects.iter().collect();
    objects.sort_by(|a, b| a.workload.id.cmp(&b.workload.id));
    for object in objects {
        let rollback = Rollback {
            object,
            containers,
            overrides,
        };
        match rollback.last() {
            Err((hold, message)) => plan.held_back.push(rollback.held_back(None, hold, message)),
            Ok(last) => rollback.plan(&last, lock, &mut plan),
        }
    }
    plan
}

/// The plan that reverts the last update of these containers, because its rollout failed. The
/// failures are recorded in the same write, and the workload is not locked.
pub(crate) fn plan_automatic_rollback(
    object: &Observed,
    containers: &[String],
    failures: &[FailedRollout],
) -> Plan {
    let mut plan = Plan::default();
    let rollback = Rollback {
        object,
        containers,
        overrides: Overrides::default(),
    };
    match rollback.last() {
        _ if containers.is_empty() => plan.held_back.push(rollback.held_back(
            None,
            HoldReason::ChangedSince,
            format!("{} has another update or none recorded", object.workload.id),
        )),
        Err((hold, message)) => plan.held_back.push(rollback.held_back(None, hold, message)),
        Ok(last) => {
            let images = rollback.images(&last, &mut plan);
            let policy = PolicyEdit::RecordFailure {
                failures: failures.to_vec(),
            };
            plan.changes
                .extend(rollback.change(images, Some(policy), Vec::new()));
        }
    }
    plan
}

/// One workload whose last update is rolled back.
struct Rollback<'a> {
    object: &'a Observed,
    containers: &'a [String],
    overrides: Overrides,
}

impl Rollback<'_> {
    /// The update that can be rolled back, or why there is none.
    fn last(&self) -> Result<LastUpdate, (HoldReason, String)> {
        let id = &self.object.workload.id;
        if self.object.workload.is_being_deleted {
            let message = format!("{id} is being deleted");
            return Err((HoldReason::BeingDeleted, message));
        }
        let last = match LastUpdate::from_annotations(&self.object.annotations) {
            None => {
                return Err((
                    HoldReason::NoRecord,
                    format!("{id} has no record of an update"),
                ));
            }
            Some(Err(error)) => {
                let message = format!("the record of {id} cannot be read: {error}");
                return Err((HoldReason::NoRecord, message));
            }
            Some(Ok(last)) => last,
        };
        if last.rollback && last.pending.is_empty() {
            let message = format!(
                "{id} is already rolled back, by {} at {}",
                last.by, last.time
            );
            return Err((HoldReason::AlreadyRolledBack, message));
        }
        if self.object.workload.is_sealed {
            return Err((HoldReason::NotWritable, SEALED.to_owned()));
        }
        Ok(last)
    }

    fn plan(&self, last: &LastUpdate, note: &LockNote, plan: &mut Plan) {
        let images = self.images(last, plan);
        let workload = &self.object.workload;
        let existing = lock_on(workload);
        let kept = existing.as_ref().map(|lock| {
            let by = lock
                .by
                .as_ref()
                .map_or_else(String::new, |by| format!(" by {by}"));
            format!("{} is already locked{by}; that lock is kept", workload.id)
        });
        let policy = existing.is_none().then(|| PolicyEdit::Lock {
            note: note.clone(),
            // An existing value is not a lock, such as `locked: "false"`.
            overwrite: true,
        });
        let notes = kept.into_iter().collect();
        plan.changes.extend(self.change(images, policy, notes));
    }

    /// The change that restores images; `None`: there are none.
    fn change(
        &self,
        images: Vec<ImageChange>,
        policy: Option<PolicyEdit>,
        notes: Vec<String>,
    ) -> Option<Change> {
        let workload = &self.object.workload;
        (!images.is_empty()).then(|| Change {
            workload: workload.id.clone(),
            source: workload.source.clone(),
            root: workload.root.clone(),
            images,
            policy,
            is_rollback: true,
            basis: Basis::default(),
            notes,
        })
    }

    /// The images to restore. Those that cannot be restored are held back.
    fn images(&self, last: &LastUpdate, plan: &mut Plan) -> Vec<ImageChange> {
        for name in self.containers {
            if has_container(last.undoable(), name) {
                continue;
            }
            let (hold, message) = if last.rollback && has_container(&last.changes, name) {
                let message = format!("container {name} is already rolled back");
                (HoldReason::AlreadyRolledBack, message)
            } else {
                let message = format!("the last update did not change container {name}");
                (HoldReason::NoRecord, message)
            };
            plan.held_back
                .push(self.held_back(Some(name), hold, message));
        }
        let mut images = Vec::new();
        for recorded in last.undoable() {
            if !self.containers.is_empty() && !self.containers.contains(&recorded.container) {
                continue;
            }
            match self.undo(recorded, last) {
                Ok(image) => images.push(image),
                Err((hold, message)) => plan.held_back.push(HeldBack {
                    to: before(recorded).0.parse().ok(),
                    ..self.held_back(Some(&recorded.container), hold, message)
                }),
            }
        }
        images
    }

    /// The change that undoes a recorded one, if the container still has the image that
    /// was written.
    fn undo(
        &self,
        recorded: &RecordedChange,
        last: &LastUpdate,
    ) -> Result<ImageChange, (HoldReason, String)> {
        let name = &recorded.container;
        let mut containers = self.object.workload.containers.iter();
        let Some(container) = containers.find(|container| container.name == *name) else {
            let message = format!("container {name} no longer exists");
            return Err((HoldReason::ChangedSince, message));
        };
        if !recorded.is_written(&container.image) {
            let message = format!(
                "the last update wrote {}, but container {name} now has {}",
                recorded.to, container.image
            );
            return Err((HoldReason::ChangedSince, message));
        }
        let (from, plain_tag) = before(recorded);
        let to: ImageReference = from.parse().map_err(|error| {
            let message = format!(
                "the previous image, {:?}, cannot be written: {error}",
                recorded.from
            );
            (HoldReason::NoRecord, message)
        })?;
        let is_live = self.object.workload.source.is_none();
        // If a policy of the cluster rewrites the registry, it also rewrites that of the
        // image that is restored. The dry run of the write checks it.
        let is_admitted = is_live && recorded.admitted.as_ref() == Some(&container.image);
        let running = if is_admitted {
            &recorded.to
        } else {
            &container.image
        };
        if is_other_repository(running, &to) && !self.overrides.policy {
            let message = "the record would restore an image of another repository".to_owned();
            return Err((HoldReason::OtherRepository, message));
        }
        let obstacle = self.object.workload.obstacle(container);
        if let Some(obstacle) = obstacle.filter(|obstacle| !obstacle.yields_to_explicit) {
            return Err((HoldReason::NotWritable, obstacle.message));
        }
        Ok(ImageChange {
            container: name.clone(),
            container_type: container.container_type,
            from: container.image.clone(),
            digest: to.digest().cloned(),
            to,
            policy: None,
            build: None,
            message: format!(
                "restores what the update by {} at {} replaced",
                last.by, last.time
            ),
            warnings: Vec::new(),
            plain_tag,
            compare: None,
            lines: Vec::new(),
        })
    }

    fn held_back(&self, container: Option<&String>, hold: HoldReason, message: String) -> HeldBack {
        let workload = &self.object.workload;
        let mut running = workload.containers.iter();
        let runs = running.find(|running| Some(&running.name) == container);
        HeldBack {
            workload: workload.id.clone(),
            root: workload.root.clone(),
            container: container.cloned(),
            from: runs.map(|running| running.image.clone()),
            to: None,
            hold,
            message,
        }
    }
}

fn has_container(changes: &[RecordedChange], name: &str) -> bool {
    changes.iter().any(|change| change.container == name)
}

/// The image before a recorded change, and its tag as it was written in a Helm
/// release's values, if that was not read as text.
fn before(recorded: &RecordedChange) -> (String, Option<String>) {
    let text = recorded.from.rsplit_once(':');
    if let Some((name, written)) = text.filter(|_| recorded.unquoted) {
        let value = plain_scalar(written);
        let printed = printed(&value).filter(|_| value.is_number() || value.is_boolean());
        if let Some(printed) = printed {
            return (format!("{name}:{printed}"), Some(written.to_owned()));
        }
    }
    (recorded.from.clone(), None)
}

/// The message for a lock that has none.
pub(crate) fn rolled_back_from(images: &[ImageChange]) -> String {
    let from: Vec<String> = match images {
        [only] => vec![previous_version(only)],
        several => several
            .iter()
            .map(|image| format!("{} {}", image.container, previous_version(image)))
            .collect(),
    };
    format!("rolled back from {}", from.join(", "))
}

/// What a change replaces: the tag, or the whole image if the repository differs.
fn previous_version(image: &ImageChange) -> String {
    let from = image.from.parse::<ImageReference>();
    match from {
        Ok(from) if !image.changes_repository() => version(&from),
        _ => image.from.clone(),
    }
}
