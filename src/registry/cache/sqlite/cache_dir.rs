//! Where the file lies.

use std::path::PathBuf;

use super::super::option::CacheOption;

/// The folder of this program in the user's cache directory.
const OWN: &str = "kubectl-imgpolicy";

/// The directory of the file: the one that is named, or the user's. `None` where
/// there is none.
pub(crate) fn directory(option: &CacheOption) -> Option<PathBuf> {
    match option {
        CacheOption::Directory(directory) => Some(directory.clone()),
        CacheOption::Auto => Some(user_caches()?.join(OWN)),
        CacheOption::Off | CacheOption::Memcached(_) => None,
    }
}

/// `$XDG_CACHE_HOME`, else what the system calls the place for caches. A
/// relative `$XDG_CACHE_HOME` is ignored, as its specification wants.
#[expect(
    clippy::disallowed_methods,
    reason = "where caches lie is in the environment"
)]
fn user_caches() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let absolute = |path: &PathBuf| path.is_absolute();
    if let Some(named) = variable("XDG_CACHE_HOME").filter(absolute) {
        return Some(named);
    }
    if cfg!(windows) {
        return variable("LOCALAPPDATA").filter(absolute);
    }
    let home = std::env::home_dir().filter(absolute)?;
    Some(if cfg!(target_os = "macos") {
        home.join("Library").join("Caches")
    } else {
        home.join(".cache")
    })
}
