//! What a commit writes: in words for people, and in one line for programs.
//!
//! Images come from the record of their edit, so that the commit and the workload's
//! annotations say the same.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::committed_annotations::CommittedAnnotations;
use super::message_template::{MessageField, MessageTemplate, joined};
use super::recorded_change::RecordedChange;
use crate::image::ImageReference;
use crate::plan::change::Change;
use crate::plan::edit::Edit;
use crate::plan::markers::decision::MarkerDecision;
use crate::plan::record::authorship::Override;

/// The trailer with the data of a commit.
pub const COMMIT_TRAILER: &str = "Imgpolicy-Update";

/// What one commit writes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CommitRecord {
    /// The images of workloads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<CommittedImage>,
    /// The values with markers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub markers: Vec<CommittedValue>,
    /// The annotations of workloads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<CommittedAnnotations>,
    /// The safeguards that were overridden.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<String>,
}

/// One image of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommittedImage {
    /// `deployment/web`.
    pub workload: String,
    /// Its namespace.
    pub namespace: String,
    /// From the root of the work tree.
    pub file: String,
    /// What was replaced.
    #[serde(flatten)]
    pub change: RecordedChange,
    /// Where a forge shows what has changed between the two images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare: Option<String>,
    /// For an image that a kustomization decides: the lines that were edited for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<CommittedLine>,
    /// Why it was elected, as a sentence.
    #[serde(skip)]
    why: String,
}

/// One line of a file, without the blanks around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommittedLine {
    /// From the root of the work tree.
    pub file: String,
    /// Its number.
    pub line: usize,
    /// The line before.
    pub from: String,
    /// The line after.
    pub to: String,
}

/// One value with a marker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommittedValue {
    /// From the root of the work tree.
    pub file: String,
    /// The line in the file as it was before.
    pub line: usize,
    /// The value before.
    pub from: String,
    /// The value after.
    pub to: String,
    /// The ImagePolicy, `namespace/name`.
    pub policy: String,
    /// Which part of the image it is: `image`, `name`, `tag` or `digest`.
    pub part: String,
    #[serde(skip)]
    why: String,
}

impl CommitRecord {
    /// Reads the value of the trailer. What it says need not be true.
    ///
    /// # Errors
    ///
    /// The text is not the data of a commit.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// A commit of nothing, in which these safeguards were overridden.
    #[must_use]
    pub fn new(overrides: &[Override]) -> Self {
        let mut overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
        overrides.sort_unstable();
        overrides.dedup();
        Self {
            overrides,
            ..Self::default()
        }
    }

    /// Adds the images or annotations that an edit has written. `file` is the path in the work
    /// tree.
    pub fn add_change(&mut self, change: &Change, edit: &Edit, file: &str) {
        if let Some(annotations) = CommittedAnnotations::of_edit(change, edit, file)
            && change.images.is_empty()
        {
            self.annotations.push(annotations);
            return;
        }
        // The commit is a record of its own, also if the annotations have none.
        for recorded in &edit.replaced {
            let mut images = change.images.iter();
            // The record may also have images of another commit.
            let Some(image) = images.find(|image| image.container == recorded.container) else {
                continue;
            };
            self.images.push(CommittedImage {
                workload: change.workload.exact(),
                namespace: change.workload.namespace.clone(),
                file: file.to_owned(),
                why: image.message.clone(),
                compare: image.compare.clone(),
                change: recorded.clone(),
                lines: Vec::new(),
            });
        }
    }

    /// Adds the images of a workload that a kustomization builds. `file` is the path of the
    /// first file that decides them, and `lines` are all lines of the commit.
    pub fn add_built_change(&mut self, change: &Change, file: &str, lines: &[CommittedLine]) {
        for image in &change.images {
            let change_of_image = RecordedChange::of_image(image);
            let own = lines.iter().filter(|line| line.shows(&change_of_image));
            self.images.push(CommittedImage {
                workload: change.workload.exact(),
                namespace: change.workload.namespace.clone(),
                file: file.to_owned(),
                why: image.message.clone(),
                compare: image.compare.clone(),
                lines: own.cloned().collect(),
                change: change_of_image,
            });
        }
    }

    /// Adds a marked value that was written. `file` is the path in the work tree, and `line` the
    /// line of the value before the commit.
    pub fn add_marker(&mut self, marker: &MarkerDecision, file: &str, line: usize) {
        let (Some(target), Some(to)) = (marker.target(), &marker.to) else {
            return;
        };
        self.markers.push(CommittedValue {
            file: file.to_owned(),
            line,
            from: marker.value.value.clone(),
            to: to.clone(),
            policy: format!("{}/{}", target.namespace, target.name),
            part: target.part.as_str().to_owned(),
            why: marker.message.clone(),
        });
    }

    /// The message: a subject, a paragraph for each image and value, and the trailer. The
    /// user's words, if there are any, take the place of the subject. `at`: the time of the
    /// update.
    #[must_use]
    pub fn message(&self, template: Option<&MessageTemplate>, at: Timestamp) -> String {
        let mut paragraphs = vec![match template {
            Some(template) => template.fill(|field| one_line(&self.field(field, at))),
            None => self.subject(),
        }];
        paragraphs.extend(self.images.iter().map(CommittedImage::paragraph));
        paragraphs.extend(self.markers.iter().map(CommittedValue::paragraph));
        paragraphs.extend(self.annotations.iter().map(|own| paragraph(&own.lines())));
        if !self.overrides.is_empty() {
            paragraphs.push(format!("Overridden: {}", self.overrides.join(", ")));
        }
        // It contains only texts and lists of texts, so serialising cannot fail.
        let trailer = serde_json::to_string(self).unwrap_or_default();
        paragraphs.push(format!("{COMMIT_TRAILER}: {trailer}"));
        paragraphs.join("\n\n") + "\n"
    }

    /// What a field of a template stands for. Of several images and values, each text is named
    /// once.
    fn field(&self, field: MessageField, at: Timestamp) -> String {
        let images = self.images.iter();
        let values = self.markers.iter();
        match field {
            MessageField::Workload => {
                let places = values.map(|value| format!("{}:{}", value.file, value.line));
                let annotated = self.annotations.iter().map(|own| own.workload.clone());
                joined(
                    images
                        .map(|image| image.workload.clone())
                        .chain(places)
                        .chain(annotated),
                )
            }
            MessageField::Namespace => {
                let annotated = self.annotations.iter().map(|own| own.namespace.clone());
                joined(images.map(|image| image.namespace.clone()).chain(annotated))
            }
            MessageField::Container => joined(images.map(|image| image.change.container.clone())),
            MessageField::Image => joined(images.map(|image| split(&image.change.to).0)),
            MessageField::Old => {
                let old = images.map(|image| split(&image.change.from).1);
                joined(old.chain(values.map(|value| value.from.clone())))
            }
            MessageField::New => {
                let new = images.map(|image| split(&image.change.to).1);
                joined(new.chain(values.map(|value| value.to.clone())))
            }
            MessageField::Policy => {
                let policies = images.map(|image| image.change.policy.clone().unwrap_or_default());
                joined(policies.chain(values.map(|value| value.policy.clone())))
            }
            MessageField::Compare => {
                joined(images.map(|image| image.compare.clone().unwrap_or_default()))
            }
            MessageField::Count => {
                (self.images.len() + self.markers.len() + self.annotations.len()).to_string()
            }
            MessageField::Date => at.strftime("%Y-%m-%d").to_string(),
        }
    }

    fn subject(&self) -> String {
        let text = match (&self.images[..], &self.markers[..]) {
            ([], []) => CommittedAnnotations::subject(&self.annotations),
            ([one], []) => format!(
                "Update {} ({}): {}",
                one.workload,
                one.change.container,
                replacement(&one.change.from, &one.change.to)
            ),
            ([], [one]) => format!(
                "Update {}:{} ({}): {}",
                one.file,
                one.line,
                one.policy,
                replacement(&one.from, &one.to)
            ),
            (images, []) => match images {
                [first, rest @ ..] if rest.iter().all(|other| other.is_in_workload_of(first)) => {
                    format!("Update {} images of {}", images.len(), first.workload)
                }
                [first, rest @ ..] if rest.iter().all(|other| other.has_image_of(first)) => {
                    let (name, version) = split(&first.change.to);
                    format!("Update {name} to {version} in {} containers", images.len())
                }
                _ => format!("Update {} images", images.len()),
            },
            ([], [first, rest @ ..]) if rest.iter().all(|one| one.policy == first.policy) => {
                let values = counted(1 + rest.len(), "marked value");
                format!("Update {values} of {}", first.policy)
            }
            ([], values) => format!("Update {} marked values", values.len()),
            (images, values) => format!(
                "Update {} and {}",
                counted(images.len(), "image"),
                counted(values.len(), "marked value")
            ),
        };
        one_line(&text)
    }
}

impl CommittedLine {
    /// The lines of a text that are different in another one with as many lines. `file` is the
    /// path in the work tree.
    #[must_use]
    pub fn between(file: &str, before: &str, after: &str) -> Vec<Self> {
        let pairs = before.lines().zip(after.lines()).enumerate();
        pairs
            .filter(|(_, (old, new))| old != new)
            .map(|(at, (old, new))| Self {
                file: file.to_owned(),
                line: at + 1,
                from: old.trim().to_owned(),
                to: new.trim().to_owned(),
            })
            .collect()
    }

    /// Whether the line had a part of the old image, and has the same part of the new one.
    #[must_use]
    pub fn shows(&self, change: &RecordedChange) -> bool {
        let images = [&change.from, &change.to].map(|image| image.parse::<ImageReference>());
        let [Ok(old), Ok(new)] = images else {
            return false;
        };
        let parts = [
            (
                old.tag().map(ToString::to_string),
                new.tag().map(ToString::to_string),
            ),
            (
                old.digest().map(ToString::to_string),
                new.digest().map(ToString::to_string),
            ),
            (Some(old.name().to_string()), Some(new.name().to_string())),
        ];
        parts.into_iter().any(|(old, new)| match (old, new) {
            (Some(old), Some(new)) => {
                old != new && self.from.contains(&old) && self.to.contains(&new)
            }
            _ => false,
        })
    }
}

impl CommittedImage {
    fn is_in_workload_of(&self, other: &Self) -> bool {
        (&self.workload, &self.namespace, &self.file)
            == (&other.workload, &other.namespace, &other.file)
    }

    fn has_image_of(&self, other: &Self) -> bool {
        self.change.to == other.change.to && !split(&self.change.to).1.is_empty()
    }

    fn paragraph(&self) -> String {
        let RecordedChange {
            container,
            from,
            to,
            digest,
            policy,
            ..
        } = &self.change;
        let mut lines = vec![
            format!(
                "{} in namespace {}, container {container}, {}",
                self.workload, self.namespace, self.file
            ),
            format!("  {from} → {to}"),
        ];
        lines.extend(digest.iter().map(|digest| format!("  digest: {digest}")));
        let policy = policy.as_deref().unwrap_or("none");
        lines.push(format!("  policy: {policy}"));
        if !self.why.is_empty() {
            lines.push(format!("  why: {}", self.why));
        }
        lines.extend(self.compare.iter().map(|url| format!("  compare: {url}")));
        paragraph(&lines)
    }
}

impl CommittedValue {
    fn paragraph(&self) -> String {
        let Self {
            file,
            line,
            from,
            to,
            policy,
            part,
            why,
        } = self;
        paragraph(&[
            format!("{file}:{line}, {part}"),
            format!("  {from} → {to}"),
            format!("  policy: {policy}"),
            format!("  why: {why}"),
        ])
    }
}

/// The name of an image, and what is behind it.
fn split(image: &str) -> (String, String) {
    let name = image.rfind('/').map_or(0, |slash| slash + 1);
    let rest = image[name..].find([':', '@']).map(|at| name + at);
    match rest {
        Some(at) => (image[..at].to_owned(), image[at + 1..].to_owned()),
        None => (image.to_owned(), String::new()),
    }
}

/// `docker.io/org/my-app:1.0.0 → 1.0.1`, with the complete new image only if another part of
/// it changes than what is behind the name.
fn replacement(from: &str, to: &str) -> String {
    let name = to.rfind('/').map_or(0, |slash| slash + 1);
    let rest = to[name..].find([':', '@']).map(|at| name + at + 1);
    let is_same_name = |at: &usize| from.get(..*at) == Some(&to[..*at]);
    match rest.filter(is_same_name) {
        Some(at) => format!("{from} → {}", &to[at..]),
        None => format!("{from} → {to}"),
    }
}

fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Text from manifests must not begin a line of its own, which could be another trailer.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn paragraph(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| one_line(line)).collect();
    lines.join("\n")
}
