//! The directory of the cache file.

use std::path::PathBuf;

use super::super::option::CacheOption;

/// The directory of this program in the user's cache directory.
const PROGRAM_DIR: &str = "kubectl-imgpolicy";

/// Returns the directory of the file: the configured one, or the user's cache
/// directory. `None` if the user has none.
pub(crate) fn directory(option: &CacheOption) -> Option<PathBuf> {
    match option {
        CacheOption::Directory(directory) => Some(directory.clone()),
        CacheOption::Auto => user_cache_folder(),
        CacheOption::Off | CacheOption::Memcached(_) => None,
    }
}

/// Returns this program's folder in the user's cache folder. `None` if the user has none.
#[must_use]
pub fn user_cache_folder() -> Option<PathBuf> {
    Some(user_caches()?.join(PROGRAM_DIR))
}

/// Returns `$XDG_CACHE_HOME`, or the system's default directory for caches. A
/// relative `$XDG_CACHE_HOME` is ignored, as its specification requires.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment defines the cache directory"
)]
fn user_caches() -> Option<PathBuf> {
    if let Some(path) = absolute(std::env::var_os("XDG_CACHE_HOME")) {
        return Some(path);
    }
    if cfg!(windows) {
        return absolute(std::env::var_os("LOCALAPPDATA"));
    }
    let home = absolute(std::env::home_dir())?;
    Some(if cfg!(target_os = "macos") {
        home.join("Library").join("Caches")
    } else {
        home.join(".cache")
    })
}

fn absolute(path: Option<impl Into<PathBuf>>) -> Option<PathBuf> {
    path.map(Into::into).filter(|path| path.is_absolute())
}
