//! The `target` of a patch.

use std::collections::BTreeMap;

use super::fields::FieldReader;
use super::identity::ResourceId;
use crate::manifest::kustomize::error::BuildError;
use crate::manifest::kustomize::traced::TracedValue;
use crate::policy::GoRegex;

/// The resources that a patch applies to: those that match every given condition.
#[derive(Debug, Default)]
pub(crate) struct ResourceSelector {
    group: Option<GoRegex>,
    version: Option<GoRegex>,
    kind: Option<GoRegex>,
    name: Option<GoRegex>,
    namespace: Option<GoRegex>,
    labels: Vec<(String, String)>,
    annotations: Vec<(String, String)>,
}

impl ResourceSelector {
    /// # Errors
    ///
    /// Kustomize would refuse it, or it has a label selector other than `key=value`.
    pub(crate) fn read(file: &str, value: &TracedValue) -> Result<Self, BuildError> {
        let mut fields = FieldReader::new(file, value)?;
        let selector = Self {
            group: expression(&mut fields, "group")?,
            version: expression(&mut fields, "version")?,
            kind: expression(&mut fields, "kind")?,
            name: expression(&mut fields, "name")?,
            namespace: expression(&mut fields, "namespace")?,
            labels: pairs(&mut fields, "labelSelector")?,
            annotations: pairs(&mut fields, "annotationSelector")?,
        };
        fields.end("target")?;
        Ok(selector)
    }

    /// Whether it selects a resource with these identities, the first and the present one.
    pub(crate) fn selects(
        &self,
        first: &ResourceId,
        present: &ResourceId,
        object: &TracedValue,
    ) -> bool {
        matches(self.group.as_ref(), &[&present.group])
            && matches(self.version.as_ref(), &[&present.version])
            && matches(self.kind.as_ref(), &[&present.kind])
            && matches(self.name.as_ref(), &[&first.name, &present.name])
            && matches(
                self.namespace.as_ref(),
                &[&first.namespace, &present.namespace],
            )
            && has_all(object, "labels", &self.labels)
            && has_all(object, "annotations", &self.annotations)
    }
}

fn matches(expression: Option<&GoRegex>, texts: &[&String]) -> bool {
    expression.is_none_or(|expression| texts.iter().any(|text| expression.is_match(text)))
}

fn has_all(object: &TracedValue, field: &str, pairs: &[(String, String)]) -> bool {
    let texts: BTreeMap<&str, &str> = object
        .at(&["metadata", field])
        .map(TracedValue::entries)
        .unwrap_or_default()
        .iter()
        .filter_map(|entry| Some((entry.key.as_str(), entry.value.as_str()?)))
        .collect();
    pairs
        .iter()
        .all(|(key, value)| texts.get(key.as_str()) == Some(&value.as_str()))
}

/// The expression of a field, which must match the whole text.
fn expression(fields: &mut FieldReader<'_>, field: &str) -> Result<Option<GoRegex>, BuildError> {
    let Some(scalar) = fields.scalar(field)? else {
        return Ok(None);
    };
    let text = scalar.value.as_str().unwrap_or_default();
    let line = scalar.origins.first().map_or(1, |origin| origin.place.line);
    GoRegex::new(&format!("^(?:{text})$"))
        .map(Some)
        .map_err(|error| BuildError::invalid(fields.file, line, format!("{field}: {error}")))
}

/// The pairs of a selector in the form `a=b,c=d`.
fn pairs(fields: &mut FieldReader<'_>, field: &str) -> Result<Vec<(String, String)>, BuildError> {
    let Some(scalar) = fields.scalar(field)? else {
        return Ok(Vec::new());
    };
    let text = scalar.value.as_str().unwrap_or_default();
    let line = scalar.origins.first().map_or(1, |origin| origin.place.line);
    let pairs = text.split(',').map(|part| {
        let (key, value) = part.split_once("==").or_else(|| part.split_once('='))?;
        let (key, value) = (key.trim(), value.trim());
        let is_plain = !key.is_empty() && !key.ends_with('!') && !key.contains(' ');
        is_plain.then(|| (key.to_owned(), value.to_owned()))
    });
    pairs
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| BuildError::needs_kustomize(format!("{field} {text:?}"), fields.file, line))
}
