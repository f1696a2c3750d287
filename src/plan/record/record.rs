//! The record that an update leaves at the workload, in the same write as the
//! images.
//!
//! A record never overwrites a policy: a key that names a container, or whose
//! value no update can have written, is left alone. What earlier updates
//! recorded of other images stays a record: it is carried on in `records`,
//! without which a container of that name would take it for its policy. What
//! they recorded of images that are not there any more, or under another key
//! of an image that is written now, would tell what is no longer true and goes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::authorship::Authorship;
use super::change_cause;
use super::record_name;
use crate::image::ImageReference;
use crate::plan::change::ImageChange;
use crate::policy::{AnnotationKey, Records};
use crate::workload::{Observed, Workload, WorkloadKind};

/// The key of the build number.
const BUILD_NUMBER: &str = "fluxcd.io/build.number";

/// The value of `imgpolicy.dev/last-update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUpdate {
    /// When, in whole seconds.
    pub time: Timestamp,
    /// Who.
    pub by: String,
    /// The build number, as `fluxcd.io/build.number` has it: any text, since an
    /// expression's group may match any. A bare number is read as well.
    #[serde(deserialize_with = "text_or_number")]
    pub number: String,
    /// What was replaced.
    pub changes: Vec<RecordedChange>,
    /// The keys that tell the written tags, with their values, of this update
    /// and of those before it.
    pub records: BTreeMap<String, String>,
    /// What was lifted for it; left out where that is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<String>,
    /// Whether it put back what an earlier update replaced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rollback: bool,
    /// Of a rollback: what of the update it has not put back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<RecordedChange>,
}

/// One image that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedChange {
    /// The container.
    pub container: String,
    /// The image before.
    pub from: String,
    /// The image after.
    pub to: String,
    /// What its tag served.
    pub digest: Option<String>,
    /// The policy that elected it.
    pub policy: Option<String>,
    /// Whether the tag of `from` stood in a Helm release's values without quotes and
    /// as it is told here, and was not read as text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unquoted: bool,
}

impl LastUpdate {
    /// What a rollback can still put back.
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
    /// The annotation is no record, with the reason.
    pub fn of(annotations: &BTreeMap<String, String>) -> Option<Result<Self, serde_json::Error>> {
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

/// The annotations that tell of an update, for an object as it is now. `changes`
/// are what is written to it, in the order of its spec.
pub(crate) fn annotations(
    object: &Observed,
    changes: &[&ImageChange],
    is_rollback: bool,
    authorship: &Authorship,
) -> BTreeMap<String, Option<String>> {
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
        changes: changes
            .iter()
            .map(|change| recorded(object, change))
            .collect(),
        records,
        overrides: overrides.iter().map(ToString::to_string).collect(),
        rollback: is_rollback,
        pending: match is_rollback {
            true => still_undoable(object, changes),
            false => Vec::new(),
        },
    };
    written.insert(BUILD_NUMBER.to_owned(), Some(number));
    // Text, lists and maps of text: there is nothing in it that JSON cannot say.
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

/// What the record so far can undo, but for what these changes do.
fn still_undoable(object: &Observed, changes: &[&ImageChange]) -> Vec<RecordedChange> {
    let Some(Ok(last)) = LastUpdate::of(&object.annotations) else {
        return Vec::new();
    };
    let is_undone = |name: &str| changes.iter().any(|change| change.container == name);
    let recorded = last.undoable().iter().cloned();
    recorded.filter(|r| !is_undone(&r.container)).collect()
}

/// What becomes of the keys that tell tags.
struct TagRecords {
    /// Written now.
    written: BTreeMap<String, String>,
    /// Records of earlier updates that stay.
    carried: BTreeMap<String, String>,
    /// Records of earlier updates that are no longer true.
    stale: Vec<String>,
}

fn tag_records(workload: &Workload, changes: &[&ImageChange]) -> TagRecords {
    let changed: BTreeSet<_> = changes.iter().map(|c| c.to.canonical().clone()).collect();
    let names = record_name::names(&changed);
    let names_container = |name: &str| workload.containers.iter().any(|c| c.name == name);
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
            && !names_container(name)
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
        if names_container(name) || unchanged.contains(name) {
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

/// What the first changed container's policy finds in its tag, else one more
/// than the last time.
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
        digest: digest.map(ToString::to_string),
        policy: change.policy.clone(),
        unquoted: numeric.is_some(),
    }
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
