//! The markers of Flux's image automation in files, and the objects that they refer to.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::files::{FileListing, PathOrStdin};
use crate::plan::GovernedFiles;
use crate::policy::ImageAutomation;
use crate::workload::MarkedValue;

/// The file name that means standard input.
const STDIN: &str = "-";

/// What files say about markers.
#[derive(Debug, Clone, Default)]
pub struct FluxMarkers {
    /// Every marker, in the order of the files.
    pub values: Vec<MarkedValue>,
    /// The ImageUpdateAutomation objects, with the files in which they edit.
    pub automations: Vec<GovernedFiles>,
}

impl FluxMarkers {
    /// The policies that the markers name, by namespace and name.
    #[must_use]
    pub fn policies(&self) -> BTreeSet<(&str, &str)> {
        let targets = self.values.iter();
        let targets = targets.filter_map(|value| value.marker.as_ref().ok());
        targets
            .map(|target| (target.namespace.as_str(), target.name.as_str()))
            .collect()
    }
}

/// Takes the markers from a listing, and reads the automations in it. `paths` are
/// those of `-f`. The path of an automation begins at the root of the Git repository that
/// contains them; if it does not exist there, it begins at the folder given with `-f`.
#[must_use]
pub fn flux_markers(
    listing: &mut FileListing,
    paths: &[PathOrStdin],
    default_namespace: &str,
) -> FluxMarkers {
    let mut values = std::mem::take(&mut listing.markers);
    for marked in values
        .iter_mut()
        .filter_map(|value| value.container.as_mut())
    {
        // Only the listing knows which images a kustomization replaces.
        let mut workloads = listing.workloads.iter();
        let same = workloads
            .find(|own| own.id == marked.workload.id && own.source == marked.workload.source);
        if let Some(workload) = same {
            *marked.workload = workload.clone();
        }
    }
    let automations: Vec<ImageAutomation> = listing
        .objects
        .iter()
        .filter_map(|(at, object)| ImageAutomation::read(object, at, default_namespace))
        .collect();
    let files: BTreeSet<&str> = values
        .iter()
        .map(|value| value.source.file.as_str())
        .collect();
    let roots = roots(paths);
    FluxMarkers {
        automations: automations
            .into_iter()
            .map(|automation| governed(automation, &roots, &files))
            .collect(),
        values,
    }
}

/// The folders at which the path of an automation may begin, the most likely first.
pub(crate) fn roots(paths: &[PathOrStdin]) -> Vec<PathBuf> {
    let folders: Vec<PathBuf> = paths
        .iter()
        .filter_map(|path| match path {
            PathOrStdin::Path(path) => fs::canonicalize(path).ok(),
            PathOrStdin::Stdin => None,
        })
        .filter_map(|path| {
            if path.is_dir() {
                Some(path)
            } else {
                path.parent().map(Path::to_owned)
            }
        })
        .collect();
    let repositories = folders.iter().filter_map(|folder| {
        let mut above = folder.ancestors();
        above
            .find(|folder| folder.join(".git").exists())
            .map(Path::to_owned)
    });
    let mut roots: Vec<PathBuf> = repositories.collect();
    roots.extend(folders);
    roots
}

fn governed(
    automation: ImageAutomation,
    roots: &[PathBuf],
    files: &BTreeSet<&str>,
) -> GovernedFiles {
    let all = || files.iter().map(|file| (*file).to_owned()).collect();
    let Some(path) = automation.path.clone().filter(|_| !roots.is_empty()) else {
        return GovernedFiles {
            automation,
            files: all(),
            path_exists: true,
        };
    };
    let targets = roots.iter().map(|root| inside(root, &path));
    let target = targets
        .into_iter()
        .find_map(|target| fs::canonicalize(target).ok());
    let is_below = |file: &str| {
        // Standard input has no place. A link belongs to the folder in which it is.
        file == STDIN
            || target.as_ref().is_some_and(|target| {
                place(Path::new(file)).is_some_and(|place| place.starts_with(target))
            })
    };
    GovernedFiles {
        automation,
        files: files
            .iter()
            .filter(|file| is_below(file))
            .map(|file| (*file).to_owned())
            .collect(),
        path_exists: target.is_some(),
    }
}

/// A path joined to a folder without leaving it, as Flux does: `..` at the top stays there.
pub(crate) fn inside(root: &Path, path: &str) -> PathBuf {
    let mut joined = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => joined.push(name),
            Component::ParentDir => {
                joined.pop();
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    root.join(joined)
}

/// Where a file is, without following a link that is the file itself.
fn place(file: &Path) -> Option<PathBuf> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()?;
    Some(folder.join(file.file_name()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_of_an_automation_stays_inside_its_root() {
        for (path, expected) in [
            ("./apps", "/r/apps"),
            ("apps/../prod", "/r/prod"),
            ("../../x", "/r/x"),
            ("/apps", "/r/apps"),
            ("./", "/r"),
        ] {
            assert_eq!(inside(Path::new("/r"), path), Path::new(expected), "{path}");
        }
    }
}
