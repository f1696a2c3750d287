//! Credential helpers: `docker-credential-NAME get`
//! (<https://github.com/docker/docker-credential-helpers>).
//!
//! A helper reads a registry from its standard input and prints JSON. Its output is
//! never shown, because it is or may contain a secret.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::Credential;

/// The largest output of a helper that is read, in bytes.
const MAX_OUTPUT: u64 = 1024 * 1024;
/// What helpers print if they have no credential; they also exit with an error.
const NOT_FOUND: &str = "credentials not found";
/// The user name that marks the secret as an identity token.
const TOKEN_USER: &str = "<token>";

/// Why a helper returned no result. Contains nothing that the helper printed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HelperError {
    /// The program does not exist.
    #[error("{program} is not on the PATH")]
    NotInstalled { program: String },
    /// The program was run and failed.
    #[error("{program} {fault}")]
    Failed { program: String, fault: String },
}

/// One helper program.
#[derive(Debug)]
pub(crate) struct Helper<'a> {
    /// The part of its name after `docker-credential-`.
    pub(crate) name: &'a str,
    /// The search path, if it is not the `PATH` of the process.
    pub(crate) path: Option<&'a OsStr>,
    pub(crate) timeout: Duration,
}

impl Helper<'_> {
    /// The helper's credential for a registry; `None` if it has none.
    pub(crate) async fn get(&self, server: &str) -> Result<Option<Credential>, HelperError> {
        let program = format!("docker-credential-{}", self.name);
        let mut command = Command::new(&program);
        if let Some(path) = self.path {
            command.env("PATH", path);
        }
        let child = command
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let child = match child {
            Ok(child) => child,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(HelperError::NotInstalled { program });
            }
            Err(error) => {
                let fault = format!("could not be run: {}", error.kind());
                return Err(HelperError::Failed { program, fault });
            }
        };
        // On a time-out the child is dropped, which kills it.
        tokio::time::timeout(self.timeout, exchange(child, server))
            .await
            .unwrap_or_else(|_| Err(format!("did not answer within {:?}", self.timeout)))
            .map_err(|fault| HelperError::Failed { program, fault })
    }
}

/// Sends a registry to a running helper and reads its output.
async fn exchange(mut child: Child, server: &str) -> Result<Option<Credential>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct HelperOutput {
        #[serde(default)]
        username: String,
        #[serde(default)]
        secret: String,
    }
    if let Some(mut stdin) = child.stdin.take() {
        // A helper may answer without reading its input; that is not an error.
        let _ = stdin.write_all(format!("{server}\n").as_bytes()).await;
    }
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout
            .take(MAX_OUTPUT + 1)
            .read_to_end(&mut output)
            .await
            .map_err(|error| format!("could not be read: {}", error.kind()))?;
        // Truncated output could still parse as a credential, but a different one.
        if u64::try_from(output.len()).is_ok_and(|length| length > MAX_OUTPUT) {
            return Err(format!("returned more than {MAX_OUTPUT} bytes"));
        }
    }
    let status = child
        .wait()
        .await
        .map_err(|error| format!("could not be waited for: {}", error.kind()))?;
    if !status.success() {
        return if String::from_utf8_lossy(&output).contains(NOT_FOUND) {
            Ok(None)
        } else {
            Err(format!("failed ({status})"))
        };
    }
    let output: HelperOutput = serde_json::from_slice(&output)
        .map_err(|_| "returned something that is not a credential".to_owned())?;
    let secret = SecretString::from(output.secret);
    Ok(Some(if output.username == TOKEN_USER {
        Credential::IdentityToken {
            user: output.username,
            token: secret,
        }
    } else {
        Credential::Password {
            user: output.username,
            password: secret,
        }
    }))
}
