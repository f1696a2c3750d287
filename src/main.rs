//! The `kubectl-imgpolicy` program: see the library for what it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_imgpolicy::cli::run(std::env::args_os())
}
