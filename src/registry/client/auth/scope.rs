//! What a token is asked to allow: reading one repository, and nothing else.

use crate::image::CanonicalName;

use super::Challenge;

/// To list tags, Azure wants a right of its own beside `pull`.
const METADATA_READ: &str = "metadata_read";

/// What a token is asked for. A registry's challenge may name more than that, to
/// push or to read other repositories, and gets no token that allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PullScope {
    metadata: bool,
}

impl PullScope {
    /// The same, and what else a challenge asks for to read this repository.
    pub(crate) fn with(self, challenge: &Challenge, name: &CanonicalName) -> Self {
        let Challenge::Bearer {
            scope: Some(scope), ..
        } = challenge
        else {
            return self;
        };
        let own = format!("repository:{}:", name.repository());
        let mut actions = scope
            .split_ascii_whitespace()
            .filter_map(|scope| scope.strip_prefix(&own))
            .flat_map(|actions| actions.split(','));
        Self {
            metadata: self.metadata || actions.any(|action| action == METADATA_READ),
        }
    }

    /// As token endpoints read it.
    pub(crate) fn to_parameter(self, name: &CanonicalName) -> String {
        let mut scope = format!("repository:{}:pull", name.repository());
        if self.metadata {
            scope.push(',');
            scope.push_str(METADATA_READ);
        }
        scope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_asked_for_to_read_this_repository_whatever_the_challenge_names() {
        let name: CanonicalName = "r.example/org/app".parse().expect("a name");
        let pull = "repository:org/app:pull";
        let azure = "repository:org/app:pull,metadata_read";
        for (asked, expected) in [
            (None, pull),
            (Some(""), pull),
            (Some("repository:org/app:pull"), pull),
            (Some("repository:org/app:pull,push,delete"), pull),
            (Some("repository:org/app:*"), pull),
            // Another repository's challenge, and one that looks like it.
            (Some("repository:org/other:pull"), pull),
            (Some("repository:org/app/more:metadata_read"), pull),
            (Some("repository:org/app:pull repository:secret:pull"), pull),
            (Some("registry:catalog:*"), pull),
            (Some("repository:org/app:metadata_read"), azure),
            (
                Some("registry:catalog:* repository:org/app:pull,metadata_read"),
                azure,
            ),
        ] {
            let challenge = Challenge::Bearer {
                realm: "https://auth.example".to_owned(),
                service: None,
                scope: asked.map(str::to_owned),
            };
            let scope = PullScope::default().with(&challenge, &name);
            assert_eq!(scope.to_parameter(&name), expected, "{asked:?}");
        }
        assert_eq!(
            PullScope::default().with(&Challenge::Basic, &name),
            PullScope::default()
        );
    }
}
