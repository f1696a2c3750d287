//! `-v=4` and higher: logs every request on standard error, one per line.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;

use crate::output::sanitize;
use crate::secrets;

/// The level of `-v` from which requests are logged.
const REQUESTS: u8 = 4;

/// Starts logging, if the level is high enough.
///
/// Only our own events are logged. They name a host, a path and a status. Events of
/// libraries may contain headers, and so credentials.
pub(crate) fn start(verbosity: u8) {
    if verbosity < REQUESTS {
        return;
    }
    // Fails only if a logger is already set, which is fine.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("off,kubectl_imgpolicy=debug"))
        .with_writer(|| Lines)
        .with_ansi(false)
        .try_init();
}

/// Standard error, one sanitized event per line.
struct Lines;

impl Write for Lines {
    /// Receives a whole event, including its line break.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let text = secrets::redact(text.trim_end());
        writeln!(io::stderr().lock(), "{}", sanitize(&text))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
