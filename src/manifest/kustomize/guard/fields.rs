//! The paths in the fields of a kustomization.

use serde_json::Value;

use super::plugins::{PluginConfig, inline_plugins};
use super::reference::{LocalReference, ReferenceTarget};
use crate::manifest::kustomize::error::BuildError;
use crate::manifest::kustomize::spec::{FieldReader, is_filled, kustomization_object};
use crate::manifest::kustomize::traced::{
    TracedEntry, TracedObject, TracedValue, objects_in_scalar,
};

/// Lists of paths, with what is expected there.
const LISTS: [(&str, ReferenceTarget); 5] = [
    ("resources", ReferenceTarget::Resource),
    ("bases", ReferenceTarget::Resource),
    ("components", ReferenceTarget::Folder),
    ("crds", ReferenceTarget::File),
    ("configurations", ReferenceTarget::File),
];

/// Lists of entries with a `path`.
const WITH_PATH: [&str; 3] = ["patches", "patchesJson6902", "replacements"];

/// Lists of paths or texts with the configuration of plugins.
const PLUGINS: [&str; 3] = ["generators", "transformers", "validators"];

/// Lists of entries with files.
const GENERATORS: [&str; 2] = ["configMapGenerator", "secretGenerator"];

/// Fields for which kustomize would start helm.
const HELM: [&str; 3] = ["helmCharts", "helmChartInflationGenerator", "helmGlobals"];

/// Fields without paths.
const WITHOUT_PATHS: [&str; 16] = [
    "apiVersion",
    "kind",
    "metadata",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "commonAnnotations",
    "images",
    "imageTags",
    "replicas",
    "vars",
    "sortOptions",
    "generatorOptions",
    "buildMetadata",
];

/// A kustomization whose fields were checked.
pub(crate) struct CheckedKustomization {
    /// Everything in it. Kustomize gets this instead of the text, so that it cannot read the
    /// text in another way than it was checked.
    pub(crate) value: Value,
    pub(crate) references: Vec<LocalReference>,
}

/// Every path that kustomize would read because of a kustomization; none if the file cannot
/// be checked.
#[must_use]
pub fn all_references(file: &str, text: &str) -> Vec<LocalReference> {
    let object = kustomization_object(file, text);
    match object.and_then(|object| CheckedKustomization::read(file, text, &object)) {
        Ok(checked) => checked.references,
        Err(_) => Vec::new(),
    }
}

impl CheckedKustomization {
    /// # Errors
    ///
    /// The file is no kustomization, or has a field whose paths are not known.
    pub(crate) fn read(file: &str, text: &str, object: &TracedObject) -> Result<Self, BuildError> {
        let mut reader = PathReader {
            file,
            text,
            found: Vec::new(),
            inline: Vec::new(),
        };
        reader.read(&object.value)?;
        let mut value = object.value.to_value();
        for inline in &reader.inline {
            inline.replace_in(&mut value);
        }
        Ok(Self {
            value,
            references: reader.found,
        })
    }
}

/// The checked text of a plugin inside a kustomization.
struct InlinePlugin {
    /// The key of the list as it is written.
    key: String,
    at: usize,
    config: PluginConfig,
}

impl InlinePlugin {
    fn replace_in(&self, value: &mut Value) {
        if let Some(item) = value
            .get_mut(&self.key)
            .and_then(|list| list.get_mut(self.at))
        {
            *item = Value::from(self.config.text());
        }
    }
}

struct PathReader<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<LocalReference>,
    inline: Vec<InlinePlugin>,
}

impl PathReader<'_> {
    fn read(&mut self, value: &TracedValue) -> Result<(), BuildError> {
        let mut fields = FieldReader::new(self.file, value)?;
        for field in HELM {
            if let Some(entry) = fields.take(field).filter(|entry| is_filled(&entry.value)) {
                let message = format!("{field} would start helm, which is not done here");
                return Err(BuildError::invalid(self.file, entry.line, message));
            }
        }
        for (field, target) in LISTS {
            for item in fields.list(field)? {
                self.add(item.value, field, item.line, target)?;
            }
        }
        for item in fields.list("patchesStrategicMerge")? {
            if !self.is_inline_object(item.value) {
                let target = ReferenceTarget::File;
                self.add(item.value, "patchesStrategicMerge", item.line, target)?;
            }
        }
        for field in WITH_PATH {
            for item in fields.list(field)? {
                let mut entry = FieldReader::new(item.file, item.value)?;
                if let Some(path) = entry.take("path").filter(|path| is_filled(&path.value)) {
                    let field = format!("{field} path");
                    self.add(&path.value, &field, path.line, ReferenceTarget::File)?;
                }
                entry.ignore(&[
                    "patch",
                    "target",
                    "options",
                    "source",
                    "targets",
                    "sourceValue",
                ]);
                entry.end(field)?;
            }
        }
        for field in GENERATORS {
            for item in fields.list(field)? {
                let mut entry = FieldReader::new(self.file, item.value)?;
                self.sources(&mut entry, field)?;
                entry.ignore(&[
                    "namespace",
                    "name",
                    "behavior",
                    "literals",
                    "options",
                    "type",
                ]);
                entry.end(field)?;
            }
        }
        for field in PLUGINS {
            if let Some(entry) = fields.take(field) {
                self.plugins(field, entry)?;
            }
        }
        if let Some(entry) = fields
            .take("openapi")
            .filter(|entry| is_filled(&entry.value))
        {
            for pair in entry.value.entries() {
                self.add(&pair.value, "openapi", pair.line, ReferenceTarget::File)?;
            }
        }
        fields.ignore(&WITHOUT_PATHS);
        fields.end("a kustomization, as far as it can be checked here,")
    }

    /// The files of a generator.
    fn sources(&mut self, entry: &mut FieldReader<'_>, field: &str) -> Result<(), BuildError> {
        for key in ["files", "envs"] {
            for item in entry.list(key)? {
                let name = format!("{field} {key}");
                let text = item.value.as_str().unwrap_or_default();
                match (key, text.split_once('=')) {
                    ("files", Some((_, path))) => {
                        let path = TracedValue::text(path);
                        self.add(&path, &name, item.line, ReferenceTarget::File)?;
                    }
                    _ => self.add(item.value, &name, item.line, ReferenceTarget::File)?,
                }
            }
        }
        if let Some(env) = entry.take("env").filter(|env| is_filled(&env.value)) {
            let name = format!("{field} env");
            self.add(&env.value, &name, env.line, ReferenceTarget::File)?;
        }
        Ok(())
    }

    /// A list of plugins: each item is a path or a text.
    fn plugins(&mut self, field: &str, list: &TracedEntry) -> Result<(), BuildError> {
        for (at, item) in list.value.items().iter().enumerate() {
            let TracedValue::Scalar(scalar) = item else {
                let message = format!("{field} must be a list of strings");
                return Err(BuildError::invalid(self.file, list.line, message));
            };
            let line = scalar.origins.first().map_or(list.line, |o| o.place.line);
            match inline_plugins(self.file, field, line, scalar, self.text)? {
                Some(config) => {
                    self.found.extend(config.references.iter().cloned());
                    self.inline.push(InlinePlugin {
                        key: list.key.clone(),
                        at,
                        config,
                    });
                }
                None => self.add(item, field, line, ReferenceTarget::Plugins)?,
            }
        }
        Ok(())
    }

    /// Whether an entry of `patchesStrategicMerge` can only be the text of a patch.
    fn is_inline_object(&self, value: &TracedValue) -> bool {
        let TracedValue::Scalar(scalar) = value else {
            return false;
        };
        let is_block = scalar
            .value
            .as_str()
            .is_some_and(|text| text.contains('\n'));
        let objects = objects_in_scalar(scalar, self.text);
        is_block
            && !objects.is_empty()
            && objects.iter().all(|object| {
                object.as_ref().is_ok_and(|object| {
                    !object.value.text_at(&["kind"]).is_empty()
                        && !object.value.text_at(&["metadata", "name"]).is_empty()
                })
            })
    }

    fn add(
        &mut self,
        value: &TracedValue,
        field: &str,
        line: usize,
        target: ReferenceTarget,
    ) -> Result<(), BuildError> {
        let Some(path) = value.as_str() else {
            let message = format!("{field} must contain paths");
            return Err(BuildError::invalid(self.file, line, message));
        };
        self.found.push(LocalReference {
            path: path.to_owned(),
            field: field.to_owned(),
            file: value.file().unwrap_or(self.file).to_owned(),
            line,
            target,
        });
        Ok(())
    }
}
