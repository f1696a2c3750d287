//! The runtime of a command, Ctrl-C, and the time that counts as now.

use std::sync::OnceLock;

use jiff::Timestamp;
use tokio::runtime::Runtime;

use super::error::CommandError;

/// The runtime of the command: everything waits on the network, nothing computes
/// for long. There is one for all its steps, because a connection lives and ends
/// with the runtime in which it was made.
pub(crate) fn runtime() -> Result<&'static Runtime, CommandError> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::failed(format!("cannot start the runtime: {error}")))?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

/// Waits for something that changes nothing, until Ctrl-C.
///
/// # Errors
///
/// It was Ctrl-C.
pub(crate) fn unless_interrupted<T>(
    runtime: &Runtime,
    work: impl Future<Output = T>,
) -> Result<T, CommandError> {
    runtime.block_on(async {
        tokio::select! {
            done = work => Ok(done),
            // Once anybody has listened the signal ends nothing by itself.
            Ok(()) = tokio::signal::ctrl_c() => Err(CommandError::interrupted()),
        }
    })
}

/// The time that counts as now, to the second, as it is shown.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line is where now comes from"
)]
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}
