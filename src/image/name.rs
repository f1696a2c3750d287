//! Repository names: as written, and in canonical form.

use std::fmt;
use std::sync::OnceLock;

use regex::Regex;

use super::reference_error::ReferenceError;
use super::version::serde_as_text;

/// The canonical host of Docker Hub. It has several aliases.
const DOCKER_HUB: &str = "docker.io";

/// The longest path below a registry, in bytes.
const MAX_REPOSITORY_BYTES: usize = 255;

/// The grammar of names from the distribution specification. `oci-client` has the
/// same grammar, but in one regular expression together with tags. That takes
/// 40 ms to compile: four times the budget of a whole run.
struct Grammar {
    registry: Regex,
    element: Regex,
}

impl Grammar {
    fn get() -> &'static Self {
        static GRAMMAR: OnceLock<Grammar> = OnceLock::new();
        GRAMMAR.get_or_init(|| Self {
            registry: ascii(
                r"^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(:[0-9]+)?$",
            ),
            element: ascii(r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$"),
        })
    }
}

#[expect(
    clippy::unwrap_used,
    reason = "the patterns are constants that compile"
)]
fn ascii(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

fn is_registry(first: &str) -> bool {
    first == "localhost"
        || first.contains(['.', ':'])
        || first.chars().any(|c| c.is_ascii_uppercase())
}

/// A repository name as written in a manifest, without tag and digest.
///
/// Only an [`super::ImageReference`] creates one, so it is always valid.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageName(pub(crate) Box<str>);

impl ImageName {
    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last path element, which is the image's short name.
    #[must_use]
    pub fn last_element(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A repository name in canonical form, which is used to compare names:
/// `docker.io/library/nginx`.
///
/// `docker.io`, `index.docker.io` and `registry-1.docker.io` are the same
/// registry. Its one-element repositories are below `library/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanonicalName {
    registry: Box<str>,
    repository: Box<str>,
}

impl CanonicalName {
    /// Parses a repository name by the grammar of the distribution specification.
    /// As in container runtimes, the first element is a registry if it cannot be a
    /// path: it has a dot, a colon or an upper-case letter, or it is `localhost`.
    pub(crate) fn from_name(name: &str) -> Result<Self, ReferenceError> {
        let (registry, path) = match name.split_once('/') {
            Some((first, path)) if is_registry(first) => (Some(first), path),
            _ => (None, name),
        };
        if path.chars().any(|c| c.is_ascii_uppercase()) {
            return Err(ReferenceError::UpperCase);
        }
        if path.len() > MAX_REPOSITORY_BYTES {
            return Err(ReferenceError::TooLong(path.len()));
        }
        let grammar = Grammar::get();
        if !path
            .split('/')
            .all(|element| grammar.element.is_match(element))
        {
            return Err(ReferenceError::Grammar(format!(
                "{path:?} is not a valid repository name"
            )));
        }
        let Some(registry) = registry else {
            return Ok(Self::on_docker_hub(path));
        };
        if !grammar.registry.is_match(registry) {
            return Err(ReferenceError::Grammar(format!(
                "{registry:?} is not a valid registry host"
            )));
        }
        Ok(match registry.to_ascii_lowercase().as_str() {
            DOCKER_HUB | "index.docker.io" | "registry-1.docker.io" => Self::on_docker_hub(path),
            registry => Self {
                registry: registry.into(),
                repository: path.into(),
            },
        })
    }

    fn on_docker_hub(path: &str) -> Self {
        let repository = if path.contains('/') {
            path.into()
        } else {
            format!("library/{path}").into()
        };
        Self {
            registry: DOCKER_HUB.into(),
            repository,
        }
    }

    /// The registry, with its port: `docker.io`, `registry:5000`.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path below the registry: `library/nginx`.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Whether the registry is Docker Hub. Its API has another host name.
    #[must_use]
    pub fn is_docker_hub(&self) -> bool {
        &*self.registry == DOCKER_HUB
    }
}

impl fmt::Display for CanonicalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)
    }
}

serde_as_text!(CanonicalName);
/// An image without its tag and its digest, as text: kustomize compares names so.
pub(crate) fn name_text(image: &str) -> &str {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    match name.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        _ => name,
    }
}
