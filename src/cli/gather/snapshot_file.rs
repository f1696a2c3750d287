//! Snapshots in files: `--save-snapshot` and `--from-snapshot`.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::cli::error::CommandError;
use crate::evaluator::{Settings, Snapshot};
use crate::image::{CanonicalName, RepositoryMetadata};

/// What a saved snapshot holds about one repository.
pub(crate) fn repository(
    path: &Path,
    name: &CanonicalName,
) -> Result<RepositoryMetadata, CommandError> {
    let mut snapshot = read(path)?;
    let own = snapshot.repositories.remove(name);
    // If your own credentials saw no tags, those of a workload in the snapshot may have.
    let views = snapshot.pull_secret_views.remove(name).unwrap_or_default();
    let view = views.into_iter().map(|view| view.metadata).find(has_tags);
    let best = match (own, view) {
        (Some(own), Some(view)) => Some(if has_tags(&own) { own } else { view }),
        (own, view) => own.or(view),
    };
    best.ok_or_else(|| {
        flag_error(
            "--from-snapshot",
            path,
            format!("it has no data about {name}"),
        )
    })
}

fn has_tags(metadata: &RepositoryMetadata) -> bool {
    metadata.tags.value().is_some()
}

fn flag_error(flag: &str, path: &Path, reason: impl fmt::Display) -> CommandError {
    CommandError::failed(format!("{flag} {}: {reason}", path.display()))
}

/// Reads a saved snapshot.
pub(crate) fn read(path: &Path) -> Result<Snapshot, CommandError> {
    let text =
        fs::read_to_string(path).map_err(|error| flag_error("--from-snapshot", path, error))?;
    Snapshot::parse(&text).map_err(|error| flag_error("--from-snapshot", path, error))
}

/// Checks that a snapshot can be saved there. An existing file keeps its content.
pub(crate) fn check(path: Option<&Path>) -> Result<(), CommandError> {
    let Some(path) = path else {
        return Ok(());
    };
    let opened = fs::OpenOptions::new().append(true).create(true).open(path);
    opened
        .map(|_| ())
        .map_err(|error| flag_error("--save-snapshot", path, error))
}

/// Saves a snapshot, if a file is given.
pub(crate) fn save(path: Option<&Path>, snapshot: &Snapshot) -> Result<(), CommandError> {
    let Some(path) = path else {
        return Ok(());
    };
    let mut text = serde_json::to_string_pretty(snapshot)
        .map_err(|error| flag_error("--save-snapshot", path, error))?;
    text.push('\n');
    fs::write(path, text).map_err(|error| flag_error("--save-snapshot", path, error))
}

/// Flags of this run override the saved settings.
pub(crate) fn override_settings(saved: &mut Settings, given: Settings) {
    if given.assume.is_some() {
        saved.assume = given.assume;
    }
    if given.min_age.is_some() {
        saved.min_age = given.min_age;
    }
    saved.min_age_clock = given.min_age_clock.or(saved.min_age_clock);
    saved.max_candidates = given.max_candidates.or(saved.max_candidates);
    if !given.platforms.is_empty() {
        saved.platforms = given.platforms;
    }
    if !given.include_images.is_empty() {
        saved.include_images = given.include_images;
    }
    if !given.exclude_images.is_empty() {
        saved.exclude_images = given.exclude_images;
    }
    saved.allow_downgrade |= given.allow_downgrade;
    saved.allow_variant_change |= given.allow_variant_change;
}
