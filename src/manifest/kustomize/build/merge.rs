//! Strategic merge patches, as far as images need them.

use crate::manifest::kustomize::traced::{TracedEntry, TracedValue};
use crate::workload::WorkloadKind;

/// The lists of a Pod's spec that are merged by the names of their items. The other lists are
/// replaced: whether kustomize would merge them makes no difference to an image.
const MERGED_BY_NAME: [&str; 5] = [
    "containers",
    "initContainers",
    "ephemeralContainers",
    "volumes",
    "imagePullSecrets",
];

/// Other kinds whose schema kustomize knows, besides those of workloads.
const OTHER_KINDS: [(&str, &str); 3] = [
    ("v1", "Pod"),
    ("v1", "PodTemplate"),
    ("v1", "ReplicationController"),
];

/// The directive of a mapping or of an item of a list.
const DIRECTIVE: &str = "$patch";

/// A directive that is not modelled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownDirective {
    /// `$retainKeys`.
    pub(crate) key: String,
    pub(crate) line: usize,
}

/// Merges a patch into an object. `Ok(None)`: the patch deletes the object.
///
/// # Errors
///
/// The patch has a directive that is not modelled.
pub(crate) fn merge_object(
    object: TracedValue,
    patch: &TracedValue,
) -> Result<Option<TracedValue>, UnknownDirective> {
    let merger = Merger {
        has_schema: has_schema(&object),
    };
    merger.merge(object, patch, "")
}

/// Whether kustomize knows which lists of an object are merged.
fn has_schema(object: &TracedValue) -> bool {
    let api_version = object.text_at(&["apiVersion"]);
    let kind = object.text_at(&["kind"]);
    let workload = WorkloadKind::from_api(api_version, kind);
    workload.is_some_and(|kind| kind != WorkloadKind::HelmRelease)
        || OTHER_KINDS.contains(&(api_version, kind))
        || (api_version == "apps/v1" && kind == "ReplicaSet")
}

/// What a directive says about the value that has it.
#[derive(PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

struct Merger {
    has_schema: bool,
}

impl Merger {
    fn merge(
        &self,
        old: TracedValue,
        patch: &TracedValue,
        key: &str,
    ) -> Result<Option<TracedValue>, UnknownDirective> {
        match (old, patch) {
            (old, TracedValue::Mapping(_)) => self.merge_mapping(old, patch),
            (TracedValue::List(old), TracedValue::List(new))
                if self.has_schema && MERGED_BY_NAME.contains(&key) =>
            {
                self.merge_list(old, new).map(Some)
            }
            (_, TracedValue::List(items)) => {
                // What kustomize makes of a directive in such a list is hard to foresee.
                let mut keys = items.iter().flat_map(TracedValue::entries);
                match keys.find(|entry| entry.key.starts_with('$')) {
                    Some(entry) => Err(unknown(entry)),
                    None => Ok(Some(patch.clone())),
                }
            }
            (_, scalar) if scalar.is_null() => Ok(None),
            (_, scalar) => Ok(Some(scalar.clone())),
        }
    }

    fn merge_mapping(
        &self,
        old: TracedValue,
        patch: &TracedValue,
    ) -> Result<Option<TracedValue>, UnknownDirective> {
        let mut entries = match (directive(patch)?, old) {
            (Directive::Delete, _) => return Ok(None),
            (Directive::Merge, TracedValue::Mapping(entries)) => entries,
            _ => Vec::new(),
        };
        for new in patch
            .entries()
            .iter()
            .filter(|entry| entry.key != DIRECTIVE)
        {
            let at = entries.iter().position(|entry| entry.key == new.key);
            let old = match at {
                Some(at) => std::mem::replace(&mut entries[at].value, null()),
                None => null(),
            };
            match (at, self.merge(old, &new.value, &new.key)?) {
                (Some(at), Some(value)) => entries[at].value = value,
                (Some(at), None) => drop(entries.remove(at)),
                (None, Some(value)) => entries.push(TracedEntry {
                    value,
                    ..new.clone()
                }),
                (None, None) => {}
            }
        }
        Ok(Some(TracedValue::Mapping(entries)))
    }

    /// Merges the items that have the same name. Items that only the patch has come first, as
    /// in kustomize.
    fn merge_list(
        &self,
        old: Vec<TracedValue>,
        patch: &[TracedValue],
    ) -> Result<TracedValue, UnknownDirective> {
        for item in patch {
            if matches!(item, TracedValue::Mapping(_)) && directive(item)? == Directive::Replace {
                return list_without_directives(patch);
            }
        }
        let mut left: Vec<Option<TracedValue>> = old.into_iter().map(Some).collect();
        let mut items = Vec::new();
        for new in patch {
            let name = new.text_at(&["name"]);
            let same = left.iter_mut().find(|item| {
                let item = item.as_ref().map(|item| item.text_at(&["name"]));
                item.is_some_and(|item| item == name)
            });
            let merged = self.merge(same.and_then(Option::take).unwrap_or_else(null), new, "")?;
            items.extend(merged);
        }
        items.extend(left.into_iter().flatten());
        Ok(TracedValue::List(items))
    }
}

fn null() -> TracedValue {
    TracedValue::Scalar(crate::manifest::kustomize::traced::TracedScalar {
        value: serde_json::Value::Null,
        origins: Vec::new(),
    })
}

/// The items of a list without those that are only a directive.
fn list_without_directives(items: &[TracedValue]) -> Result<TracedValue, UnknownDirective> {
    let mut kept = Vec::new();
    for item in items {
        if let TracedValue::Mapping(entries) = item {
            let is_deleted = directive(item)? == Directive::Delete;
            let is_directive = entries.len() == 1 && entries[0].key == DIRECTIVE;
            if is_deleted || is_directive {
                continue;
            }
        }
        let mut item = item.clone();
        item.remove(DIRECTIVE);
        kept.push(item);
    }
    Ok(TracedValue::List(kept))
}

fn unknown(entry: &TracedEntry) -> UnknownDirective {
    UnknownDirective {
        key: entry.key.clone(),
        line: entry.line,
    }
}

fn directive(value: &TracedValue) -> Result<Directive, UnknownDirective> {
    let mut found = Directive::Merge;
    for entry in value.entries() {
        if !entry.key.starts_with('$') {
            continue;
        }
        found = match (entry.key.as_str(), entry.value.as_str()) {
            (DIRECTIVE, Some("merge")) => Directive::Merge,
            (DIRECTIVE, Some("replace")) => Directive::Replace,
            (DIRECTIVE, Some("delete")) => Directive::Delete,
            _ => return Err(unknown(entry)),
        };
    }
    Ok(found)
}
