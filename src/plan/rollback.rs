//! Putting back what the last recorded update replaced.

use super::change::{Change, ImageChange, Plan};
use super::other_repository::is_other_repository;
use super::policy_edit::{LockNote, PolicyEdit};
use super::record::change_cause::version;
use super::record::record::{LastUpdate, RecordedChange};
use super::safeguards::held_back::{HeldBack, HoldReason};
use super::update::Overrides;
use crate::image::ImageReference;
use crate::policy::lock_on;
use crate::workload::{Observed, SEALED, plain_scalar, printed};

/// The plan to put back every change of each workload's last record, or those
/// of the named containers, and to lock, so that automation does not undo it. A
/// lock that is there already stays as it is; where the note has no message, the
/// lock says what was rolled back.
///
/// A record is an annotation, which anybody may have written: an image of another
/// repository is put back only where the policy is overridden.
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
            Err((hold, message)) => plan.held_back.push(rollback.stays(None, hold, message)),
            Ok(last) => rollback.plan(&last, lock, &mut plan),
        }
    }
    plan
}

/// One workload whose last update is put back.
struct Rollback<'a> {
    object: &'a Observed,
    containers: &'a [String],
    overrides: Overrides,
}

impl Rollback<'_> {
    /// The update that can be put back, else why there is none.
    fn last(&self) -> Result<LastUpdate, (HoldReason, String)> {
        let id = &self.object.workload.id;
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
        for name in self.containers {
            let is_it = |change: &RecordedChange| change.container == *name;
            if last.undoable().iter().any(is_it) {
                continue;
            }
            let (hold, message) = match last.rollback && last.changes.iter().any(is_it) {
                true => (
                    HoldReason::AlreadyRolledBack,
                    format!("container {name} is already rolled back"),
                ),
                false => (
                    HoldReason::NoRecord,
                    format!("the last update did not change container {name}"),
                ),
            };
            plan.held_back.push(self.stays(Some(name), hold, message));
        }
        let is_named = |name: &String| self.containers.is_empty() || self.containers.contains(name);
        let mut images = Vec::new();
        for recorded in last.undoable().iter().filter(|c| is_named(&c.container)) {
            match self.back(recorded, last) {
                Ok(image) => images.push(image),
                Err((hold, message)) => plan.held_back.push(HeldBack {
                    to: before(recorded).0.parse().ok(),
                    ..self.stays(Some(&recorded.container), hold, message)
                }),
            }
        }
        if images.is_empty() {
            return;
        }
        let workload = &self.object.workload;
        let existing = lock_on(workload);
        let stays = existing.as_ref().map(|lock| {
            let by = lock
                .by
                .as_ref()
                .map_or_else(String::new, |by| format!(" by {by}"));
            format!("{} is locked{by} already; that lock stays", workload.id)
        });
        let policy = existing.is_none().then(|| PolicyEdit::Lock {
            note: note.clone(),
            // What stands there is no lock, such as `locked: "false"`.
            overwrite: true,
        });
        plan.changes.push(Change {
            workload: workload.id.clone(),
            source: workload.source.clone(),
            images,
            policy,
            is_rollback: true,
            notes: stays.into_iter().collect(),
        });
    }

    /// The change that undoes a recorded one, if the container still runs what
    /// that wrote.
    fn back(
        &self,
        recorded: &RecordedChange,
        last: &LastUpdate,
    ) -> Result<ImageChange, (HoldReason, String)> {
        let name = &recorded.container;
        let mut containers = self.object.workload.containers.iter();
        let Some(container) = containers.find(|container| container.name == *name) else {
            let message = format!("there is no container {name} any more");
            return Err((HoldReason::ChangedSince, message));
        };
        if container.image != recorded.to {
            let message = format!(
                "the last update wrote {}, and container {name} now runs {}",
                recorded.to, container.image
            );
            return Err((HoldReason::ChangedSince, message));
        }
        let (from, plain_tag) = before(recorded);
        let to: ImageReference = from.parse().map_err(|error| {
            let message = format!(
                "the image before, {:?}, cannot be written: {error}",
                recorded.from
            );
            (HoldReason::NoRecord, message)
        })?;
        if is_other_repository(&container.image, &to) && !self.overrides.policy {
            let message = "the record puts back an image of another repository".to_owned();
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
                "puts back what the update by {} at {} replaced",
                last.by, last.time
            ),
            warnings: Vec::new(),
            plain_tag,
        })
    }

    fn stays(&self, container: Option<&String>, hold: HoldReason, message: String) -> HeldBack {
        let workload = &self.object.workload;
        let mut running = workload.containers.iter();
        let runs = running.find(|running| Some(&running.name) == container);
        HeldBack {
            workload: workload.id.clone(),
            container: container.cloned(),
            from: runs.map(|running| running.image.clone()),
            to: None,
            hold,
            message,
        }
    }
}

/// The image that ran before a recorded change, and its tag as it stood in a Helm
/// release's values, where that was not read as text.
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

/// The message of a lock that has none of its own.
pub(crate) fn rolled_back_from(images: &[ImageChange]) -> String {
    let tag = |image: &ImageChange| {
        if image.changes_repository() {
            return image.from.clone();
        }
        let running = image.from.parse::<ImageReference>().ok();
        running.map_or_else(|| image.from.clone(), |running| version(&running))
    };
    let from: Vec<String> = match images {
        [only] => vec![tag(only)],
        several => several
            .iter()
            .map(|image| format!("{} {}", image.container, tag(image)))
            .collect(),
    };
    format!("rolled back from {}", from.join(", "))
}
