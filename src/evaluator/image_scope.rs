//! Which images the flags of a run leave out.

use super::snapshot::settings::{Settings, SnapshotError};
use crate::image::ImageReference;
use crate::policy::Glob;

/// The globs of `--include-image` and `--exclude-image`, read.
pub(crate) struct ImageScope {
    include: Vec<Glob>,
    exclude: Vec<Glob>,
}

impl ImageScope {
    pub(crate) fn new(settings: &Settings) -> Result<Self, SnapshotError> {
        let read = |flag, globs: &[String]| {
            let read = |glob: &String| {
                Glob::new(glob).map_err(|error| SnapshotError::ImageGlob {
                    flag,
                    glob: glob.clone(),
                    error,
                })
            };
            globs.iter().map(read).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            include: read("--include-image", &settings.include_images)?,
            exclude: read("--exclude-image", &settings.exclude_images)?,
        })
    }

    /// Why an image is left out; `None`: it is not. What is no image has no name
    /// to go by, and its own fault to tell of.
    pub(crate) fn left_out(&self, image: &str) -> Option<String> {
        let first = self.include.first();
        if first.is_none() && self.exclude.is_empty() {
            return None;
        }
        let image: ImageReference = image.parse().ok()?;
        let name = image.canonical().to_string();
        let matches = |glob: &&Glob| glob.is_match(&name);
        if let Some(glob) = self.exclude.iter().find(matches) {
            return Some(format!("{name} is left out by --exclude-image {glob}"));
        }
        let first = first.filter(|_| !self.include.iter().any(|glob| matches(&glob)))?;
        let more = match self.include.len() {
            1 => String::new(),
            all => format!(" and {} more", all - 1),
        };
        Some(format!(
            "{name} is left out by --include-image {first}{more}"
        ))
    }
}
