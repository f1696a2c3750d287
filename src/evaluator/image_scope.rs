//! Which images the flags of a run exclude.

use super::snapshot::settings::{Settings, SnapshotError};
use crate::image::ImageReference;
use crate::policy::Glob;

/// The parsed globs of `--include-image` and `--exclude-image`.
pub(crate) struct ImageScope {
    include: Vec<Glob>,
    exclude: Vec<Glob>,
}

impl ImageScope {
    pub(crate) fn new(settings: &Settings) -> Result<Self, SnapshotError> {
        Ok(Self {
            include: parse("--include-image", &settings.include_images)?,
            exclude: parse("--exclude-image", &settings.exclude_images)?,
        })
    }

    /// Why an image is excluded; `None`: it is not. An invalid image has no name to
    /// match, and is reported as invalid instead.
    pub(crate) fn exclusion(&self, image: &str) -> Option<String> {
        let first = self.include.first();
        if first.is_none() && self.exclude.is_empty() {
            return None;
        }
        let image: ImageReference = image.parse().ok()?;
        let name = image.canonical().to_string();
        if let Some(glob) = self.exclude.iter().find(|glob| glob.is_match(&name)) {
            return Some(format!("{name} matches --exclude-image {glob}"));
        }
        let first = first.filter(|_| !self.include.iter().any(|glob| glob.is_match(&name)))?;
        let more = match self.include.len() {
            1 => String::new(),
            all => format!(" and {} more", all - 1),
        };
        Some(format!(
            "{name} does not match --include-image {first}{more}"
        ))
    }
}

fn parse(flag: &'static str, globs: &[String]) -> Result<Vec<Glob>, SnapshotError> {
    globs
        .iter()
        .map(|glob| {
            Glob::new(glob).map_err(|error| SnapshotError::ImageGlob {
                flag,
                glob: glob.clone(),
                error,
            })
        })
        .collect()
}
