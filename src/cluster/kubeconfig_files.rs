//! The kubeconfig files of a user: which there are, read and merged.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};

use super::cause::plain_io;
use super::connection::ConnectionOptions;
use super::error::ClusterError;

/// Reads the files that the flags and the environment name.
#[expect(
    clippy::disallowed_methods,
    reason = "kubectl's own variable, read where its files are"
)]
pub(super) fn load(options: &ConnectionOptions) -> Result<Kubeconfig, ClusterError> {
    let kubeconfig = std::env::var_os("KUBECONFIG");
    let home = std::env::home_dir();
    if let Some(path) = &options.kubeconfig {
        // A file that was named must exist; those of the environment need not.
        if let Err(error) = std::fs::metadata(path) {
            let reason = plain_io(&error.to_string());
            return Err(ClusterError::Configuration(format!(
                "stat {}: {reason}",
                path.display()
            )));
        }
        return read(path);
    }
    let mut merged = Kubeconfig::default();
    for path in paths(kubeconfig.as_deref(), home.as_deref()) {
        if !path.exists() {
            continue;
        }
        merged = merged
            .merge(read(&path)?)
            .map_err(|error| unreadable(&path, &error))?;
    }
    Ok(merged)
}

fn paths(kubeconfig: Option<&OsStr>, home: Option<&Path>) -> Vec<PathBuf> {
    let named: Vec<PathBuf> = kubeconfig
        .map(|list| std::env::split_paths(list).collect::<Vec<_>>())
        .unwrap_or_default()
        .into_iter()
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    match home {
        _ if !named.is_empty() => named,
        Some(home) => vec![home.join(".kube").join("config")],
        None => Vec::new(),
    }
}

fn read(path: &Path) -> Result<Kubeconfig, ClusterError> {
    let mut config = Kubeconfig::read_from(path).map_err(|error| unreadable(path, &error))?;
    // An empty context must not win over a later file's.
    config.current_context = config.current_context.filter(|name| !name.is_empty());
    Ok(config)
}

fn unreadable(path: &Path, error: &KubeconfigError) -> ClusterError {
    let reason = match error {
        KubeconfigError::ReadConfig(cause, _) => plain_io(&cause.to_string()),
        KubeconfigError::Parse(cause) => format!("yaml: {cause}"),
        other => other.to_string(),
    };
    ClusterError::Kubeconfig {
        path: path.display().to_string(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environments_files_win_over_the_home() {
        let home = Path::new("/home/eve");
        let default = vec![PathBuf::from("/home/eve/.kube/config")];
        assert_eq!(paths(None, Some(home)), default);
        assert_eq!(paths(Some(OsStr::new("")), Some(home)), default);
        let list = std::env::join_paths(["/a", "/b"]).expect("a list");
        assert_eq!(
            paths(Some(&list), Some(home)),
            [PathBuf::from("/a"), PathBuf::from("/b")]
        );
        assert_eq!(paths(None, None), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_file_that_was_named_must_exist_and_be_yaml() {
        let dir = tempfile::tempdir().expect("a folder");
        let bad = dir.path().join("bad");
        std::fs::write(&bad, "a: [").expect("written");
        let line = |path: &Path| {
            let options = ConnectionOptions {
                kubeconfig: Some(path.to_owned()),
                ..ConnectionOptions::default()
            };
            load(&options).map(|_| ()).expect_err("refused").line()
        };
        let gone = dir.path().join("gone");
        assert_eq!(
            line(&gone),
            format!("error: stat {}: no such file or directory", gone.display())
        );
        let start = format!("error: error loading config file {bad:?}: yaml: ");
        assert!(line(&bad).starts_with(&start), "{}", line(&bad));
    }
}
