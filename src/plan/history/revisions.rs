//! Updates in the revisions of a Deployment.
//!
//! Each `ReplicaSet` has a copy of the annotations that the Deployment had, so it also has the
//! record of the update that created it. What no record explains, such as `kubectl set image`,
//! is the difference between the images of two successive revisions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::entry::{HistoryEntry, HistorySource};
use crate::plan::record::record::LastUpdate;
use crate::workload::{container_images, has_former_revisions, revision};

/// The updates that created the revisions of one Deployment, the oldest first.
#[must_use]
pub fn updates_in_revisions(replica_sets: &[Value]) -> Vec<HistoryEntry> {
    let mut revisions: Vec<Revision> = replica_sets.iter().filter_map(Revision::read).collect();
    revisions.sort_by_key(|revision| revision.number);
    let mut found: Vec<HistoryEntry> = Vec::new();
    for (position, revision) in revisions.iter().enumerate() {
        let recorded = revision.recorded();
        let before = position.checked_sub(1).map(|at| &revisions[at]);
        let after = revisions[..position].iter().filter_map(Revision::last_time);
        let after = after.max();
        let replaced = before.map_or_else(Vec::new, |before| revision.replaced(before, after));
        for update in recorded {
            // A revision that was created by something else has a copy of an older record.
            let is_known = found
                .iter()
                .any(|known| known.time == update.time && known.is_same_change(&update));
            if !is_known {
                found.push(update);
            }
        }
        let source = HistorySource::Revision(revision.number);
        for update in replaced {
            let is_explained = found
                .iter()
                .any(|known| known.sources.contains(&source) && known.is_same_change(&update));
            if !is_explained {
                found.push(update);
            }
        }
    }
    found
}

/// One `ReplicaSet`.
struct Revision {
    number: u64,
    /// When it became the current one. `None` if the Deployment went back to it: then only its
    /// first time is known.
    time: Option<Timestamp>,
    images: BTreeMap<String, String>,
    record: Option<LastUpdate>,
}

impl Revision {
    fn read(replica_set: &Value) -> Option<Self> {
        let metadata = &replica_set["metadata"];
        let annotations = metadata["annotations"].as_object()?;
        let texts = annotations
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
        let created = metadata["creationTimestamp"].as_str();
        Some(Self {
            number: revision(replica_set)?,
            time: created
                .and_then(|time| time.parse().ok())
                .filter(|_| !has_former_revisions(replica_set)),
            images: container_images(&replica_set["spec"]["template"]["spec"]),
            record: LastUpdate::from_annotations(&texts).and_then(Result::ok),
        })
    }

    /// The images of its record that it really runs.
    fn recorded(&self) -> Vec<HistoryEntry> {
        let Some(record) = self.record.clone() else {
            return Vec::new();
        };
        let mut entries = HistoryEntry::of_record(record, &HistorySource::Revision(self.number));
        entries.retain(|entry| {
            let runs = self.images.get(&entry.change.container);
            runs.is_some_and(|image| entry.change.is_written(image))
        });
        entries
    }

    /// The last time that it tells of.
    fn last_time(&self) -> Option<Timestamp> {
        self.time
            .max(self.record.as_ref().map(|record| record.time))
    }

    /// The images that differ from those of the revision before it. `after`: the last time that
    /// an earlier revision tells of.
    fn replaced(&self, before: &Self, after: Option<Timestamp>) -> Vec<HistoryEntry> {
        let source = HistorySource::Revision(self.number);
        let images = self.images.iter();
        images
            .filter_map(|(container, to)| {
                let from = before.images.get(container).filter(|from| *from != to)?;
                let bare = HistoryEntry::bare(container, from, to, source.clone());
                Some(HistoryEntry {
                    time: self.time,
                    after: after.filter(|_| self.time.is_none()),
                    ..bare
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn replica_set(number: u64, tag: &str, record: Option<&str>) -> Value {
        let mut annotations = json!({"deployment.kubernetes.io/revision": number.to_string()});
        if let Some(record) = record {
            annotations["imgpolicy.dev/last-update"] = json!(record);
        }
        json!({"metadata": {"annotations": annotations,
                "creationTimestamp": format!("2026-01-0{number}T00:00:00Z")},
            "spec": {"template": {"spec": {"containers": [
                {"name": "app", "image": format!("org/app:{tag}")}]}}}})
    }

    fn record(from: &str, to: &str, day: u8) -> String {
        json!({"time": format!("2026-01-0{day}T09:00:00Z"), "by": "ada", "number": "1",
            "changes": [{"container": "app", "from": format!("org/app:{from}"),
                "to": format!("org/app:{to}"), "digest": null, "policy": "semver:*"}],
            "records": {}})
        .to_string()
    }

    /// Each update: the tags, who, and the revision.
    fn updates(replica_sets: &[Value]) -> Vec<String> {
        let found = updates_in_revisions(replica_sets);
        let words = found.iter().map(|entry| {
            let HistoryEntry { change, by, .. } = entry;
            let after = entry
                .after
                .map_or("-".to_owned(), |time| format!(">{time}"));
            let time = entry.time.map_or(after, |time| time.to_string());
            let [from, to] = [&change.from, &change.to].map(|i| i.trim_start_matches("org/app:"));
            let source = entry.sources[0].to_string();
            format!(
                "{time} {from} {to} {} {source}",
                by.as_deref().unwrap_or("-")
            )
        });
        words.collect()
    }

    #[test]
    fn record_says_who_and_a_difference_says_what() {
        let one = record("1", "2", 2);
        let sets = [
            // As the API lists them: in no order.
            replica_set(3, "3", Some(&one)),
            replica_set(1, "1", None),
            replica_set(2, "2", Some(&one)),
        ];
        assert_eq!(
            updates(&sets),
            [
                "2026-01-02T09:00:00Z 1 2 ada revision 2",
                "2026-01-03T00:00:00Z 2 3 - revision 3",
            ]
        );
    }

    #[test]
    fn record_that_the_images_contradict_is_not_believed() {
        let false_record = record("1", "9", 2);
        let sets = [
            replica_set(1, "1", None),
            replica_set(2, "2", Some(&false_record)),
        ];
        assert_eq!(updates(&sets), ["2026-01-02T00:00:00Z 1 2 - revision 2"]);
    }

    #[test]
    fn oldest_revision_has_only_its_record_and_a_reused_one_has_no_time() {
        let one = record("1", "2", 2);
        assert_eq!(
            updates(&[replica_set(7, "2", Some(&one))]),
            ["2026-01-02T09:00:00Z 1 2 ada revision 7"]
        );
        let mut reused = replica_set(4, "1", None);
        reused["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] = json!("1");
        assert_eq!(
            updates(&[replica_set(3, "2", None), reused]),
            [">2026-01-03T00:00:00Z 2 1 - revision 4"]
        );
    }
}
