//! Credential helpers: `docker-credential-NAME get`
//! (<https://github.com/docker/docker-credential-helpers>).
//!
//! A helper gets a registry on its standard input and answers with JSON. What
//! it prints is never shown: it is a secret, or it may hold one.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::Credential;

/// The largest answer of a helper that is read, in bytes.
const MAX_OUTPUT: u64 = 1024 * 1024;
/// What helpers print where they have nothing; they fail at the same time.
const NOT_FOUND: &str = "credentials not found";
/// The user name that marks the secret as an identity token.
const TOKEN_USER: &str = "<token>";

/// Why a helper gave no answer. Holds nothing that the helper printed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HelperError {
    /// There is no such program.
    #[error("{program} is not on the PATH")]
    NotInstalled { program: String },
    /// It was run, and failed.
    #[error("{program} {fault}")]
    Failed { program: String, fault: String },
}

/// One helper program.
#[derive(Debug)]
pub(crate) struct Helper<'a> {
    /// The part of its name behind `docker-credential-`.
    pub(crate) name: &'a str,
    /// Where to look for it, if not where the process looks.
    pub(crate) path: Option<&'a OsStr>,
    pub(crate) timeout: Duration,
}

impl Helper<'_> {
    /// What the helper has for a registry.
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
        // Dropping the child when the time is over kills it.
        let asked = tokio::time::timeout(self.timeout, ask(child, server)).await;
        asked
            .unwrap_or_else(|_| Err(format!("did not answer within {:?}", self.timeout)))
            .map_err(|fault| HelperError::Failed { program, fault })
    }
}

/// Asks a helper that runs.
async fn ask(mut child: Child, server: &str) -> Result<Option<Credential>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct HelperOutput {
        #[serde(default)]
        username: String,
        #[serde(default)]
        secret: String,
    }
    if let Some(mut stdin) = child.stdin.take() {
        // A helper may answer without reading; its answer counts.
        let _ = stdin.write_all(format!("{server}\n").as_bytes()).await;
    }
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout
            .take(MAX_OUTPUT + 1)
            .read_to_end(&mut output)
            .await
            .map_err(|error| format!("could not be read: {}", error.kind()))?;
        // What is cut off may still be read as a credential, and another one.
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
    let answer: HelperOutput = serde_json::from_slice(&output)
        .map_err(|_| "returned something that is not a credential".to_owned())?;
    let secret = SecretString::from(answer.secret);
    Ok(Some(if answer.username == TOKEN_USER {
        Credential::IdentityToken {
            user: answer.username,
            token: secret,
        }
    } else {
        Credential::Password {
            user: answer.username,
            password: secret,
        }
    }))
}
