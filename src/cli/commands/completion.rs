//! `completion`: scripts for kubectl and for shells.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use clap_complete::Shell;

use crate::cli::error::CommandError;
use crate::cli::terminal::streams::Terminal;

/// Print a completion script
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # For kubectl 1.26 and newer: put this script on your PATH
  kubectl imgpolicy completion kubectl > kubectl_complete-imgpolicy
  chmod +x kubectl_complete-imgpolicy

  # For running the program directly as kubectl-imgpolicy
  source <(kubectl-imgpolicy completion bash)")]
pub(crate) struct CompletionArgs {
    /// The shell to generate the script for, or kubectl
    #[arg(value_name = "SHELL")]
    target: Target,
}

/// What a script is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// kubectl's own plugin completion
    Kubectl,
    /// GNU Bash
    Bash,
    /// The Z shell
    Zsh,
    /// fish
    Fish,
    /// PowerShell
    Powershell,
    /// elvish
    Elvish,
}

/// The completion script that kubectl looks for on PATH.
const KUBECTL_SCRIPT: &str = "#!/bin/sh\nexec kubectl imgpolicy __complete \"$@\"\n";

pub(crate) fn completion(
    args: &CompletionArgs,
    mut command: clap::Command,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let shell = match args.target {
        Target::Kubectl => {
            terminal.print(KUBECTL_SCRIPT);
            return Ok(ExitCode::SUCCESS);
        }
        Target::Bash => Shell::Bash,
        Target::Zsh => Shell::Zsh,
        Target::Fish => Shell::Fish,
        Target::Powershell => Shell::PowerShell,
        Target::Elvish => Shell::Elvish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "kubectl-imgpolicy", &mut script);
    terminal.print(&String::from_utf8_lossy(&script));
    Ok(ExitCode::SUCCESS)
}
