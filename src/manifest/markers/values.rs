//! Every marker of a file, with the value that it marks or the reason why it has no effect.

use super::attach::{Attached, attach};
use super::comment::KEY;
use super::containers::container_at;
use super::scan::{ScannedDocument, ScannedScalar, scan};
use crate::manifest::document::{Located, located};
use crate::manifest::edit::TextLines;
use crate::workload::{
    ManifestSource, MarkedContainer, MarkedValue, MarkerObstacle, SEALED, Workload,
};

/// Characters that YAML 1.1 reads as line breaks, and YAML 1.2 does not.
const OTHER_LINE_BREAKS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

/// Finds the markers of a file, in the order of its text. JSON has no comments, so files
/// with that extension have none. `default_namespace` is that of workloads without one.
#[must_use]
pub fn marked_values(file: &str, text: &str, default_namespace: &str) -> Vec<MarkedValue> {
    if !text.to_ascii_lowercase().contains(KEY) || file.ends_with(".json") {
        return Vec::new();
    }
    let objects = located(text);
    let mut documents = Vec::new();
    let mut problem = None;
    for group in objects.chunk_by(|a, b| a.root.range == b.root.range) {
        let Some(first) = group.first() else { continue };
        let body = &text[first.root.range.clone()];
        let scanned = scan(body).filter(|_| !first.root.is_json);
        if problem.is_none() {
            problem = unreadable(file, text, group, scanned.as_ref());
        }
        if let Some(scanned) = scanned {
            documents.push((group, body, scanned));
        }
    }
    let reader = FileReader {
        file,
        text,
        default_namespace,
        problem,
        // Flux opens only files with these bytes, whatever the marker.
        is_opened: text.contains(&format!("{KEY:?}")),
    };
    documents
        .iter()
        .flat_map(|(group, body, scanned)| reader.document(group, body, scanned))
        .collect()
}

/// Why Flux cannot read a document; it then leaves the whole file unchanged.
fn unreadable(
    file: &str,
    text: &str,
    group: &[Located],
    scanned: Option<&ScannedDocument>,
) -> Option<String> {
    let start = group.first()?.root.range.start;
    let error = group.iter().find_map(|found| found.object.as_ref().err());
    if let Some(error) = error {
        return Some(format!(
            "{file}:{}: {}; no marker of a file counts if one of its documents cannot be read",
            error.line, error.problem
        ));
    }
    let comment = scanned?
        .comments
        .iter()
        .find(|c| c.text.contains(OTHER_LINE_BREAKS))?;
    let line = TextLines { text }.number(start + comment.start);
    Some(format!(
        "{file}:{line}: the comment contains a character that YAML 1.1 reads as a line break; \
         remove it"
    ))
}

struct FileReader<'a> {
    file: &'a str,
    text: &'a str,
    default_namespace: &'a str,
    problem: Option<String>,
    is_opened: bool,
}

impl FileReader<'_> {
    fn document(
        &self,
        group: &[Located],
        body: &str,
        scanned: &ScannedDocument,
    ) -> Vec<MarkedValue> {
        let Some(start) = group.first().map(|first| first.root.range.start) else {
            return Vec::new();
        };
        let lines = TextLines { text: self.text };
        let at = |place: usize| ManifestSource {
            file: self.file.to_owned(),
            line: lines.number(start + place),
        };
        let found = attach(body, scanned).into_iter();
        found
            .map(|attached| match attached {
                Attached::Dead(place, why) => dead(at(place), why),
                Attached::Live(_, _) if !self.is_opened => {
                    let why = format!("no marker of a file counts unless it contains {KEY:?}");
                    dead(at(0), why)
                }
                Attached::Live(index, target) => {
                    let scalar = &scanned.scalars[index];
                    let mut parent = vec![start.to_string()];
                    parent.extend_from_slice(&scalar.path);
                    parent.pop();
                    let object = group.iter().find(|o| scalar.path.starts_with(&o.path));
                    MarkedValue {
                        source: at(scalar.range.start),
                        marker: Ok(target),
                        value: scalar.text.clone(),
                        parent,
                        container: object.and_then(|object| self.container(object, scalar)),
                        obstacle: self.obstacle(object, scalar),
                    }
                }
            })
            .collect()
    }

    fn container(&self, found: &Located, scalar: &ScannedScalar) -> Option<MarkedContainer> {
        let object = found.object.as_ref().ok()?;
        let mut workload: Workload = object.workload(self.default_namespace).ok()??;
        let path = scalar.path.strip_prefix(found.path.as_slice())?;
        let (name, container_type) = container_at(&workload, &object.value, path)?;
        workload.source = Some(ManifestSource {
            file: self.file.to_owned(),
            line: object.line,
        });
        Some(MarkedContainer {
            workload: Box::new(workload),
            name,
            container_type,
        })
    }

    fn obstacle(&self, found: Option<&Located>, scalar: &ScannedScalar) -> Option<MarkerObstacle> {
        if let Some(problem) = &self.problem {
            return Some(MarkerObstacle::UnreadableFile(problem.clone()));
        }
        let is_sealed = found.is_some_and(|found| {
            let by_root = found.root.sops.as_ref().is_some_and(|sops| sops.seals_all);
            by_root || found.object.as_ref().is_ok_and(|object| object.is_sealed)
        });
        if is_sealed {
            return Some(MarkerObstacle::NotWritable(SEALED.to_owned()));
        }
        let is_encrypted = scalar.text.starts_with("ENC[") && scalar.text.ends_with(']');
        is_encrypted.then(|| {
            let why = "the value is encrypted by SOPS; change it with sops edit";
            MarkerObstacle::NotWritable(why.to_owned())
        })
    }
}

fn dead(source: ManifestSource, why: String) -> MarkedValue {
    MarkedValue {
        source,
        marker: Err(why),
        value: String::new(),
        parent: Vec::new(),
        container: None,
        obstacle: None,
    }
}
