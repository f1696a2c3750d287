//! Whether the files of a commit show what its trailer says. Anybody can write a trailer, so
//! only what the files show is believed.

use crate::manifest::{marked_values, objects};
use crate::plan::{CommittedImage, CommittedLine, CommittedValue, RecordedChange};
use crate::workload::{Container, Workload, WorkloadId};

/// The text of one file before and after a commit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileDiff<'a> {
    pub(crate) before: &'a str,
    pub(crate) after: &'a str,
    /// The namespace of an object that does not name one.
    pub(crate) default_namespace: &'a str,
}

impl FileDiff<'_> {
    /// The change of an image, if the file shows it on a workload that is meant.
    pub(crate) fn image(
        &self,
        claim: &CommittedImage,
        is_meant: &dyn Fn(&WorkloadId) -> bool,
    ) -> Option<RecordedChange> {
        let [before, after] = [self.before, self.after].map(|text| self.workloads(text));
        let old = find(&before, claim, &claim.change.from, is_meant)?;
        find(&after, claim, &claim.change.to, |id| *id == old.id)?;
        Some(claim.change.clone())
    }

    /// The change of an image by a marked value, if the file shows it on a workload that is
    /// meant.
    pub(crate) fn value(
        &self,
        claim: &CommittedValue,
        is_meant: &dyn Fn(&WorkloadId) -> bool,
    ) -> Option<RecordedChange> {
        let [before, after] = [self.before, self.after]
            .map(|text| marked_values(&claim.file, text, self.default_namespace));
        let old = before.into_iter().find(|value| {
            let is_there = value.source.line == claim.line && value.value == claim.from;
            let container = value.container.as_ref();
            is_there && container.is_some_and(|container| is_meant(&container.workload.id))
        })?;
        let was = old.container?;
        let new = after.into_iter().find(|value| {
            let container = value.container.as_ref();
            value.marker == old.marker
                && value.value == claim.to
                && container.is_some_and(|container| {
                    container.name == was.name && container.workload.id == was.workload.id
                })
        })?;
        Some(RecordedChange {
            container: was.name.clone(),
            from: image_of(&was.workload, &was.name)?,
            to: image_of(&new.container?.workload, &was.name)?,
            admitted: None,
            digest: None,
            policy: Some(claim.policy.clone()),
            unquoted: false,
        })
    }

    /// Whether a line was changed as a trailer says.
    pub(crate) fn line(&self, claim: &CommittedLine) -> bool {
        let [before, after] = [self.before, self.after].map(|text| {
            let line = text.lines().nth(claim.line.saturating_sub(1));
            line.map(str::trim)
        });
        before == Some(&claim.from) && after == Some(&claim.to) && claim.from != claim.to
    }

    fn workloads(&self, text: &str) -> Vec<Workload> {
        let objects = objects(text).into_iter().flatten();
        objects
            .filter_map(|object| object.workload(self.default_namespace).ok()?)
            .collect()
    }
}

/// The workload of a claim whose container has this image.
fn find<'w>(
    workloads: &'w [Workload],
    claim: &CommittedImage,
    image: &str,
    is_meant: impl Fn(&WorkloadId) -> bool,
) -> Option<&'w Workload> {
    workloads.iter().find(|workload| {
        let id = &workload.id;
        // The namespace may only be known where the manifest is applied.
        id.exact() == claim.workload
            && is_meant(id)
            && image_of(workload, &claim.change.container).as_deref() == Some(image)
    })
}

/// The image of a container, as records write it.
fn image_of(workload: &Workload, container: &str) -> Option<String> {
    let mut containers = workload.containers.iter();
    let found: &Container = containers.find(|found| found.name == container)?;
    let numeric = found.numeric_tag.as_ref();
    let written = numeric.map(|tag| tag.as_written(&found.image));
    Some(written.unwrap_or_else(|| found.image.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::CommitRecord;

    fn deployment(name: &str, image: &str) -> String {
        format!(
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  \
             template:\n    spec:\n      containers:\n      - name: app\n        image: {image}\n"
        )
    }

    fn record(fields: &str) -> CommitRecord {
        CommitRecord::parse(fields).expect(fields)
    }

    fn claimed(name: &str, from: &str, to: &str) -> CommittedImage {
        let record = record(&format!(
            r#"{{"images":[{{"workload":"deployment/{name}","namespace":"x","file":"a.yaml",
            "container":"app","from":"{from}","to":"{to}","digest":null,"policy":"semver:*"}}]}}"#
        ));
        record.images.into_iter().next().expect("an image")
    }

    #[test]
    fn only_what_both_texts_show_is_believed() {
        let (before, after) = (deployment("web", "app:1"), deployment("web", "app:2"));
        let other = deployment("other", "app:2");
        for (before, after, claim, is_believed, why) in [
            (
                &before,
                &after,
                claimed("web", "app:1", "app:2"),
                true,
                "true",
            ),
            (
                &before,
                &after,
                claimed("web", "app:1", "app:3"),
                false,
                "another new image",
            ),
            (
                &before,
                &after,
                claimed("web", "app:0", "app:2"),
                false,
                "another old image",
            ),
            (
                &before,
                &before,
                claimed("web", "app:1", "app:2"),
                false,
                "no change",
            ),
            (
                &before,
                &other,
                claimed("web", "app:1", "app:2"),
                false,
                "another workload",
            ),
            (
                &before,
                &after,
                claimed("api", "app:1", "app:2"),
                false,
                "another name",
            ),
        ] {
            let diff = FileDiff {
                before,
                after,
                default_namespace: "default",
            };
            let found = diff.image(&claim, &|id| id.name == "web");
            assert_eq!(found.is_some(), is_believed, "{why}");
            assert_eq!(diff.image(&claim, &|_| false), None, "{why}: not meant");
        }
    }

    #[test]
    fn marked_value_in_a_workload_is_its_change() {
        let marker = r#" # {"$imagepolicy": "flux-system:app"}"#;
        let before = deployment("web", &format!("org/app:1{marker}"));
        let after = format!(
            "# a line more\n{}",
            deployment("web", &format!("org/app:2{marker}"))
        );
        let line = before
            .lines()
            .position(|line| line.contains("org/app:1"))
            .expect("a line")
            + 1;
        for (line, from, to, is_believed) in [
            (line, "org/app:1", "org/app:2", true),
            (line + 1, "org/app:1", "org/app:2", false),
            (line, "org/app:0", "org/app:2", false),
            (line, "org/app:1", "org/app:3", false),
        ] {
            let record = record(&format!(
                r#"{{"markers":[{{"file":"a.yaml","line":{line},"from":"{from}","to":"{to}",
                "policy":"flux-system/app","part":"image"}}]}}"#
            ));
            let diff = FileDiff {
                before: &before,
                after: &after,
                default_namespace: "default",
            };
            let found = diff.value(&record.markers[0], &|id| id.name == "web");
            assert_eq!(found.is_some(), is_believed, "{line} {from} {to}");
            if let Some(change) = found {
                assert_eq!((&*change.container, &*change.to), ("app", "org/app:2"));
            }
        }
    }
}
