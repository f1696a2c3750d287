//! Variables that Argo CD substitutes in the images of an Application
//! (<https://argo-cd.readthedocs.io/en/stable/user-guide/build-environment/>).

use crate::manifest::kustomize::traced::TracedValue;

/// The variables whose values are in the Application itself, with the path to the value there.
const KNOWN: [(&str, &[&str]); 6] = [
    ("ARGOCD_APP_NAME", &["metadata", "name"]),
    (
        "ARGOCD_APP_NAMESPACE",
        &["spec", "destination", "namespace"],
    ),
    ("ARGOCD_APP_PROJECT_NAME", &["spec", "project"]),
    ("ARGOCD_APP_SOURCE_PATH", &["source", "path"]),
    ("ARGOCD_APP_SOURCE_REPO_URL", &["source", "repoURL"]),
    (
        "ARGOCD_APP_SOURCE_TARGET_REVISION",
        &["source", "targetRevision"],
    ),
];

/// Replaces `$NAME` and `${NAME}`. `$$` is a dollar sign. Variables without a known value stay,
/// in braces: they depend on the commit that is applied, or on the cluster. `application` is the
/// object, and `source` its entry for the folder.
pub(crate) fn substitute(text: &str, application: &TracedValue, source: &TracedValue) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            result.push('$');
            rest = after;
            continue;
        }
        let braced = rest
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'));
        let (name, after) = braced.unwrap_or_else(|| {
            let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            rest.split_at(end.unwrap_or(rest.len()))
        });
        match value(name, application, source) {
            Some(value) => result.push_str(value),
            None if name.is_empty() => result.push('$'),
            None => {
                result.push_str("${");
                result.push_str(name);
                result.push('}');
            }
        }
        rest = after;
    }
    result.push_str(rest);
    result
}

fn value<'t>(name: &str, application: &'t TracedValue, source: &'t TracedValue) -> Option<&'t str> {
    let (_, path) = KNOWN.iter().find(|(known, _)| *known == name)?;
    let value = match path {
        ["source", field] => source.text_at(&[field]),
        path => application.text_at(path),
    };
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_of_the_application_are_known_and_others_stay() {
        let application = TracedValue::unplaced(&json!({"metadata": {"name": "shop"},
            "spec": {"destination": {"namespace": "prod"}}}));
        let source = TracedValue::unplaced(&json!({"targetRevision": "v1.2.3"}));
        for (text, expected) in [
            ("app:1", "app:1"),
            ("app:${ARGOCD_APP_SOURCE_TARGET_REVISION}", "app:v1.2.3"),
            (
                "$ARGOCD_APP_NAME/app:$ARGOCD_APP_NAMESPACE",
                "shop/app:prod",
            ),
            ("app:$ARGOCD_APP_REVISION-x", "app:${ARGOCD_APP_REVISION}-x"),
            ("app:${ARGOCD_APP_REVISION}", "app:${ARGOCD_APP_REVISION}"),
            // It has no path, so the value is not known.
            (
                "app:${ARGOCD_APP_SOURCE_PATH}",
                "app:${ARGOCD_APP_SOURCE_PATH}",
            ),
            ("app:$$x", "app:$x"),
            ("app:$", "app:$"),
        ] {
            assert_eq!(substitute(text, &application, &source), expected, "{text}");
        }
    }
}
