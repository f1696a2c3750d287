//! Variables in a text, as Flux substitutes them
//! (<https://fluxcd.io/flux/components/kustomize/kustomizations/#post-build-variable-substitution>).

/// A text with the values of its variables.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Expanded {
    pub(crate) text: String,
    /// The variables whose values are in it, each with the byte at which its value ends.
    pub(crate) used: Vec<(String, usize)>,
}

/// Why the value of a text is not known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// A variable that has no value here.
    Variable(String),
    /// An expression that is not known here.
    Expression(String),
}

/// Replaces `${NAME}`, and `${NAME:=default}` in its forms. `value` gives the value of a
/// variable; `is_complete`: a variable without one is empty.
///
/// # Errors
///
/// A value is not known.
pub(crate) fn expand<'v>(
    text: &str,
    value: impl Fn(&str) -> Option<&'v str>,
    is_complete: bool,
) -> Result<Expanded, Unknown> {
    let mut expanded = Expanded::default();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if let Some(before) = rest[..at].strip_suffix('$') {
            // An escaped dollar sign.
            expanded.text.push_str(before);
            expanded.text.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        expanded.text.push_str(&rest[..at]);
        let Some(length) = rest[at..].find('}') else {
            return Err(Unknown::Expression(rest[at..].to_owned()));
        };
        let whole = &rest[at..=at + length];
        rest = &rest[at + length + 1..];
        let expression = &whole[2..whole.len() - 1];
        let end = expression
            .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .unwrap_or(expression.len());
        let (name, operation) = expression.split_at(end);
        let default = ["", ":=", ":-", "=", "-"]
            .into_iter()
            .filter(|sign| sign.is_empty() == operation.is_empty())
            .find_map(|sign| operation.strip_prefix(sign));
        let (Some(default), false) = (default, name.is_empty()) else {
            return Err(Unknown::Expression(whole.to_owned()));
        };
        match value(name).filter(|value| !value.is_empty()) {
            Some(value) => {
                expanded.text.push_str(value);
                expanded.used.push((name.to_owned(), expanded.text.len()));
            }
            None if is_complete => expanded.text.push_str(default),
            None => return Err(Unknown::Variable(name.to_owned())),
        }
    }
    expanded.text.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str) -> Option<&'static str> {
        match name {
            "TAG" => Some("1.9.0"),
            "EMPTY" => Some(""),
            _ => None,
        }
    }

    #[test]
    fn variables_are_replaced_as_flux_replaces_them() {
        for (text, expected, used) in [
            ("app:${TAG}", "app:1.9.0", vec![("TAG", 9)]),
            ("app:${TAG}-x", "app:1.9.0-x", vec![("TAG", 9)]),
            ("app:${TAG:=3}", "app:1.9.0", vec![("TAG", 9)]),
            ("app:${NONE:=3.0}", "app:3.0", vec![]),
            ("app:${EMPTY:-3.0}", "app:3.0", vec![]),
            ("app:${NONE}", "app:", vec![]),
            ("app:$TAG", "app:$TAG", vec![]),
            ("app:$${TAG}", "app:${TAG}", vec![]),
            ("app", "app", vec![]),
        ] {
            let expanded = expand(text, value, true).expect(text);
            let found: Vec<(&str, usize)> = expanded
                .used
                .iter()
                .map(|(name, end)| (name.as_str(), *end))
                .collect();
            assert_eq!((expanded.text.as_str(), found), (expected, used), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (text, expected) in [
            ("${NONE}", Unknown::Variable("NONE".to_owned())),
            ("${TAG#v}", Unknown::Expression("${TAG#v}".to_owned())),
            ("a${TAG", Unknown::Expression("${TAG".to_owned())),
            ("${}", Unknown::Expression("${}".to_owned())),
        ] {
            assert_eq!(expand(text, value, false), Err(expected), "{text}");
        }
    }
}
