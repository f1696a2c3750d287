//! Replaces variables in what was built: `spec.postBuild` of a Kustomization of Flux.

use super::expand::{Expanded, Unknown, expand};
use super::layer::FluxLayer;
use crate::manifest::kustomize::build::Built;
use crate::manifest::kustomize::containers::last_part;
use crate::manifest::kustomize::error::BuildError;
use crate::manifest::kustomize::probe::origin_of_text;
use crate::manifest::kustomize::spec::is_filled;
use crate::manifest::kustomize::traced::{Decides, TracedEntry, TracedScalar, TracedValue};

/// A label or an annotation with this key keeps the variables of an object.
const SWITCH: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// Replaces the variables in the objects that a Kustomization of Flux applies.
///
/// # Errors
///
/// Flux could not apply the result.
pub(crate) fn substitute_variables(
    layer: &FluxLayer,
    mut built: Built,
) -> Result<Built, BuildError> {
    let Some(post_build) = layer.entry("postBuild").map(|entry| &entry.value) else {
        return Ok(built);
    };
    let substitution = Substitution {
        variables: post_build
            .get("substitute")
            .map_or(&[], TracedValue::entries),
        has_others: post_build.get("substituteFrom").is_some_and(is_filled),
        layer,
    };
    let is_always = post_build.text_at(&["substituteStrategy"]) == "Always";
    if substitution.variables.is_empty() && !substitution.has_others && !is_always {
        return Ok(built);
    }
    for object in &mut built.objects {
        let switches = ["labels", "annotations"];
        let is_off = switches
            .iter()
            .any(|field| object.value.text_at(&["metadata", field, SWITCH]) == "disabled");
        if !is_off {
            substitution.replace(&mut object.value)?;
        }
    }
    Ok(built)
}

struct Substitution<'a> {
    variables: &'a [TracedEntry],
    /// Whether further variables are in a ConfigMap or a Secret of the cluster.
    has_others: bool,
    layer: &'a FluxLayer,
}

impl Substitution<'_> {
    fn replace(&self, value: &mut TracedValue) -> Result<(), BuildError> {
        match value {
            TracedValue::Mapping(entries) => {
                for entry in entries {
                    self.replace(&mut entry.value)?;
                }
                Ok(())
            }
            TracedValue::List(items) => items.iter_mut().try_for_each(|item| self.replace(item)),
            TracedValue::Scalar(scalar) => self.replace_in(scalar),
        }
    }

    fn replace_in(&self, scalar: &mut TracedScalar) -> Result<(), BuildError> {
        let text = scalar.value.as_str().unwrap_or_default();
        if !text.contains("${") {
            return Ok(());
        }
        let expanded = expand(
            text,
            |name| self.variable(name).and_then(TracedScalar::as_text),
            !self.has_others,
        );
        let expanded = match expanded {
            Ok(expanded) => expanded,
            // The text stays, and the row says that it contains a variable.
            Err(Unknown::Variable(_) | Unknown::Expression(_)) => return Ok(()),
        };
        if expanded.text.ends_with(':') {
            let message = format!(
                "Flux substitutes {text:?} by {:?}, which it cannot apply; give the variable a \
                 value in spec.postBuild.substitute",
                expanded.text
            );
            let FluxLayer { file, line, .. } = self.layer;
            return Err(BuildError::invalid(file, *line, message));
        }
        self.trace(scalar, &expanded);
        scalar.value = expanded.text.into();
        Ok(())
    }

    /// The place of the text becomes a template, and the variables decide parts of the value.
    fn trace(&self, scalar: &mut TracedScalar, expanded: &Expanded) {
        if expanded.used.is_empty() {
            // A default in the text itself.
            return;
        }
        for origin in &mut scalar.origins {
            if origin.place.text.contains("${") {
                origin.decides = Decides::Template(last_part(origin));
            }
        }
        for (name, end) in &expanded.used {
            let variable = self
                .variable(name)
                .and_then(|scalar| scalar.origins.first());
            if let Some(variable) = variable {
                let origin = origin_of_text(&expanded.text, *end, &variable.place);
                scalar.origins.push(origin);
            }
        }
    }

    fn variable(&self, name: &str) -> Option<&TracedScalar> {
        let mut variables = self.variables.iter();
        match &variables.find(|entry| entry.key == name)?.value {
            TracedValue::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }
}
