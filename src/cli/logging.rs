//! `-v=4` and more: every request on standard error, one a line.

use std::io;

use tracing_subscriber::EnvFilter;

/// The level of `-v` from which requests are logged.
const REQUESTS: u8 = 4;

/// Turns the log on, if the level asks for it.
///
/// Our own events only, which name a host, a path and a status: what libraries
/// log below them may hold headers, and so credentials.
pub(super) fn start(verbosity: u8) {
    if verbosity < REQUESTS {
        return;
    }
    // It fails where a log is there already, which is as good.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("off,kubectl_imgpolicy=debug"))
        .with_writer(io::stderr)
        .with_ansi(false)
        .try_init();
}
