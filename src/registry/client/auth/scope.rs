//! The scope of a token: reading one repository, and nothing else.

use crate::image::CanonicalName;

use super::Challenge;

/// Azure requires this action in addition to `pull` to list tags.
const METADATA_READ: &str = "metadata_read";

/// The scope that is requested from a token endpoint. A registry's challenge may name
/// more, such as to push or to read other repositories; no token is requested for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PullScope {
    metadata: bool,
}

impl PullScope {
    /// Adds what a challenge requires for reading this repository.
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

    /// The `scope` parameter for a token endpoint.
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
    fn a_token_is_requested_only_to_read_this_repository_whatever_the_challenge_names() {
        let name: CanonicalName = "r.example/org/app".parse().expect("a name");
        let pull = "repository:org/app:pull";
        let azure = "repository:org/app:pull,metadata_read";
        for (asked, expected) in [
            (None, pull),
            (Some(""), pull),
            (Some("repository:org/app:pull"), pull),
            (Some("repository:org/app:pull,push,delete"), pull),
            (Some("repository:org/app:*"), pull),
            // The scopes of other repositories, one with a similar name.
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
