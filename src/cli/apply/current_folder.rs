//! A clone as the current folder.
//!
//! The names of files in a clone are shown, recorded and committed as the repository has them,
//! so the clone becomes the current folder while it is used. Nothing but the files that the user
//! names may be looked up there: not programs, and not settings.

use std::env;
use std::path::{Path, PathBuf};

use crate::cli::error::CommandError;

/// Variables that name files and folders which this program, its helpers and git use.
const NAMING_PATHS: [&str; 14] = [
    "PATH",
    "HOME",
    "DOCKER_CONFIG",
    "REGISTRY_AUTH_FILE",
    "CONTAINERS_REGISTRIES_CONF",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "TMPDIR",
    "GIT_EXEC_PATH",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_SSL_CAINFO",
];

/// Variables that name programs: a word without a folder is looked up on the `PATH`.
const NAMING_PROGRAMS: [&str; 3] = ["GIT_ASKPASS", "SSH_ASKPASS", "GIT_SSH"];

/// A folder that is the current one until this value is dropped.
#[derive(Debug)]
pub(crate) struct CurrentFolder {
    before: PathBuf,
}

impl CurrentFolder {
    /// Makes the root of a clone the current folder.
    ///
    /// # Errors
    ///
    /// A variable of the environment names something relative to the current folder, or the
    /// folder cannot be entered.
    pub(crate) fn enter(folder: &Path) -> Result<Self, CommandError> {
        check_environment()?;
        let entered = env::current_dir().and_then(|before| {
            env::set_current_dir(folder)?;
            Ok(Self { before })
        });
        entered.map_err(|error| {
            CommandError::failed(format!("cannot enter {}: {error}", folder.display()))
        })
    }
}

impl Drop for CurrentFolder {
    fn drop(&mut self) {
        // If it is gone, the run ends soon.
        let _ = env::set_current_dir(&self.before);
    }
}

/// Refuses variables that would mean something else in the clone.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that checks which variables name relative paths"
)]
fn check_environment() -> Result<(), CommandError> {
    let paths = NAMING_PATHS.into_iter().find(|name| {
        let value = env::var_os(name).unwrap_or_default();
        !value.is_empty() && env::split_paths(&value).any(|path| !path.is_absolute())
    });
    let mut programs = NAMING_PROGRAMS.into_iter().filter(|name| {
        let value = env::var_os(name).map(PathBuf::from).unwrap_or_default();
        !value.is_absolute() && value.components().count() > 1
    });
    match paths.or_else(|| programs.next()) {
        Some(name) => Err(CommandError::failed(format!(
            "the variable {name} names a path relative to the current folder, which would be \
             looked up in the clone; write it as an absolute path"
        ))),
        None => Ok(()),
    }
}
