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
use tokio::process::Command;

use super::Credential;

/// The largest answer of a helper that is read, in bytes.
const MAX_OUTPUT: u64 = 1024 * 1024;
/// What helpers print where they have nothing; they fail at the same time.
const NOT_FOUND: &str = "credentials not found";
/// The user name that marks the secret as an identity token.
const TOKEN_USER: &str = "<token>";

/// One helper program.
#[derive(Debug)]
pub(super) struct Helper<'a> {
    /// The part of its name behind `docker-credential-`.
    pub(super) name: &'a str,
    /// Where to look for it, if not where the process looks.
    pub(super) path: Option<&'a OsStr>,
    pub(super) timeout: Duration,
}

impl Helper<'_> {
    /// What the helper has for a registry. The error says what went wrong and
    /// holds nothing that the helper printed.
    pub(super) async fn get(&self, server: &str) -> Result<Option<Credential>, String> {
        let program = format!("docker-credential-{}", self.name);
        // Dropping the child when the time is over kills it.
        match tokio::time::timeout(self.timeout, self.run(&program, server)).await {
            Ok(result) => result.map_err(|fault| format!("{program} {fault}")),
            Err(_) => Err(format!(
                "{program} did not answer within {:?}",
                self.timeout
            )),
        }
    }

    async fn run(&self, program: &str, server: &str) -> Result<Option<Credential>, String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer {
            #[serde(default)]
            username: String,
            #[serde(default)]
            secret: String,
        }
        let mut command = Command::new(program);
        if let Some(path) = self.path {
            command.env("PATH", path);
        }
        let mut child = command
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("could not be run: {}", error.kind()))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A helper may answer without reading; its answer counts.
            let _ = stdin.write_all(format!("{server}\n").as_bytes()).await;
        }
        let mut output = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout
                .take(MAX_OUTPUT)
                .read_to_end(&mut output)
                .await
                .map_err(|error| format!("could not be read: {}", error.kind()))?;
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
        let answer: Answer = serde_json::from_slice(&output)
            .map_err(|_| "answered with something that is no credential".to_owned())?;
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
}
