//! Kustomize's own file, `kustomization.yaml`: the images that it replaces, and the files
//! and folders that it includes.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, options};
use serde_json::{Map, Value};

use super::lenient;
use super::yaml;

/// The maximum number of values in the file.
const MAX_NODES: usize = 100_000;

/// The possible names of the file.
pub const KUSTOMIZATION_FILES: [&str; 3] =
    ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The keys that include files and folders.
const INCLUDES: [&str; 3] = ["resources", "bases", "components"];

/// The keys that list images; the second is the older name.
const IMAGES: [&str; 2] = ["images", "imageTags"];

/// What a `kustomization.yaml` says about images.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KustomizeFile {
    /// Included files and folders, relative to its own folder.
    pub includes: Vec<String>,
    /// The images that it replaces.
    pub images: Vec<KustomizeImage>,
}

/// An entry of `images`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KustomizeImage {
    /// The image that it replaces, without its tag.
    pub name: String,
    /// What it sets, as `newTag: 1.0.0`.
    pub sets: String,
    /// The line of that, from 1.
    pub line: usize,
}

impl KustomizeFile {
    /// Reads the file. A file that cannot be read has no images; its errors are reported
    /// where its objects are read.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let Ok(Value::Object(root)) = yaml::value(text, MAX_NODES) else {
            return Self::default();
        };
        let lines = lines(&lenient::joined(text));
        let includes = INCLUDES
            .iter()
            .filter_map(|key| root.get(*key)?.as_array())
            .flatten()
            .filter_map(|path| Some(path.as_str()?.to_owned()));
        let images = IMAGES.iter().flat_map(|key| {
            let entries = root.get(*key).and_then(Value::as_array);
            let entries = entries.into_iter().flatten().enumerate();
            entries.filter_map(|(index, entry)| image(key, index, entry.as_object()?, &lines))
        });
        Self {
            includes: includes.collect(),
            images: images.collect(),
        }
    }
}

/// Reads an entry; `None` if it replaces nothing.
fn image(
    list: &str,
    index: usize,
    entry: &Map<String, Value>,
    lines: &BTreeMap<Vec<String>, usize>,
) -> Option<KustomizeImage> {
    let name = field(entry, "name")?.1;
    let set = ["newTag", "digest", "newName"]
        .iter()
        .find_map(|key| field(entry, key))?;
    let (key, value) = set;
    let path = [list.to_owned(), index.to_string(), key.to_owned()];
    Some(KustomizeImage {
        name,
        sets: format!("{key}: {value}"),
        line: lines.get(path.as_slice()).copied().unwrap_or(1),
    })
}

/// A key as it is written, and its value, if it is not empty. Kustomize ignores the case
/// of keys.
fn field<'e>(entry: &'e Map<String, Value>, key: &str) -> Option<(&'e str, String)> {
    let (key, value) = entry
        .iter()
        .find(|(written, _)| written.eq_ignore_ascii_case(key))?;
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty()).then_some((key.as_str(), text))
}

/// A mapping or a list that is being read.
enum Open {
    /// The key whose value comes next; `None`: a key comes next.
    Mapping(Option<String>),
    /// The index of the next item.
    List(usize),
}

/// The line of each scalar, by its keys and indexes.
fn lines(text: &str) -> BTreeMap<Vec<String>, usize> {
    let mut lines = BTreeMap::new();
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str_with_options(text, options! { emit_comments: false }) {
        let Ok((event, span)) = event else { break };
        match &event {
            Event::Scalar(text, ..) => {
                if let Some(Open::Mapping(key @ None)) = open.last_mut() {
                    *key = Some(text.clone().into_owned());
                    continue;
                }
                lines.insert(path(&open), span.start.line());
                end_value(&mut open);
            }
            Event::Alias(_) => end_value(&mut open),
            Event::MappingStart(..) => open.push(Open::Mapping(None)),
            Event::SequenceStart(..) => open.push(Open::List(0)),
            Event::MappingEnd | Event::SequenceEnd => {
                open.pop();
                end_value(&mut open);
            }
            _ => {}
        }
    }
    lines
}

fn path(open: &[Open]) -> Vec<String> {
    let keys = open.iter().map(|open| match open {
        Open::Mapping(key) => key.clone().unwrap_or_default(),
        Open::List(index) => index.to_string(),
    });
    keys.collect()
}

/// Expects the next key or item.
fn end_value(open: &mut [Open]) {
    match open.last_mut() {
        // A key that is a mapping or a list is not one of kustomize's.
        Some(Open::Mapping(key)) => *key = key.take().map_or_else(|| Some(String::new()), |_| None),
        Some(Open::List(index)) => *index += 1,
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_and_includes_are_read_with_their_lines() {
        let text = "# ours\nresources:\n- ../base\n- d.yaml\ncomponents: [../c]\nimages:\n\
                    - name: org/app\n  newTag: 1.0.0\n- {name: org/side, newName: q/side}\n\
                    - name: org/none\n- name: org/empty\n  newTag: ''\n\
                    - name: org/digest\n  Digest: sha256:00\nnamePrefix: x-\n";
        let file = KustomizeFile::read(text);
        assert_eq!(file.includes, ["../base", "d.yaml", "../c"]);
        let images: Vec<_> = file
            .images
            .iter()
            .map(|image| (image.name.as_str(), image.sets.as_str(), image.line))
            .collect();
        assert_eq!(
            images,
            [
                ("org/app", "newTag: 1.0.0", 8),
                ("org/side", "newName: q/side", 9),
                ("org/digest", "Digest: sha256:00", 14),
            ]
        );
    }

    #[test]
    fn older_keys_and_numbers_are_read() {
        let file = KustomizeFile::read("bases: [a]\nimageTags:\n- name: org/app\n  newTag: 2\n");
        assert_eq!(file.includes, ["a"]);
        assert_eq!(file.images[0].sets, "newTag: 2");
    }

    #[test]
    fn broken_file_has_no_images() {
        for text in ["", "[", "- a", "images: {a: b}", "images: [a, {newTag: 1}]"] {
            assert_eq!(KustomizeFile::read(text).images, [], "{text}");
        }
    }
}
