//! The user's own words at the beginning of a commit message.

use std::collections::BTreeSet;

/// A template: text with fields such as `{{.Workload}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageTemplate {
    parts: Vec<TemplatePart>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum TemplatePart {
    Text(String),
    Field(MessageField),
}

/// What a field stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MessageField {
    Workload,
    Namespace,
    Container,
    Image,
    Old,
    New,
    Policy,
    Compare,
    Count,
    Date,
}

/// Every field, by its name.
const FIELDS: [(&str, MessageField); 10] = [
    ("Workload", MessageField::Workload),
    ("Namespace", MessageField::Namespace),
    ("Container", MessageField::Container),
    ("Image", MessageField::Image),
    ("Old", MessageField::Old),
    ("New", MessageField::New),
    ("Policy", MessageField::Policy),
    ("Compare", MessageField::Compare),
    ("Count", MessageField::Count),
    ("Date", MessageField::Date),
];

/// Why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageTemplateError {
    /// There is no subject.
    #[error("the template begins without a subject; write one in its first line")]
    NoSubject,
    /// Not one of the fields.
    #[error(
        "line {line}: {{{{{text}}}}} is not a field of the template; the fields are {}",
        fields()
    )]
    UnknownField {
        /// The line, from 1.
        line: usize,
        /// The text between the braces.
        text: String,
    },
    /// Two braces without their end.
    #[error("line {line}: {{{{ without }}}}")]
    Unclosed {
        /// The line, from 1.
        line: usize,
    },
}

fn fields() -> String {
    let names = FIELDS.map(|(name, _)| format!("{{{{.{name}}}}}"));
    names.join(", ")
}

impl MessageTemplate {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// It has no subject, or contains something in braces that is not a field.
    pub fn parse(text: &str) -> Result<Self, MessageTemplateError> {
        if text.lines().next().unwrap_or_default().trim().is_empty() {
            return Err(MessageTemplateError::NoSubject);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let line = 1 + text[..text.len() - after.len()].matches('\n').count();
            let Some((inside, behind)) = after.split_once("}}") else {
                return Err(MessageTemplateError::Unclosed { line });
            };
            let name = inside.trim().strip_prefix('.');
            let known = FIELDS.iter().find(|(known, _)| Some(*known) == name);
            let Some((_, field)) = known else {
                let text = inside.to_owned();
                return Err(MessageTemplateError::UnknownField { line, text });
            };
            parts.push(TemplatePart::Text(before.to_owned()));
            parts.push(TemplatePart::Field(*field));
            rest = behind;
        }
        parts.push(TemplatePart::Text(rest.to_owned()));
        Ok(Self { parts })
    }

    /// The text, with what `value` returns for each field.
    pub(crate) fn fill(&self, value: impl Fn(MessageField) -> String) -> String {
        let parts = self.parts.iter().map(|part| match part {
            TemplatePart::Text(text) => text.clone(),
            TemplatePart::Field(field) => value(*field),
        });
        parts.collect::<String>().trim().to_owned()
    }
}

/// Several values of one field: each once, in their order.
pub(crate) fn joined(values: impl Iterator<Item = String>) -> String {
    let mut seen = BTreeSet::new();
    let values = values.filter(|value| !value.is_empty() && seen.insert(value.clone()));
    values.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_filled_wherever_they_are() {
        let template =
            MessageTemplate::parse("chore: {{.Image}} {{ .New }}{{.Old}}\n\nx {{.Count}}\n");
        let filled = template
            .expect("a template")
            .fill(|field| format!("<{field:?}>"));
        assert_eq!(filled, "chore: <Image> <New><Old>\n\nx <Count>");
    }

    #[test]
    fn what_is_no_field_is_an_error_with_its_line() {
        for (text, said) in [
            ("a\n{{.Tag}}", "line 2: {{.Tag}} is not a field"),
            (
                "{{range .Changed}}",
                "line 1: {{range .Changed}} is not a field",
            ),
            ("{{Workload}}", "{{Workload}} is not a field"),
            ("{{.workload}}", "{{.Workload}}, {{.Namespace}}"),
            ("a\n\n{{.New", "line 3: {{ without }}"),
            ("", "without a subject"),
            ("\nbody", "without a subject"),
        ] {
            let error = MessageTemplate::parse(text).expect_err(text).to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn several_values_are_named_once() {
        let values = ["b", "a", "", "b"].map(str::to_owned);
        assert_eq!(joined(values.into_iter()), "b, a");
    }
}
