//! Snapshots in files: `--save-snapshot` and `--from-snapshot`.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use crate::cli::error::CommandError;
use crate::evaluator::{Elected, Settings, Snapshot};
use crate::files::PathOrStdin;
use crate::image::{CanonicalName, RepositoryMetadata};
use crate::user_file;

/// The maximum size of a snapshot, in bytes.
const MAX_BYTES: u64 = 1 << 30;

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
    let text = user_file::read_text(path, MAX_BYTES)
        .map_err(|error| flag_error("--from-snapshot", path, error))?;
    Snapshot::parse(&text).map_err(|error| flag_error("--from-snapshot", path, error))
}

/// Checks that a snapshot can be saved there, and that it is not one of the files of `-f`.
/// An existing file keeps its content.
pub(crate) fn check(path: Option<&Path>, inputs: &[PathOrStdin]) -> Result<(), CommandError> {
    let Some(path) = path else {
        return Ok(());
    };
    let is_input = fs::canonicalize(path).is_ok_and(|real| {
        inputs.iter().any(|input| match input {
            PathOrStdin::Path(input) => fs::canonicalize(input).is_ok_and(|input| input == real),
            PathOrStdin::Stdin => false,
        })
    });
    if is_input {
        return Err(is_read(path));
    }
    let opened = fs::OpenOptions::new().append(true).create(true).open(path);
    opened
        .map(|_| ())
        .map_err(|error| flag_error("--save-snapshot", path, error))
}

fn is_read(path: &Path) -> CommandError {
    let message = "workloads are read from this file, so it is not overwritten";
    flag_error("--save-snapshot", path, message)
}

/// Saves a snapshot, if a file is given. The file has either its old content or the whole
/// snapshot, even if the disk is full.
pub(crate) fn save(path: Option<&Path>, snapshot: &Snapshot) -> Result<(), CommandError> {
    let Some(path) = path else {
        return Ok(());
    };
    let real = fs::canonicalize(path).ok();
    let mut sources = snapshot.workloads.iter().filter_map(|w| w.source.as_ref());
    if real.is_some() && sources.any(|source| fs::canonicalize(&source.file).ok() == real) {
        return Err(is_read(path));
    }
    let mut text = serde_json::to_string_pretty(snapshot)
        .map_err(|error| flag_error("--save-snapshot", path, error))?;
    text.push('\n');
    replace(path, &text).map_err(|error| flag_error("--save-snapshot", path, error))
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return fs::write(path, text);
    }
    let target = fs::canonicalize(path)?;
    let folder = target.parent().unwrap_or(Path::new("."));
    let Ok(mut temporary) = tempfile::NamedTempFile::new_in(folder) else {
        // The file may be written, but not its folder.
        return fs::write(path, text);
    };
    temporary.write_all(text.as_bytes())?;
    temporary
        .as_file()
        .set_permissions(metadata.permissions())?;
    temporary.as_file().sync_all()?;
    temporary.persist(&target).map_err(|error| error.error)?;
    Ok(())
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
    if !given.containers.is_empty() {
        saved.containers = given.containers;
    }
    if given.elected == Elected::Recorded {
        saved.elected = given.elected;
    }
    saved.allow_downgrade |= given.allow_downgrade;
    saved.allow_variant_change |= given.allow_variant_change;
}
