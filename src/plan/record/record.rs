//! The record that an update adds to the workload, in the same write as the images.
//!
//! A record never overwrites a policy: a key that names a container, or whose value
//! no update can have written, is not touched. What earlier updates recorded about
//! other images stays a record: `records` keeps listing it, because otherwise it
//! would be read as the policy of a container of that name. Records of images that
//! are gone, or under another key of an image that is written now, are no longer
//! true and are removed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::authorship::Authorship;
use super::change_cause;
use super::record_name;
use super::recorded_change::RecordedChange;
use crate::image::ImageReference;
use crate::plan::change::ImageChange;
use crate::policy::{AnnotationKey, Records};
use crate::workload::{Observed, Workload, WorkloadKind};

/// The annotation for the build number.
const BUILD_NUMBER: &str = "fluxcd.io/build.number";

/// The value of `imgpolicy.dev/last-update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUpdate {
    /// When, in whole seconds.
    pub time: Timestamp,
    /// Who.
    pub by: String,
    /// The build number, as in `fluxcd.io/build.number`: any text, because the group of
    /// an expression may match any text. A bare number is also accepted.
    #[serde(deserialize_with = "text_or_number")]
    pub number: String,
    /// What was replaced.
    pub changes: Vec<RecordedChange>,
    /// The annotations that record written tags, with their values, of this update and
    /// earlier ones.
    pub records: BTreeMap<String, String>,
    /// The safeguards that were overridden; omitted if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<String>,
    /// Whether it restored what an earlier update replaced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rollback: bool,
    /// Whether that was done without being asked for, because the rollout failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub automatic: bool,
    /// For a rollback: the changes of the update that it has not reverted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<RecordedChange>,
}

impl RecordedChange {
    /// The change of an image where no object with a record is known.
    pub(crate) fn of_image(change: &ImageChange) -> Self {
        let digest = change.to.digest().or(change.digest.as_ref());
        Self {
            container: change.container.clone(),
            from: change.from.clone(),
            to: change.to.to_string(),
            admitted: None,
            digest: digest.map(ToString::to_string),
            policy: change.policy.clone(),
            unquoted: false,
        }
    }
}

impl LastUpdate {
    /// What a rollback can still revert.
    #[must_use]
    pub fn undoable(&self) -> &[RecordedChange] {
        if self.rollback {
            &self.pending
        } else {
            &self.changes
        }
    }

    /// The last recorded update of a workload. `None`: there is none.
    ///
    /// # Errors
    ///
    /// The annotation is not a valid record.
    pub fn from_annotations(
        annotations: &BTreeMap<String, String>,
    ) -> Option<Result<Self, serde_json::Error>> {
        let (_, text) = AnnotationKey::LastUpdate.find(annotations)?;
        Some(serde_json::from_str(text))
    }
}

fn text_or_number<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Text(String),
        Number(u64),
    }
    Ok(match Number::deserialize(from)? {
        Number::Text(text) => text,
        Number::Number(number) => number.to_string(),
    })
}

/// What is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordKind {
    /// New images.
    Update,
    /// Previous images, because a user asked for them.
    Rollback,
    /// Previous images, because the rollout of the new ones failed.
    AutomaticRollback,
}

/// The annotations that record an update, for an object as it is now. `changes` are
/// the images written to it, in the order of its spec.
pub(crate) fn annotations(
    object: &Observed,
    changes: &[&ImageChange],
    kind: RecordKind,
    authorship: &Authorship,
) -> BTreeMap<String, Option<String>> {
    let is_rollback = kind != RecordKind::Update;
    let tags = tag_records(&object.workload, changes);
    let mut written: BTreeMap<String, Option<String>> =
        tags.stale.into_iter().map(|key| (key, None)).collect();
    let texts = tags.written.iter();
    written.extend(texts.map(|(key, text)| (key.clone(), Some(text.clone()))));

    let number = build_number(object, changes);
    let mut records = tags.carried;
    records.extend(tags.written);
    let mut overrides = authorship.overrides.clone();
    overrides.sort_unstable();
    overrides.dedup();
    let last = LastUpdate {
        time: whole_seconds(authorship.at),
        by: authorship.by.clone(),
        number: number.clone(),
        changes: replaced(object, changes),
        records,
        overrides: overrides.iter().map(ToString::to_string).collect(),
        rollback: is_rollback,
        automatic: kind == RecordKind::AutomaticRollback,
        pending: if is_rollback {
            still_undoable(object, changes)
        } else {
            Vec::new()
        },
    };
    written.insert(BUILD_NUMBER.to_owned(), Some(number));
    // It contains only texts, lists and maps of texts, so serialising cannot fail.
    written.insert(
        AnnotationKey::LastUpdate.to_string(),
        serde_json::to_string(&last).ok(),
    );
    if object.workload.id.kind == WorkloadKind::Deployment {
        let existing = object.annotations.get(change_cause::KEY);
        let cause = change_cause::change_cause(existing.map(String::as_str), changes, is_rollback);
        written.insert(change_cause::KEY.to_owned(), Some(cause));
    }
    written
}

/// What changes replace in an object as it is now, as a record names it.
pub(crate) fn replaced(object: &Observed, changes: &[&ImageChange]) -> Vec<RecordedChange> {
    let changes = changes.iter();
    changes.map(|change| recorded(object, change)).collect()
}

/// What the current record can still revert, except for these changes.
fn still_undoable(object: &Observed, changes: &[&ImageChange]) -> Vec<RecordedChange> {
    let Some(Ok(last)) = LastUpdate::from_annotations(&object.annotations) else {
        return Vec::new();
    };
    let recorded = last.undoable().iter().cloned();
    recorded
        .filter(|recorded| !changes.iter().any(|c| c.container == recorded.container))
        .collect()
}

/// The annotations that record tags.
struct TagRecords {
    /// Written by this update.
    written: BTreeMap<String, String>,
    /// Records of earlier updates that are kept.
    carried: BTreeMap<String, String>,
    /// Records of earlier updates that are no longer true.
    stale: Vec<String>,
}

fn tag_records(workload: &Workload, changes: &[&ImageChange]) -> TagRecords {
    let changed: BTreeSet<_> = changes.iter().map(|c| c.to.canonical().clone()).collect();
    let names = record_name::names(&changed);
    let records = Records::for_workload(workload);
    let mut written = BTreeMap::new();
    for change in changes {
        let Some(name) = names.get(change.to.canonical()) else {
            continue;
        };
        let key = AnnotationKey::Tag(name).to_string();
        let existing = workload.annotations.get(&key);
        let is_free = existing.is_none_or(|text| records.contain(&key, text));
        let tag = change.to.tag().map(ToString::to_string);
        let version = tag.or_else(|| change.to.digest().map(ToString::to_string));
        if is_free
            && !has_container(workload, name)
            && let Some(version) = version
        {
            written.entry(key).or_insert(version);
        }
    }

    let images = workload.containers.iter();
    let unchanged: BTreeSet<String> = images
        .filter_map(|container| container.image.parse::<ImageReference>().ok())
        .filter(|image| !changed.contains(image.canonical()))
        .flat_map(|image| record_name::possible_names(image.canonical()).collect::<Vec<_>>())
        .collect();
    let mut carried = BTreeMap::new();
    let mut stale = Vec::new();
    for (key, value) in records.existing() {
        let Some(AnnotationKey::Tag(name)) = AnnotationKey::from_spelling(key) else {
            continue;
        };
        if written.contains_key(key) {
            continue;
        }
        if has_container(workload, name) || unchanged.contains(name) {
            carried.insert(key.to_owned(), value.to_owned());
        } else {
            stale.push(key.to_owned());
        }
    }
    TagRecords {
        written,
        carried,
        stale,
    }
}

fn has_container(workload: &Workload, name: &str) -> bool {
    workload.containers.iter().any(|c| c.name == name)
}

/// What the policy of the first changed container extracts from its tag, or else the
/// previous number plus one.
fn build_number(object: &Observed, changes: &[&ImageChange]) -> String {
    if let Some(build) = changes.first().and_then(|change| change.build.clone()) {
        return build;
    }
    let previous = object.annotations.get(BUILD_NUMBER);
    let previous: u64 = previous
        .and_then(|number| number.parse().ok())
        .unwrap_or_default();
    previous.saturating_add(1).to_string()
}

fn recorded(object: &Observed, change: &ImageChange) -> RecordedChange {
    let mut containers = object.workload.containers.iter();
    let container = containers.find(|container| container.name == change.container);
    let numeric = container.and_then(|container| container.numeric_tag.as_ref());
    let from = numeric.map(|tag| tag.as_written(&change.from));
    let digest = change.to.digest().or(change.digest.as_ref());
    RecordedChange {
        container: change.container.clone(),
        from: from.unwrap_or_else(|| change.from.clone()),
        to: change.to.to_string(),
        admitted: None,
        digest: digest.map(ToString::to_string),
        policy: change.policy.clone(),
        unquoted: numeric.is_some(),
    }
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
