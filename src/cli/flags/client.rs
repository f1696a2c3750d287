//! The flags that every command accepts: kubectl's client flags with kubectl's help texts,
//! and flags for verbosity and colour.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args};
use secrecy::SecretString;

use super::given::GivenFlags;
use crate::cli::terminal::colour::ColourChoice;
use crate::cluster::{ConnectionOptions, RequestTimeout};

/// Flags that are accepted after any command, and that `options` lists.
#[derive(Debug, Clone, Args)]
pub(crate) struct Globals {
    /// Path to the kubeconfig file to use for CLI requests
    #[arg(long, global = true, hide = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// The name of the kubeconfig context to use
    #[arg(long, global = true, hide = true, value_name = "NAME")]
    pub(crate) context: Option<String>,

    /// The name of the kubeconfig cluster to use
    #[arg(long, global = true, hide = true, value_name = "NAME")]
    pub(crate) cluster: Option<String>,

    /// The name of the kubeconfig user to use
    #[arg(long, global = true, hide = true, value_name = "NAME")]
    pub(crate) user: Option<String>,

    /// The namespace scope for this request
    #[arg(short, long, global = true, hide = true, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,

    /// Username to impersonate for the operation
    #[arg(long = "as", global = true, hide = true, value_name = "USER")]
    pub(crate) impersonate_user: Option<String>,

    /// Group to impersonate for the operation, repeatable
    #[arg(long = "as-group", global = true, hide = true, value_name = "GROUP")]
    pub(crate) impersonate_groups: Vec<String>,

    /// UID to impersonate for the operation
    #[arg(long = "as-uid", global = true, hide = true, value_name = "UID")]
    pub(crate) impersonate_uid: Option<String>,

    /// How long to wait for one response, such as 5s or 2m; 0 means no limit for the
    /// API server, and 30s for registries
    #[arg(long, global = true, hide = true, value_name = "DURATION")]
    pub(crate) request_timeout: Option<RequestTimeout>,

    /// The address and port of the Kubernetes API server
    #[arg(short, long, global = true, hide = true, value_name = "URL")]
    pub(crate) server: Option<String>,

    /// Bearer token for authentication to the API server
    #[arg(long, global = true, hide = true, value_name = "TOKEN")]
    pub(crate) token: Option<SecretString>,

    /// Username for basic authentication to the API server
    #[arg(long, global = true, hide = true, value_name = "NAME")]
    pub(crate) username: Option<String>,

    /// Password for basic authentication to the API server
    #[arg(long, global = true, hide = true, value_name = "PASSWORD")]
    pub(crate) password: Option<SecretString>,

    /// Path to a cert file for the certificate authority
    #[arg(long, global = true, hide = true, value_name = "FILE")]
    pub(crate) certificate_authority: Option<PathBuf>,

    /// Path to a client certificate file for TLS
    #[arg(long, global = true, hide = true, value_name = "FILE")]
    pub(crate) client_certificate: Option<PathBuf>,

    /// Path to a client key file for TLS
    #[arg(long, global = true, hide = true, value_name = "FILE")]
    pub(crate) client_key: Option<PathBuf>,

    /// If true, the server's certificate will not be checked for validity
    #[arg(long, global = true, hide = true, num_args = 0..=1, require_equals = true,
        default_value_t = false, default_missing_value = "true", value_name = "BOOL",
        action = ArgAction::Set)]
    pub(crate) insecure_skip_tls_verify: bool,

    /// Server name to use for server certificate validation
    #[arg(long, global = true, hide = true, value_name = "NAME")]
    pub(crate) tls_server_name: Option<String>,

    /// If true, opt out of response compression for all requests to the server
    #[arg(long, global = true, hide = true, num_args = 0..=1, require_equals = true,
        default_value_t = false, default_missing_value = "true", value_name = "BOOL",
        action = ArgAction::Set)]
    pub(crate) disable_compression: bool,

    /// Accepted for compatibility with kubectl; discovery is not cached
    #[arg(long, global = true, hide = true, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// Verbosity on stderr: 1 summarizes requests, 4 and higher log them
    #[arg(short = 'v', long = "v", global = true, hide = true, num_args = 0..=1,
        require_equals = true, default_value_t = 0, default_missing_value = "1",
        value_name = "LEVEL")]
    pub(crate) verbosity: u8,

    /// When to use colour
    #[arg(
        long,
        global = true,
        hide = true,
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub(crate) color: ColourChoice,

    /// All flags of this command line, for suggested commands.
    #[arg(skip)]
    pub(crate) given: GivenFlags,
}

impl Globals {
    /// The connection options from the client flags.
    pub(crate) fn connection(&self) -> ConnectionOptions {
        ConnectionOptions {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            cluster: self.cluster.clone(),
            user: self.user.clone(),
            namespace: self.namespace.clone(),
            impersonate_user: self.impersonate_user.clone(),
            impersonate_groups: self.impersonate_groups.clone(),
            impersonate_uid: self.impersonate_uid.clone(),
            request_timeout: self.request_timeout.unwrap_or_default(),
            server: self.server.clone(),
            token: self.token.clone(),
            username: self.username.clone(),
            password: self.password.clone(),
            certificate_authority: self.certificate_authority.clone(),
            client_certificate: self.client_certificate.clone(),
            client_key: self.client_key.clone(),
            insecure_skip_tls_verify: self.insecure_skip_tls_verify,
            tls_server_name: self.tls_server_name.clone(),
            disable_compression: self.disable_compression,
        }
    }
}

/// Joins the level of `-v` to its flag: `-v 6` and `-v6`, which kubectl accepts, become
/// `-v=6`. A lone `-v` needs no value, so a number after it would otherwise be parsed as a
/// workload type.
pub(crate) fn join_level(words: Vec<OsString>) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::with_capacity(words.len());
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        let text = word.to_str();
        if text == Some("--") {
            joined.push(word);
            break;
        }
        let level = match text {
            Some("-v" | "--v") => words
                .next_if(|next| next.to_str().is_some_and(is_number))
                .and_then(|next| next.into_string().ok()),
            Some(text) => text
                .strip_prefix("-v")
                .filter(|rest| is_number(rest))
                .map(str::to_owned),
            None => None,
        };
        joined.push(level.map_or(word, |level| format!("-v={level}").into()));
    }
    joined.extend(words);
    joined
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbosity_level_is_joined_to_its_flag() {
        for (given, expected) in [
            ("status -v 6", "status -v=6"),
            ("status --v 6 x", "status -v=6 x"),
            ("-v6 status", "-v=6 status"),
            ("status -v", "status -v"),
            ("status -v deployment/6", "status -v deployment/6"),
            ("status -v=6 6", "status -v=6 6"),
            ("status -- -v 6", "status -- -v 6"),
            ("status -vx", "status -vx"),
        ] {
            let words = given.split(' ').map(OsString::from).collect();
            let joined = join_level(words).join(std::ffi::OsStr::new(" "));
            assert_eq!(joined.to_str(), Some(expected), "{given}");
        }
    }
}
