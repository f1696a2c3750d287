//! Finds the kustomize program.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::program::{Program, ProgramKind};

/// The programs that are looked for, in this order.
const NAMES: [(&str, ProgramKind); 2] = [
    ("kustomize", ProgramKind::Kustomize),
    ("kubectl", ProgramKind::Kubectl),
];

/// The program that was given, otherwise the first on the search path.
///
/// # Errors
///
/// There is none; the reason, and what to do.
pub(crate) fn find(given: Option<&Path>, search_path: Option<&OsStr>) -> Result<Program, String> {
    let Some(given) = given else {
        let mut names = NAMES.into_iter();
        let found = names.find_map(|(name, kind)| Some((search(name, search_path)?, kind)));
        return match found {
            Some((path, kind)) => Ok(Program { path, kind }),
            None => Err(
                "neither kustomize nor kubectl is on the PATH; install kustomize, or name it with \
                 --kustomize-program"
                    .to_owned(),
            ),
        };
    };
    let is_name = given.components().count() == 1 && !given.starts_with(".");
    let path = if is_name {
        let name = given.to_string_lossy();
        search(&name, search_path)
            .ok_or_else(|| format!("--kustomize-program {name} is not on the PATH"))?
    } else {
        fs::canonicalize(given)
            .ok()
            .filter(|path| is_executable(path))
            .ok_or_else(|| {
                let given = given.display();
                format!("--kustomize-program {given} is not an executable file")
            })?
    };
    let name = given.file_stem().map(OsStr::to_string_lossy);
    let kind = match name.as_deref() {
        Some("kubectl") => ProgramKind::Kubectl,
        _ => ProgramKind::Kustomize,
    };
    Ok(Program { path, kind })
}

/// A program on the search path. Relative folders in it are left out, because the current
/// folder may belong to a repository that is not trusted.
fn search(name: &str, search_path: Option<&OsStr>) -> Option<PathBuf> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(search_path?)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&file))
        .find(|path| is_executable(path))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}
