//! Finds, reads and merges the kubeconfig files of a user.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};

use super::options::ConnectionOptions;
use crate::cluster::api::cause::plain_io;
use crate::cluster::api::error::ClusterError;
use crate::user_file;

/// The maximum size of a kubeconfig, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Reads the files that the flags and the environment name.
#[expect(
    clippy::disallowed_methods,
    reason = "kubectl's own variable; this is the only place that reads it"
)]
pub(crate) fn load(options: &ConnectionOptions) -> Result<Kubeconfig, ClusterError> {
    let kubeconfig = std::env::var_os("KUBECONFIG");
    let home = std::env::home_dir();
    if let Some(path) = &options.kubeconfig {
        // The file of the flag must exist; the files of the environment need not.
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
                reason: format!("{}, unlike those before it", describe_error(&error)),
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
    let bytes =
        user_file::read(path, MAX_BYTES).map_err(|error| fault(plain_io(&error.to_string())))?;
    let text = decode(&bytes).ok_or_else(|| fault("it is not UTF-8 text".to_owned()))?;
    let mut config = Kubeconfig::from_yaml(&text).map_err(|error| fault(describe_error(&error)))?;
    if let Some(folder) = path.parent() {
        make_absolute(&mut config, folder);
    }
    // An empty context must not win over the context of a later file.
    config.current_context = config.current_context.filter(|name| !name.is_empty());
    Ok(config)
}

/// Decodes UTF-8 or, with a byte order mark, UTF-16, which Windows writes.
fn decode(bytes: &[u8]) -> Option<String> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => decode_utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => decode_utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        bytes => String::from_utf8(bytes.to_vec()).ok(),
    }
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (units, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = units.iter().copied().map(unit).collect();
    String::from_utf16(&units).ok().filter(|_| rest.is_empty())
}

/// Describes a parse error without quoting the file. The parser's own message quotes the
/// lines around the fault and the unexpected value, and both may contain tokens.
fn describe_error(error: &KubeconfigError) -> String {
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

/// Makes the paths in a kubeconfig absolute. They are relative to its folder, and so is a
/// plugin's command, unless it is searched on the `PATH`.
fn make_absolute(config: &mut Kubeconfig, folder: &Path) {
    for cluster in config
        .clusters
        .iter_mut()
        .filter_map(|c| c.cluster.as_mut())
    {
        join_folder(folder, &mut cluster.certificate_authority);
    }
    for user in config
        .auth_infos
        .iter_mut()
        .filter_map(|u| u.auth_info.as_mut())
    {
        join_folder(folder, &mut user.client_certificate);
        join_folder(folder, &mut user.client_key);
        join_folder(folder, &mut user.token_file);
        if let Some(exec) = &mut user.exec {
            let command = exec.command.as_deref().unwrap_or_default();
            if command.contains(std::path::MAIN_SEPARATOR) {
                join_folder(folder, &mut exec.command);
            }
        }
    }
}

fn join_folder(folder: &Path, path: &mut Option<String>) {
    let Some(path) = path.as_mut().filter(|path| !path.is_empty()) else {
        return;
    };
    if let Some(joined) = folder.join(&*path).to_str() {
        *path = joined.to_owned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_environment_win_over_the_home_folder() {
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

    fn error_line(path: &Path) -> String {
        let options = ConnectionOptions {
            kubeconfig: Some(path.to_owned()),
            ..ConnectionOptions::default()
        };
        load(&options).map(|_| ()).expect_err("rejected").line()
    }

    #[test]
    fn file_of_the_flag_must_exist_and_be_yaml() {
        let dir = tempfile::tempdir().expect("a folder");
        let bad = dir.path().join("bad");
        std::fs::write(&bad, "a: [").expect("written");
        let gone = dir.path().join("gone");
        assert_eq!(
            error_line(&gone),
            format!("error: stat {}: no such file or directory", gone.display())
        );
        let start = format!("error: error loading config file {bad:?}: yaml: ");
        assert!(error_line(&bad).starts_with(&start), "{}", error_line(&bad));
    }
}
