//! Credential helpers: `docker-credential-NAME get`
//! (<https://github.com/docker/docker-credential-helpers>).
//!
//! A helper reads a registry from its standard input and prints JSON. Its output is
//! never shown, because it is or may contain a secret.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use super::Credential;
use crate::child_output::{self, ChildOutput};
use crate::registry::content::go_json::GoObject;

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
    if let Some(mut stdin) = child.stdin.take() {
        // A helper may answer without reading its input; that is not an error.
        let _ = stdin.write_all(format!("{server}\n").as_bytes()).await;
    }
    let ChildOutput {
        stdout: output,
        status,
        ..
    } = child_output::read(&mut child, MAX_OUTPUT)
        .await
        .map_err(|error| format!("could not be waited for: {}", error.kind()))?;
    // Truncated output could still parse as a credential, but a different one.
    if u64::try_from(output.len()).is_ok_and(|length| length > MAX_OUTPUT) {
        return Err(format!("returned more than {MAX_OUTPUT} bytes"));
    }
    if !status.success() {
        return if String::from_utf8_lossy(&output).contains(NOT_FOUND) {
            Ok(None)
        } else {
            Err(format!("failed ({status})"))
        };
    }
    parse(&output).map_err(|_| "returned something that is not a credential".to_owned())
}

/// Parses the output of a helper. Some print empty fields, or no fields at all, for a
/// registry for which they have no credential: without a secret there is none.
fn parse(output: &[u8]) -> serde_json::Result<Option<Credential>> {
    let output = GoObject::parse(output)?;
    let user: String = output.field("Username")?.unwrap_or_default();
    let secret: String = output.field("Secret")?.unwrap_or_default();
    if secret.is_empty() {
        return Ok(None);
    }
    let secret = SecretString::from(secret);
    Ok(Some(if user == TOKEN_USER {
        Credential::IdentityToken {
            user,
            token: secret,
        }
    } else {
        Credential::Password {
            user,
            password: secret,
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn the_output_of_a_helper_is_read_in_any_case_and_without_a_secret_is_no_credential() {
        for (output, expected) in [
            (
                r#"{"ServerURL":"r","Username":"me","Secret":"pw"}"#,
                Ok(Some("password me pw")),
            ),
            (
                r#"{"username":"me","secret":"pw"}"#,
                Ok(Some("password me pw")),
            ),
            (
                r#"{"USERNAME":"me","SECRET":"pw"}"#,
                Ok(Some("password me pw")),
            ),
            (
                r#"{"Username":"<token>","Secret":"t"}"#,
                Ok(Some("identity <token> t")),
            ),
            // A token as the password of nobody.
            (r#"{"Secret":"t"}"#, Ok(Some("password  t"))),
            ("{}", Ok(None)),
            (r#"{"Username":"","Secret":""}"#, Ok(None)),
            (r#"{"Username":null,"Secret":null}"#, Ok(None)),
            (r#"{"Username":"me"}"#, Ok(None)),
            (r#"{"Username":"me","Secret":""}"#, Ok(None)),
            (r#"{"Username":"<token>","Secret":""}"#, Ok(None)),
            ("null", Err(())),
            ("", Err(())),
            (r#"{"Username":"me","Secret":7}"#, Err(())),
        ] {
            let found = parse(output.as_bytes()).map_err(|_| ());
            let found = found.map(|found| {
                found.map(|credential| match credential {
                    Credential::Password { user, password } => {
                        format!("password {user} {}", password.expose_secret())
                    }
                    Credential::IdentityToken { user, token } => {
                        format!("identity {user} {}", token.expose_secret())
                    }
                    Credential::RegistryToken(_) => "a registry token".to_owned(),
                })
            });
            assert_eq!(found, expected.map(|e| e.map(str::to_owned)), "{output}");
        }
    }
}
