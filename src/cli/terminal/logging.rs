//! `-v=4` and more: every request on standard error, one a line.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;

use crate::output::sanitize;
use crate::secrets;

/// The level of `-v` from which requests are logged.
const REQUESTS: u8 = 4;

/// Turns the log on, if the level asks for it.
///
/// Our own events only, which name a host, a path and a status: what libraries
/// log below them may hold headers, and so credentials.
pub(crate) fn start(verbosity: u8) {
    if verbosity < REQUESTS {
        return;
    }
    // It fails where a log is there already, which is as good.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("off,kubectl_imgpolicy=debug"))
        .with_writer(|| Lines)
        .with_ansi(false)
        .try_init();
}

/// Standard error, an event a line: what others wrote in it is made safe.
struct Lines;

impl Write for Lines {
    /// Gets a whole event, the line break behind it included.
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
