//! `version`.

use std::process::ExitCode;

use clap::{ArgAction, Args};
use serde::Serialize;

use crate::cli::error::CommandError;
use crate::cli::flags::output::OutputFormat;
use crate::cli::terminal::streams::Terminal;
use crate::image::Platform;
use crate::output::{Format, encode};

/// Print the version
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # The version alone
  kubectl imgpolicy version

  # The version and the platform of the build, for a script
  kubectl imgpolicy version -o json")]
pub(crate) struct VersionArgs {
    /// Output format: json or yaml
    #[arg(short, long, value_name = "FORMAT", hide_possible_values = true,
        value_parser = OutputFormat(Format::DATA))]
    output: Option<Format>,

    /// Accepted for compatibility with kubectl; no server is contacted
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_value_t = false,
        default_missing_value = "true", action = ArgAction::Set)]
    client: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    client_version: ClientVersion,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClientVersion {
    version: &'static str,
    platform: String,
}

pub(crate) fn version(
    args: &VersionArgs,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let version = concat!("v", env!("CARGO_PKG_VERSION"));
    let text = match args.output.and_then(Format::data) {
        None => format!("Client Version: {version}\n"),
        Some(format) => {
            let os = match std::env::consts::OS {
                "macos" => "darwin",
                os => os,
            };
            let platform = Platform::new(os, std::env::consts::ARCH, "").to_string();
            encode(
                &Version {
                    client_version: ClientVersion { version, platform },
                },
                format,
            )
            .map_err(CommandError::failed)?
        }
    };
    terminal.print(&text);
    Ok(ExitCode::SUCCESS)
}
