//! Which part of a plan each commit contains.
//!
//! What must not be separated is in one part: images that one line decides, and what is
//! written to a file that can only be written as a whole.

use std::collections::{BTreeMap, BTreeSet};

use crate::image::ImageReference;
use crate::named_enum::named_enum;
use crate::plan::change::{Change, Plan};
use crate::plan::markers::decision::{ImageOfParts, MarkerDecision};
use crate::workload::{ManifestSource, MarkerPart, WorkloadId};

named_enum! {
    /// What gets a commit of its own.
    pub enum CommitPer {
        /// Everything that a run writes.
        Run = "run",
        /// Each workload, and each ImagePolicy whose markers are not in a workload.
        Workload = "workload",
        /// Each new image.
        Image = "image",
    }
}

/// The smallest thing that a commit can contain, by its position in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlannedItem {
    /// An image of a change.
    Image {
        /// The position of the change.
        change: usize,
        /// The position of the image among those of the change.
        image: usize,
    },
    /// The annotations of a change.
    Annotations {
        /// The position of the change.
        change: usize,
    },
    /// A marked value.
    Marker(usize),
}

/// What one commit contains.
pub type CommitPart = BTreeSet<PlannedItem>;

/// What two items of the same part have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum CommonGround<'p> {
    Run,
    Change(usize),
    Document(&'p WorkloadId, &'p str),
    Image(String),
    Policy(&'p str, &'p str),
    Parts(ImageOfParts<'p>),
    Line(&'p ManifestSource),
    File(&'p str),
}

impl Plan {
    /// Divides what is written into commits, in the plan's order. `is_written` says whether an
    /// item is written at all. What is written to a file of `whole` is in one commit; its links
    /// have the same value there.
    #[must_use]
    pub fn commit_parts<'p>(
        &'p self,
        per: CommitPer,
        whole: &BTreeMap<&str, &'p str>,
        is_written: impl Fn(PlannedItem) -> bool,
    ) -> Vec<CommitPart> {
        let items: Vec<PlannedItem> = self.items().filter(|item| is_written(*item)).collect();
        // The part of an item is named by the position of the first item in it.
        let mut parts: Vec<usize> = (0..items.len()).collect();
        let mut known: BTreeMap<CommonGround<'_>, usize> = BTreeMap::new();
        for (position, item) in items.iter().enumerate() {
            for ground in self.common_ground(*item, per, whole) {
                let first = *known.entry(ground).or_insert(position);
                let (one, other) = (parts[first], parts[position]);
                if one == other {
                    continue;
                }
                let joined = one.min(other);
                let both = parts
                    .iter_mut()
                    .filter(|part| **part == one || **part == other);
                both.for_each(|part| *part = joined);
            }
        }
        let mut divided: BTreeMap<usize, CommitPart> = BTreeMap::new();
        for (item, part) in items.into_iter().zip(parts) {
            divided.entry(part).or_default().insert(item);
        }
        divided.into_values().collect()
    }

    /// Everything that the plan writes.
    fn items(&self) -> impl Iterator<Item = PlannedItem> {
        let changes = self.changes.iter().enumerate();
        let changes = changes.flat_map(|(change, planned)| {
            let images = 0..planned.images.len();
            let images = images.map(move |image| PlannedItem::Image { change, image });
            let annotations = planned.images.is_empty();
            let annotations = annotations.then_some(PlannedItem::Annotations { change });
            images.chain(annotations)
        });
        let markers = self.markers.iter().enumerate();
        let markers = markers.filter(|(_, marker)| marker.is_update());
        changes.chain(markers.map(|(position, _)| PlannedItem::Marker(position)))
    }

    fn common_ground<'p>(
        &'p self,
        item: PlannedItem,
        per: CommitPer,
        whole: &BTreeMap<&str, &'p str>,
    ) -> Vec<CommonGround<'p>> {
        let mut grounds = match item {
            PlannedItem::Image { change, image } => {
                let planned = &self.changes[change];
                let own = &planned.images[image];
                let mut grounds = vec![match per {
                    CommitPer::Image => CommonGround::Image(image_name(&own.to)),
                    CommitPer::Run | CommitPer::Workload => CommonGround::Change(change),
                }];
                if per == CommitPer::Workload {
                    grounds.extend(document(planned));
                }
                grounds.extend(own.lines.iter().map(CommonGround::Line));
                grounds
            }
            PlannedItem::Annotations { change } => {
                let planned = &self.changes[change];
                let mut grounds = vec![CommonGround::Change(change)];
                grounds.extend(document(planned));
                grounds
            }
            PlannedItem::Marker(position) => marker_grounds(&self.markers[position], per),
        };
        let files = self.files_of(item).into_iter();
        let files = files.filter_map(|file| whole.get(file));
        grounds.extend(files.map(|file| CommonGround::File(file)));
        grounds.extend((per == CommitPer::Run).then_some(CommonGround::Run));
        grounds
    }

    /// The files to which an item is written.
    #[must_use]
    pub fn files_of(&self, item: PlannedItem) -> BTreeSet<&str> {
        let sources: Vec<&ManifestSource> = match item {
            PlannedItem::Marker(position) => vec![&self.markers[position].value.source],
            PlannedItem::Image { change, image } => {
                let change = &self.changes[change];
                match &change.root {
                    Some(_) => change.images[image].lines.iter().collect(),
                    None => change.source.iter().collect(),
                }
            }
            PlannedItem::Annotations { change } => self.changes[change].source.iter().collect(),
        };
        sources.into_iter().map(|one| one.file.as_str()).collect()
    }

    /// A change with only those of its images that are in a part; `None` if nothing of it is.
    #[must_use]
    pub fn change_in(&self, position: usize, part: &CommitPart) -> Option<Change> {
        let change = &self.changes[position];
        if change.images.is_empty() {
            let item = PlannedItem::Annotations { change: position };
            return part.contains(&item).then(|| change.clone());
        }
        let images = change.images.iter().enumerate();
        let images = images.filter(|(image, _)| {
            part.contains(&PlannedItem::Image {
                change: position,
                image: *image,
            })
        });
        let images: Vec<_> = images.map(|(_, image)| image.clone()).collect();
        (!images.is_empty()).then(|| Change {
            images,
            ..change.clone()
        })
    }
}

/// The document of a workload, which markers may be in as well.
fn document(change: &Change) -> Option<CommonGround<'_>> {
    let source = change.source.as_ref()?;
    let is_own = change.root.is_none();
    is_own.then(|| CommonGround::Document(&change.workload, &source.file))
}

fn marker_grounds(marker: &MarkerDecision, per: CommitPer) -> Vec<CommonGround<'_>> {
    let value = &marker.value;
    let mut grounds = vec![CommonGround::Line(&value.source)];
    grounds.extend(marker.image_of_part().map(CommonGround::Parts));
    let Some(target) = marker.target() else {
        return grounds;
    };
    match (&value.container, per) {
        (Some(container), CommitPer::Workload) => {
            let id = &container.workload.id;
            grounds.push(CommonGround::Document(id, &value.source.file));
        }
        _ => grounds.push(CommonGround::Policy(&target.namespace, &target.name)),
    }
    if per == CommitPer::Image && target.part == MarkerPart::Image {
        let image = marker.to.as_deref().and_then(|to| to.parse().ok());
        grounds.extend(image.map(|image| CommonGround::Image(image_name(&image))));
    }
    grounds
}

/// An image, whatever its spelling is.
fn image_name(image: &ImageReference) -> String {
    let mut name = image.canonical().to_string();
    if let Some(tag) = image.tag() {
        name.push_str(&format!(":{tag}"));
    }
    if let Some(digest) = image.digest() {
        name.push_str(&format!("@{digest}"));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::basis::Basis;
    use crate::plan::change::ImageChange;
    use crate::workload::{ContainerType, WorkloadKind};

    /// A change of a workload: each image with the line of a kustomization that decides it.
    fn change(name: &str, images: &[(&str, Option<usize>)]) -> Change {
        let file = format!("{name}.yaml");
        let is_built = images.iter().any(|(_, line)| line.is_some());
        let images = images.iter().enumerate().map(|(at, (to, line))| {
            let to = to.parse().expect("an image");
            let name = format!("c{at}");
            let line = line.map(|line| ManifestSource {
                file: "kustomization.yaml".to_owned(),
                line,
            });
            ImageChange {
                lines: line.into_iter().collect(),
                ..ImageChange::new(name, ContainerType::Container, "org/app:0", to)
            }
        });
        Change {
            workload: WorkloadId {
                namespace: "default".to_owned(),
                name: name.to_owned(),
                kind: WorkloadKind::Deployment,
                api_version: "apps/v1".to_owned(),
            },
            source: Some(ManifestSource { file, line: 1 }),
            root: is_built.then(|| ".".to_owned()),
            images: images.collect(),
            policy: None,
            is_rollback: false,
            notes: Vec::new(),
            basis: Basis::default(),
        }
    }

    /// The parts, each as the names of its images.
    fn parts(changes: Vec<Change>, per: CommitPer, whole: &[&str]) -> Vec<String> {
        let plan = Plan {
            changes,
            ..Plan::default()
        };
        let whole = whole.iter().map(|file| (*file, *file)).collect();
        let parts = plan.commit_parts(per, &whole, |_| true);
        let names = parts.iter().map(|part| {
            let names = part.iter().map(|item| match item {
                PlannedItem::Image { change, image } => {
                    format!("{}{image}", plan.changes[*change].workload.name)
                }
                other => format!("{other:?}"),
            });
            names.collect::<Vec<_>>().join(" ")
        });
        names.collect()
    }

    #[test]
    fn images_are_divided_as_requested() {
        let changes = vec![
            change("a", &[("org/app:1", None), ("org/side:1", None)]),
            change("b", &[("docker.io/org/app:1", None)]),
            change("c", &[("org/app:2", None)]),
        ];
        for (per, expected) in [
            (CommitPer::Run, &["a0 a1 b0 c0"][..]),
            (CommitPer::Workload, &["a0 a1", "b0", "c0"]),
            // Another spelling is the same image, and another tag is another image.
            (CommitPer::Image, &["a0 b0", "a1", "c0"]),
        ] {
            assert_eq!(parts(changes.clone(), per, &[]), expected, "{per}");
        }
    }

    #[test]
    fn what_shares_a_line_or_a_whole_file_is_one_part() {
        let built = vec![
            change("a", &[("org/app:1", Some(3))]),
            change("b", &[("org/app:1", Some(3)), ("org/side:1", Some(5))]),
            change("c", &[("org/app:1", Some(7))]),
        ];
        let found = parts(built.clone(), CommitPer::Workload, &[]);
        assert_eq!(found, ["a0 b0 b1", "c0"]);
        let found = parts(built.clone(), CommitPer::Image, &[]);
        assert_eq!(found, ["a0 b0 c0", "b1"]);
        let found = parts(built, CommitPer::Workload, &["kustomization.yaml"]);
        assert_eq!(found, ["a0 b0 b1 c0"]);
    }
}
