//! `--oci-layout [PREFIX=]DIR`: which images are read from which directory.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::image::CanonicalName;
use crate::secrets::quote as clean;

/// `[PREFIX=]DIR`: images whose names start with PREFIX are read from layouts in DIR.
///
/// The rest of the canonical name is the path in DIR. Without PREFIX, this is the
/// full name (`DIR/docker.io/org/my-app`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OciLayout {
    /// As the user wrote it; compared canonically.
    prefix: Option<LayoutPrefix>,
    /// The directory.
    dir: PathBuf,
}

/// The canonical names that one spelling may mean: `docker.io/nginx` is the
/// repository `docker.io/library/nginx`, or everything in `docker.io/nginx/`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LayoutPrefix(Vec<String>);

/// Why a text is not a valid `[PREFIX=]DIR`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OciLayoutError {
    /// The directory is missing.
    #[error("write [PREFIX=]DIR, as in docker.io/org=./layouts")]
    NoDirectory,
    /// The text before `=` cannot be the start of an image name.
    #[error("{0:?} is not a valid registry or repository")]
    Prefix(String),
}

impl OciLayout {
    /// Uses layouts in `dir` for images whose names start with `prefix`, or for all.
    ///
    /// # Errors
    /// If the prefix cannot be the start of an image name, or the directory is empty.
    pub fn new(prefix: Option<&str>, dir: impl Into<PathBuf>) -> Result<Self, OciLayoutError> {
        let dir = dir.into();
        if dir.as_os_str().is_empty() {
            return Err(OciLayoutError::NoDirectory);
        }
        let prefix = prefix.map(LayoutPrefix::from_str).transpose()?;
        Ok(Self { prefix, dir })
    }

    /// The same images from another directory.
    #[must_use]
    pub fn in_folder(&self, dir: PathBuf) -> Self {
        Self {
            prefix: self.prefix.clone(),
            dir,
        }
    }

    /// The directory, as the user wrote it.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the directory for the layout of a repository, and the length of the
    /// matching prefix.
    pub(crate) fn directory(&self, name: &CanonicalName) -> Option<(usize, PathBuf)> {
        let name = name.to_string();
        let (length, rest) = match &self.prefix {
            None => (0, Some(name.as_str())),
            Some(LayoutPrefix(spellings)) => spellings.iter().find_map(|prefix| {
                let rest = name.strip_prefix(prefix.as_str())?;
                let whole = rest.is_empty().then_some((prefix.len(), None));
                whole.or_else(|| Some((prefix.len(), Some(rest.strip_prefix('/')?))))
            })?,
        };
        let mut dir = self.dir.clone();
        for part in rest.into_iter().flat_map(|rest| rest.split('/')) {
            // Names cannot contain these, but paths are checked anyway.
            if part.is_empty() || part == "." || part == ".." || part.contains(['\\', '\0']) {
                return None;
            }
            dir.push(part);
        }
        Some((length, dir))
    }
}

/// Prints a text that parses to the same value, with the canonical prefix.
impl fmt::Display for OciLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(prefix) = self
            .prefix
            .as_ref()
            .and_then(|LayoutPrefix(all)| all.first())
        {
            write!(f, "{prefix}=")?;
        }
        write!(f, "{}", self.dir.display())
    }
}

impl FromStr for OciLayout {
    type Err = OciLayoutError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            // No image name starts like this, so the `=` belongs to the path.
            Some((prefix, dir)) if !prefix.starts_with(['/', '.', '~']) => {
                Self::new(Some(prefix), dir)
            }
            _ => Self::new(None, text),
        }
    }
}

impl FromStr for LayoutPrefix {
    type Err = OciLayoutError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || OciLayoutError::Prefix(clean(text));
        let trimmed = text.trim_end_matches('/');
        let (first, rest) = trimmed.split_once('/').unwrap_or((trimmed, ""));
        let is_host = first.contains(['.', ':']) || first == "localhost";
        if is_host && rest.is_empty() {
            // A host alone is not a reference, so parse a name on this host.
            let name: CanonicalName = format!("{first}/a/b").parse().map_err(|_| invalid())?;
            return Ok(Self(vec![name.registry().to_owned()]));
        }
        let name: CanonicalName = trimmed.parse().map_err(|_| invalid())?;
        let mut spellings = vec![name.to_string()];
        if name.is_docker_hub()
            && let Some(short) = name.repository().strip_prefix("library/")
            && !trimmed.ends_with(&format!("library/{short}"))
        {
            spellings.push(format!("{}/{short}", name.registry()));
        }
        Ok(Self(spellings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(layout: &str, name: &str) -> Option<String> {
        let layout: OciLayout = layout.parse().expect(layout);
        let (_, dir) = layout.directory(&name.parse().expect(name))?;
        Some(dir.display().to_string())
    }

    #[test]
    fn rest_of_the_name_is_the_path_in_the_directory() {
        for (layout, name, expected) in [
            ("dir", "org/my-app", Some("dir/docker.io/org/my-app")),
            ("docker.io=dir", "org/my-app", Some("dir/org/my-app")),
            ("docker.io/org=dir", "org/my-app", Some("dir/my-app")),
            ("org/my-app=dir", "docker.io/org/my-app", Some("dir")),
            ("index.docker.io/=dir", "nginx", Some("dir/library/nginx")),
            ("nginx=dir", "docker.io/library/nginx", Some("dir")),
            ("docker.io/library/nginx=dir", "nginx", Some("dir")),
            ("index.docker.io/library/nginx=dir", "nginx", Some("dir")),
            ("docker.io/library/nginx=dir", "nginx/x", None),
            ("org=dir", "org/my-app", Some("dir/my-app")),
            ("quay.io/org=dir", "quay.io/organisation/x", None),
            ("quay.io/org=dir", "quay.io/org", Some("dir")),
            ("QUAY.io=dir", "quay.io/a/b", Some("dir/a/b")),
            ("localhost:5000=dir", "localhost:5000/a", Some("dir/a")),
            ("localhost:5000=dir", "localhost:5001/a", None),
            ("./a=b", "quay.io/a", Some("./a=b/quay.io/a")),
            ("quay.io=a=b", "quay.io/a", Some("a=b/a")),
        ] {
            assert_eq!(
                directory(layout, name).as_deref(),
                expected,
                "{layout} {name}"
            );
        }
    }

    #[test]
    fn invalid_layout_options_give_a_reason() {
        for (text, expected) in [
            ("", OciLayoutError::NoDirectory),
            ("quay.io=", OciLayoutError::NoDirectory),
            ("=dir", OciLayoutError::Prefix(String::new())),
            ("Org/App=dir", OciLayoutError::Prefix("Org/App".to_owned())),
            ("a//b=dir", OciLayoutError::Prefix("a//b".to_owned())),
            (
                "quay.io/../x=dir",
                OciLayoutError::Prefix("quay.io/../x".to_owned()),
            ),
        ] {
            assert_eq!(text.parse::<OciLayout>(), Err(expected), "{text}");
        }
    }
}
