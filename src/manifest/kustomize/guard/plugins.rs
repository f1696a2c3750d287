//! The configuration of generators, transformers and validators.

use serde_json::Value;

use super::reference::{LocalReference, ReferenceTarget};
use crate::manifest::kustomize::error::BuildError;
use crate::manifest::kustomize::spec::{FieldReader, is_filled};
use crate::manifest::kustomize::traced::{
    TracedObject, TracedScalar, TracedValue, objects_in_scalar, traced_objects,
};

/// Kustomize's own plugins without paths in their configuration.
const WITHOUT_PATHS: [&str; 13] = [
    "AnnotationsTransformer",
    "HashTransformer",
    "IAMPolicyGenerator",
    "ImageTagTransformer",
    "LabelTransformer",
    "LegacyOrderTransformer",
    "NamespaceTransformer",
    "PrefixSuffixTransformer",
    "PrefixTransformer",
    "ReplicaCountTransformer",
    "SortOrderTransformer",
    "SuffixTransformer",
    "VarTransformer",
];

/// Those with paths that are known.
const WITH_PATHS: [&str; 6] = [
    "ConfigMapGenerator",
    "PatchJson6902Transformer",
    "PatchStrategicMergeTransformer",
    "PatchTransformer",
    "ReplacementTransformer",
    "SecretGenerator",
];

/// The configuration of some plugins, checked.
#[derive(Debug)]
pub(crate) struct PluginConfig {
    values: Vec<Value>,
    pub(crate) references: Vec<LocalReference>,
}

impl PluginConfig {
    /// What kustomize gets instead of the text that was checked.
    pub(crate) fn text(&self) -> String {
        let values = self.values.iter().map(|value| format!("---\n{value}\n"));
        values.collect()
    }

    /// Reads a file that `field` names.
    ///
    /// # Errors
    ///
    /// It cannot be checked.
    pub(crate) fn read(file: &str, field: &str, text: &str) -> Result<Self, BuildError> {
        let objects: Result<Vec<_>, _> = traced_objects(file, text).into_iter().collect();
        let objects = objects
            .map_err(|error| BuildError::invalid(file, error.line, error.problem.to_string()))?;
        Self::check(file, field, &objects)
    }

    fn check(file: &str, field: &str, objects: &[TracedObject]) -> Result<Self, BuildError> {
        let mut config = Self {
            values: Vec::new(),
            references: Vec::new(),
        };
        if objects.is_empty() {
            return Err(BuildError::invalid(
                file,
                1,
                format!("{field}: the text is empty"),
            ));
        }
        for object in objects {
            config.add(file, field, object)?;
        }
        Ok(config)
    }

    fn add(&mut self, file: &str, field: &str, object: &TracedObject) -> Result<(), BuildError> {
        let value = &object.value;
        let kind = value.text_at(&["kind"]);
        let is_builtin = value.text_at(&["apiVersion"]) == "builtin";
        let is_known = WITHOUT_PATHS.contains(&kind) || WITH_PATHS.contains(&kind);
        if !is_builtin || !is_known {
            let message = format!(
                "{field}: {kind} ({}) is not a plugin whose paths can be checked, so kustomize is \
                 not started",
                value.text_at(&["apiVersion"])
            );
            return Err(BuildError::invalid(file, object.line, message));
        }
        if WITH_PATHS.contains(&kind) {
            self.paths(file, field, value)?;
        }
        self.values.push(value.to_value());
        Ok(())
    }

    fn paths(&mut self, file: &str, field: &str, value: &TracedValue) -> Result<(), BuildError> {
        let mut fields = FieldReader::new(file, value)?;
        for key in ["path", "env", "targetFilePath"] {
            if let Some(entry) = fields.take(key).filter(|entry| is_filled(&entry.value)) {
                self.reference(file, field, key, &entry.value, entry.line)?;
            }
        }
        for key in ["paths", "files", "envs"] {
            for item in fields.list(key)? {
                let text = item.value.as_str().unwrap_or_default();
                match (key, text.split_once('=')) {
                    ("files", Some((_, path))) => {
                        let path = TracedValue::text(path);
                        self.reference(file, field, key, &path, item.line)?;
                    }
                    _ => self.reference(file, field, key, item.value, item.line)?,
                }
            }
        }
        for item in fields.list("replacements")? {
            let mut entry = FieldReader::new(file, item.value)?;
            if let Some(path) = entry.take("path").filter(|path| is_filled(&path.value)) {
                self.reference(file, field, "path", &path.value, path.line)?;
            }
            entry.ignore(&["source", "targets", "sourceValue"]);
            entry.end("replacements")?;
        }
        fields.ignore(&[
            "apiVersion",
            "kind",
            "metadata",
            "patch",
            "patches",
            "jsonOp",
            "target",
            "options",
            "literals",
            "name",
            "namespace",
            "behavior",
            "type",
        ]);
        fields.end("this plugin, as far as it can be checked here,")
    }

    fn reference(
        &mut self,
        file: &str,
        field: &str,
        key: &str,
        value: &TracedValue,
        line: usize,
    ) -> Result<(), BuildError> {
        let Some(path) = value.as_str() else {
            return Err(BuildError::invalid(
                file,
                line,
                format!("{key} must contain paths"),
            ));
        };
        self.references.push(LocalReference {
            path: path.to_owned(),
            field: format!("{field} {key}"),
            file: file.to_owned(),
            line,
            target: ReferenceTarget::File,
        });
        Ok(())
    }
}

/// The paths in a file with the configuration of plugins. Like those of the kustomization, they
/// are relative to its folder. None if the file cannot be checked.
#[must_use]
pub fn plugin_references(file: &str, field: &str, text: &str) -> Vec<LocalReference> {
    match PluginConfig::read(file, field, text) {
        Ok(config) => config.references,
        Err(_) => Vec::new(),
    }
}

/// The configuration that an item of `generators` and the like contains; `None` if the item
/// is a path.
///
/// # Errors
///
/// It is a text that cannot be checked.
pub(crate) fn inline_plugins(
    file: &str,
    field: &str,
    line: usize,
    scalar: &TracedScalar,
    file_text: &str,
) -> Result<Option<PluginConfig>, BuildError> {
    let text = scalar.value.as_str().unwrap_or_default();
    if !text.contains('\n') {
        return Ok(None);
    }
    let objects: Result<Vec<_>, _> = objects_in_scalar(scalar, file_text).into_iter().collect();
    let objects =
        objects.map_err(|error| BuildError::invalid(file, line, error.problem.to_string()))?;
    PluginConfig::check(file, field, &objects).map(Some)
}
