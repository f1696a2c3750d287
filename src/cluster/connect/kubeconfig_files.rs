//! The kubeconfig files of a user: which there are, read and merged.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};

use super::options::ConnectionOptions;
use crate::cluster::api::cause::plain_io;
use crate::cluster::api::error::ClusterError;

/// The largest kubeconfig that is read, in bytes.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// Reads the files that the flags and the environment name.
#[expect(
    clippy::disallowed_methods,
    reason = "kubectl's own variable, read where its files are"
)]
pub(crate) fn load(options: &ConnectionOptions) -> Result<Kubeconfig, ClusterError> {
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
            .map_err(|error| ClusterError::Kubeconfig {
                path: path.display().to_string(),
                reason: format!("{}, unlike those before it", without_its_text(&error)),
            })?;
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
    let fault = |reason: String| ClusterError::Kubeconfig {
        path: path.display().to_string(),
        reason,
    };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
        .map_err(|error| fault(plain_io(&error.to_string())))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(fault(format!("it is larger than {MAX_FILE} bytes")));
    }
    let text = decoded(&bytes).ok_or_else(|| fault("it is not text in UTF-8".to_owned()))?;
    let mut config =
        Kubeconfig::from_yaml(&text).map_err(|error| fault(without_its_text(&error)))?;
    if let Some(folder) = path.parent() {
        make_absolute(&mut config, folder);
    }
    // An empty context must not win over a later file's.
    config.current_context = config.current_context.filter(|name| !name.is_empty());
    Ok(config)
}

/// Text in UTF-8 or, with its mark, in UTF-16, as Windows writes it.
fn decoded(bytes: &[u8]) -> Option<String> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (units, rest) = bytes.as_chunks::<2>();
        let units: Vec<u16> = units.iter().copied().map(unit).collect();
        String::from_utf16(&units).ok().filter(|_| rest.is_empty())
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        bytes => String::from_utf8(bytes.to_vec()).ok(),
    }
}

/// Where a file is at fault. The parser's own words quote the lines around the fault
/// and the values that it did not expect: tokens stand in both.
fn without_its_text(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(error) => match error.without_snippet().location() {
            Some(at) if at.line() > 0 => format!(
                "yaml: line {}, column {}: cannot be read as a kubeconfig",
                at.line(),
                at.column()
            ),
            _ => "yaml: it cannot be read as a kubeconfig".to_owned(),
        },
        KubeconfigError::KindMismatch => "its documents differ in kind".to_owned(),
        KubeconfigError::ApiVersionMismatch => "its documents differ in apiVersion".to_owned(),
        _ => "it cannot be read as a kubeconfig".to_owned(),
    }
}

/// Paths in a kubeconfig are meant from where it lies. So is a plugin, unless it is
/// looked for on the `PATH`.
fn make_absolute(config: &mut Kubeconfig, folder: &Path) {
    let absolute = |path: &mut Option<String>| {
        let Some(path) = path.as_mut().filter(|path| !path.is_empty()) else {
            return;
        };
        if let Some(joined) = folder.join(&*path).to_str() {
            *path = joined.to_owned();
        }
    };
    for cluster in config
        .clusters
        .iter_mut()
        .filter_map(|c| c.cluster.as_mut())
    {
        absolute(&mut cluster.certificate_authority);
    }
    for user in config
        .auth_infos
        .iter_mut()
        .filter_map(|u| u.auth_info.as_mut())
    {
        absolute(&mut user.client_certificate);
        absolute(&mut user.client_key);
        absolute(&mut user.token_file);
        if let Some(exec) = &mut user.exec {
            let is_path = |command: &String| command.contains(std::path::MAIN_SEPARATOR);
            if exec.command.as_ref().is_some_and(is_path) {
                absolute(&mut exec.command);
            }
        }
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
