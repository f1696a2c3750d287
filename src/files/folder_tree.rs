//! A folder without a kustomization, read as Flux and Argo CD apply it: as if a kustomization
//! in it included all of its manifests.

use std::path::{Path, PathBuf};

use serde_json::json;
use walkdir::{DirEntry, WalkDir};

use super::error::FileError;
use super::find::{is_chart, is_git};
use super::kustomize_tree::{TreeScope, read_kustomization, read_with_resources};
use super::text::read_text;
use crate::manifest::{KUSTOMIZATION_FILES, SourceTree, objects};

/// Reads the kustomization in a folder. If there is none, the manifests of the folder are read,
/// and with `is_recursive` those of its subfolders. A subfolder with a kustomization is built.
///
/// # Errors
///
/// The folder cannot be read.
pub fn read_applied_folder(
    folder: &Path,
    is_recursive: bool,
    scope: TreeScope<'_>,
) -> Result<SourceTree, FileError> {
    if has_kustomization(folder) {
        return read_kustomization(folder, scope);
    }
    let resources = resources(folder, is_recursive)?;
    let kustomization = json!({ "resources": resources }).to_string();
    read_with_resources(folder, &kustomization, scope)
}

/// Whether a folder has a kustomization.
#[must_use]
pub fn has_kustomization(folder: &Path) -> bool {
    let mut names = KUSTOMIZATION_FILES.iter();
    names.any(|name| folder.join(name).is_file())
}

/// The manifests and the folders to build, relative to the folder.
fn resources(folder: &Path, is_recursive: bool) -> Result<Vec<String>, FileError> {
    let depth = if is_recursive { usize::MAX } else { 1 };
    let mut walk = WalkDir::new(folder)
        .min_depth(1)
        .max_depth(depth)
        .follow_links(false)
        .sort_by_file_name()
        .into_iter();
    let mut resources = Vec::new();
    while let Some(entry) = walk.next() {
        let entry = entry.map_err(|error| {
            let file = error.path().unwrap_or(folder).display().to_string();
            let source = error.into_io_error();
            FileError::Unreadable {
                file,
                source: source.unwrap_or_else(|| std::io::Error::other("the links form a loop")),
            }
        })?;
        let is_folder = entry.file_type().is_dir();
        let is_built = is_folder && is_recursive && has_kustomization(entry.path());
        if is_folder && (is_built || is_git(&entry) || is_chart(&entry)) {
            walk.skip_current_dir();
        }
        if is_built || (!is_folder && is_manifest(&entry)) {
            resources.push(relative(entry.path(), folder)?);
        }
    }
    Ok(resources)
}

/// Whether a file has objects; others in the same folder are not applied.
fn is_manifest(entry: &DirEntry) -> bool {
    let extension = entry.path().extension().and_then(|text| text.to_str());
    if !matches!(extension, Some("yaml" | "yml" | "json")) {
        return false;
    }
    // A file that cannot be read is reported when it is built.
    let Ok(text) = read_text(entry.path()) else {
        return true;
    };
    let mut objects = objects(&text).into_iter();
    objects.any(|object| match object {
        Ok(object) => {
            object.value["kind"].is_string() && object.value["metadata"]["name"].is_string()
        }
        Err(_) => extension != Some("json"),
    })
}

fn relative(path: &Path, folder: &Path) -> Result<String, FileError> {
    let relative: PathBuf = path.strip_prefix(folder).unwrap_or(path).to_owned();
    let text = relative.into_os_string().into_string();
    text.map_err(|_| FileError::NameNotUtf8 {
        file: path.to_owned(),
    })
}
