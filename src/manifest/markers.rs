//! The markers of Flux image automation.
//!
//! `image: org/app:1 # {"$imagepolicy": "ns:name"}` means that Flux also writes this line,
//! and which ImagePolicy it follows. In the values of a Helm release, the name and the tag
//! may be on separate lines, marked `ns:name:name` and `ns:name:tag`. A marker elsewhere,
//! such as on an argument, belongs to no container and is not reported.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, options};
use serde_json::Value;

use super::lenient;
use crate::workload::{ContainerType, HelmImage, ImageMarker, Workload, WorkloadKind, helm_images};

/// A marker and the value on the same line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The keys and list indexes from the object to the value.
    pub path: Vec<String>,
    /// The ImagePolicy's `namespace:name`, without the variant.
    pub policy: String,
}

impl Marker {
    /// The same marker relative to an item of the list that contains it.
    pub(crate) fn below(&self, index: usize) -> Option<Self> {
        match self.path.as_slice() {
            [items, item, path @ ..] if items == "items" && *item == index.to_string() => {
                Some(Self {
                    path: path.to_vec(),
                    policy: self.policy.clone(),
                })
            }
            _ => None,
        }
    }
}

/// Adds the markers of an object to the containers of the workload that was decoded from
/// it.
pub fn mark(workload: &mut Workload, object: &Value, markers: &[Marker]) {
    if markers.is_empty() {
        return;
    }
    let is_release = workload.id.kind == WorkloadKind::HelmRelease;
    let values = object.pointer("/spec/values").and_then(Value::as_object);
    let images = values
        .filter(|_| is_release)
        .map_or_else(BTreeMap::new, |values| {
            helm_images(values, &workload.annotations)
        });
    for marker in markers {
        let target = if is_release {
            release_image(&images, &marker.path).map(|name| (name, ContainerType::Container))
        } else {
            pod_container(object, &marker.path).map(|(name, list)| (name.to_owned(), list))
        };
        let Some((name, container_type)) = target else {
            continue;
        };
        let container = workload
            .containers
            .iter_mut()
            .find(|c| c.name == name && c.container_type == container_type);
        if let Some(container) = container {
            container.marker = Some(ImageMarker {
                policy: marker.policy.clone(),
            });
        }
    }
}

/// The container at `…/containers/N/image`.
fn pod_container<'a>(object: &'a Value, path: &[String]) -> Option<(&'a str, ContainerType)> {
    let [pod @ .., list, index, image] = path else {
        return None;
    };
    let container_type = match list.as_str() {
        "containers" => ContainerType::Container,
        "initContainers" => ContainerType::InitContainer,
        _ => return None,
    };
    if image != "image" {
        return None;
    }
    let mut at = object;
    for key in pod {
        at = at.get(key)?;
    }
    let container = at.get(list)?.get(index.parse::<usize>().ok()?)?;
    Some((container.get("name")?.as_str()?, container_type))
}

/// The row name of the image of a release that has the marked value.
fn release_image(images: &BTreeMap<String, HelmImage>, path: &[String]) -> Option<String> {
    let path = path.strip_prefix(&["spec".to_owned(), "values".to_owned()])?;
    let mut images = images.iter();
    let found = images.find(|(_, image)| {
        let parts = [&image.tag, &image.registry, &image.digest];
        image.repository == path || parts.into_iter().flatten().any(|part| part == path)
    });
    found.map(|(name, _)| name.clone())
}

/// Finds the markers of one document, with paths from its root.
pub(crate) fn find(text: &str) -> Vec<Marker> {
    // Few documents have markers, and only those are parsed a second time.
    if !text.contains(KEY) {
        return Vec::new();
    }
    let mut scan = MarkerScan::default();
    let text = &*lenient::joined(text);
    // A licence comment may exceed the parser's own limit. The text itself is limited.
    let options = options! { max_buffered_comment_events: text.len() };
    for event in Parser::new_from_str_with_options(text, options) {
        // The document was parsed before, so there cannot be an error here.
        let Ok((event, span)) = event else { break };
        scan.event(&event, span.start.line(), span.end.line());
    }
    scan.found
}

const KEY: &str = "$imagepolicy";

/// A list or a mapping that has begun but not ended.
enum OpenCollection {
    List { next: usize },
    Mapping { key: Option<String>, at_key: bool },
}

#[derive(Default)]
struct MarkerScan {
    open: Vec<OpenCollection>,
    /// The path of the last scalar value and the line on which it ends.
    last: Option<(Vec<String>, usize)>,
    found: Vec<Marker>,
}

impl MarkerScan {
    fn event(&mut self, event: &Event<'_>, first_line: usize, last_line: usize) {
        match event {
            Event::Scalar(text, ..) => self.scalar(text, last_line),
            Event::Alias(_) => self.scalar("", last_line),
            Event::MappingStart(..) => self.open.push(OpenCollection::Mapping {
                key: None,
                at_key: true,
            }),
            Event::SequenceStart(..) => self.open.push(OpenCollection::List { next: 0 }),
            Event::MappingEnd | Event::SequenceEnd => {
                self.open.pop();
                self.advance();
            }
            Event::Comment(text, _) => self.comment(text, first_line),
            _ => {}
        }
    }

    fn scalar(&mut self, text: &str, line: usize) {
        if let Some(OpenCollection::Mapping { key, at_key: true }) = self.open.last_mut() {
            *key = Some(text.to_owned());
        } else {
            self.last = Some((self.path(), line));
        }
        self.advance();
    }

    /// Advances the innermost list or mapping after a key or a value.
    fn advance(&mut self) {
        match self.open.last_mut() {
            Some(OpenCollection::Mapping { at_key, .. }) => *at_key = !*at_key,
            Some(OpenCollection::List { next }) => *next += 1,
            None => {}
        }
    }

    fn path(&self) -> Vec<String> {
        let open = self.open.iter();
        open.map(|collection| match collection {
            OpenCollection::List { next } => next.to_string(),
            OpenCollection::Mapping { key, .. } => key.clone().unwrap_or_default(),
        })
        .collect()
    }

    fn comment(&mut self, text: &str, line: usize) {
        let Some(policy) = parse_policy(text) else {
            return;
        };
        if let Some((path, _)) = self.last.take_if(|(_, end)| *end == line) {
            self.found.push(Marker { path, policy });
        }
    }
}

/// Parses the text after the `#`: ` {"$imagepolicy": "ns:name"}`.
fn parse_policy(comment: &str) -> Option<String> {
    let marker: Value = serde_json::from_str(comment.trim()).ok()?;
    let text = marker.get(KEY)?.as_str()?;
    let mut parts = text.split(':');
    let (namespace, name) = (parts.next()?, parts.next()?);
    let known = match parts.next() {
        None | Some("tag" | "name" | "digest") => parts.next().is_none(),
        Some(_) => false,
    };
    (known && !namespace.is_empty() && !name.is_empty()).then(|| format!("{namespace}:{name}"))
}
