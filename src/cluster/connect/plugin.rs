//! Credential plugins: `exec` of a kubeconfig user
//! (<https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>).
//!
//! A plugin's standard output is never shown, because it is a credential or may contain
//! one; nor are its arguments and its environment. If a plugin fails, its exit code is
//! reported and, if it cannot prompt the user, the beginning of its standard error.

use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use kube::config::{ExecConfig, ExecInteractiveMode};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;

use super::client_certificate::ClientCertificate;
use crate::child_output::{self, ChildOutput};
use crate::cluster::api::cause::plain_io;
use crate::cluster::api::error::ClusterError;
use crate::secrets;

/// The maximum size of a plugin's output, in bytes.
const MAX_OUTPUT: u64 = 1024 * 1024;

/// How long before it expires a token is renewed.
const BEFORE_EXPIRY: Duration = Duration::from_secs(10);

/// Words in the name of a flag or a variable that mark its value as a secret.
const SECRET_NAMES: [&str; 6] = ["secret", "token", "passw", "key", "credential", "auth"];

/// The credentials that a plugin returned.
pub(crate) struct PluginCredentials {
    /// The plugin's command, as in the kubeconfig.
    pub(crate) program: String,
    pub(crate) token: Option<SecretString>,
    /// When the token must be renewed; `None`: it does not expire.
    pub(crate) until: Option<Instant>,
    pub(crate) certificate: Option<ClientCertificate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredential {
    api_version: Option<String>,
    kind: Option<String>,
    status: Option<ExecCredentialStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredentialStatus {
    expiration_timestamp: Option<String>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// Runs a plugin and reads its credentials.
pub(crate) async fn run(exec: &ExecConfig) -> Result<PluginCredentials, ClusterError> {
    let program = exec.command.clone().unwrap_or_default();
    let result = run_program(exec, &program).await;
    result.map_err(|reason| ClusterError::Unreachable {
        reason: format!("getting credentials: {reason}"),
    })
}

async fn run_program(exec: &ExecConfig, program: &str) -> Result<PluginCredentials, String> {
    if program.is_empty() {
        return Err("exec: the kubeconfig names no command".to_owned());
    }
    // Without a terminal, `EffectiveConfig::into_config` has set it to `Never`.
    let is_interactive = exec.interactive_mode != Some(ExecInteractiveMode::Never);
    let mut command = Command::new(program);
    command
        .args(exec.args.iter().flatten())
        .envs(variables(exec))
        .env("KUBERNETES_EXEC_INFO", exec_info(exec, is_interactive))
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    if is_interactive {
        command.stdin(Stdio::inherit()).stderr(Stdio::inherit());
    } else {
        command.stdin(Stdio::null()).stderr(Stdio::piped());
    }
    for (name, value) in secret_words(exec) {
        if is_secret_name(name) {
            secrets::learn(value);
        }
    }
    let mut child = command
        .spawn()
        .map_err(|error| not_started(exec, program, &error))?;
    let ChildOutput {
        stdout,
        stderr,
        status,
    } = child_output::read(&mut child, MAX_OUTPUT)
        .await
        .map_err(|error| format!("exec: {program}: {}", error.kind()))?;
    // Truncated output could still be parsed, as a different credential.
    if u64::try_from(stdout.len()).is_ok_and(|length| length > MAX_OUTPUT) {
        return Err(format!(
            "exec: executable {program} printed more than {MAX_OUTPUT} bytes"
        ));
    }
    if !status.success() {
        return Err(failed(exec, program, status, &stderr));
    }
    read(exec, program, &stdout)
}

/// `name` and `value` of each entry of `env`.
fn variables(exec: &ExecConfig) -> impl Iterator<Item = (&str, &str)> {
    let entries = exec.env.iter().flatten();
    entries.filter_map(|entry| Some((entry.get("name")?.as_str(), entry.get("value")?.as_str())))
}

/// The values of environment variables and of flags, with their names.
fn secret_words(exec: &ExecConfig) -> Vec<(&str, &str)> {
    let mut words: Vec<(&str, &str)> = variables(exec).collect();
    let mut flag = "";
    for argument in exec.args.iter().flatten() {
        match argument.split_once('=') {
            Some((name, value)) if name.starts_with('-') => words.push((name, value)),
            _ if argument.starts_with('-') => flag = argument,
            _ => words.push((std::mem::take(&mut flag), argument)),
        }
    }
    words
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|word| name.contains(word))
}

/// The value of `KUBERNETES_EXEC_INFO`.
fn exec_info(exec: &ExecConfig, is_interactive: bool) -> String {
    let mut spec = json!({"interactive": is_interactive});
    if let Some(cluster) = exec.cluster.as_ref().filter(|_| exec.provide_cluster_info) {
        spec["cluster"] = serde_json::to_value(cluster).unwrap_or_default();
    }
    json!({"kind": "ExecCredential", "apiVersion": exec.api_version, "spec": spec}).to_string()
}

fn not_started(exec: &ExecConfig, program: &str, error: &std::io::Error) -> String {
    if error.kind() != std::io::ErrorKind::NotFound {
        return format!("exec: {program}: {}", plain_io(&error.to_string()));
    }
    let hint = exec.install_hint.as_deref().map(secrets::quote);
    match hint.filter(|hint| !hint.is_empty()) {
        Some(hint) => format!("exec: executable {program} not found; {hint}"),
        None => format!(
            "exec: executable {program} not found; install it, or give its full path in the \
             kubeconfig"
        ),
    }
}

fn failed(exec: &ExecConfig, program: &str, status: ExitStatus, stderr: &[u8]) -> String {
    let status = match status.code() {
        Some(code) => format!("exit code {code}"),
        None => status.to_string(),
    };
    // Every environment variable is redacted, but only those flags whose names mark a
    // secret: the name of a cluster or a region helps to find the fault.
    let words = secret_words(exec);
    let variable_values = variables(exec).map(|(_, value)| value);
    let flags = words.iter().filter(|(name, _)| is_secret_name(name));
    let all = variable_values.chain(flags.map(|(_, value)| *value));
    let said = secrets::redact_also(&String::from_utf8_lossy(stderr), all);
    match secrets::quote(&said).as_str() {
        "" => format!("exec: executable {program} failed with {status}"),
        said => format!("exec: executable {program} failed with {status}: {said}"),
    }
}

fn read(exec: &ExecConfig, program: &str, stdout: &[u8]) -> Result<PluginCredentials, String> {
    // The parser's error is not shown: it quotes the text that it does not understand.
    let credential: ExecCredential = serde_saphyr::from_slice(stdout).map_err(|_| {
        format!("exec: executable {program} printed something that is not an ExecCredential")
    })?;
    let wanted = exec.api_version.as_deref().unwrap_or_default();
    let version = credential.api_version.unwrap_or_default();
    if credential.kind.as_deref() != Some("ExecCredential") || version != wanted {
        return Err(format!(
            "exec plugin {program} is configured to use an ExecCredential of API version \
             {wanted}, plugin returned version {version:?}",
            version = secrets::quote(&version),
        ));
    }
    let status = credential
        .status
        .ok_or_else(|| format!("exec plugin {program} didn't return a status field"))?;
    let until = status
        .expiration_timestamp
        .map(|text| expiry(&text))
        .transpose()
        .map_err(|()| {
            format!("exec plugin {program} returned an expirationTimestamp that is not a time")
        })?;
    let pair = (
        non_blank(status.client_certificate_data),
        non_blank(status.client_key_data),
    );
    let certificate = match pair {
        (None, None) => None,
        (Some(certificate), Some(key)) => {
            let owner = format!("of the credential plugin {program}");
            let certificate = ClientCertificate::from_pem(certificate, key, &owner);
            Some(certificate.map_err(|error| error.to_string())?)
        }
        _ => {
            return Err(format!(
                "exec plugin {program} returned only certificate or key, not both"
            ));
        }
    };
    let token = non_blank(status.token);
    if token.is_none() && certificate.is_none() {
        return Err(format!(
            "exec plugin {program} didn't return a token or cert/key pair"
        ));
    }
    Ok(PluginCredentials {
        program: program.to_owned(),
        token: token.map(SecretString::from),
        until,
        certificate,
    })
}

fn non_blank(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// When to renew a token that expires at the given time.
#[expect(
    clippy::disallowed_methods,
    reason = "the expiry of a credential is a wall clock time"
)]
fn expiry(text: &str) -> Result<Instant, ()> {
    let at: jiff::Timestamp = text.parse().map_err(drop)?;
    let left = at.duration_since(jiff::Timestamp::now());
    let left = Duration::try_from(left).unwrap_or_default();
    // A later time might overflow the machine's clock. No run lasts a year.
    let year = Duration::from_secs(365 * 24 * 60 * 60);
    Ok(Instant::now() + left.saturating_sub(BEFORE_EXPIRY).min(year))
}
