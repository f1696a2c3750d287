//! The async runtime of a command, Ctrl-C, and the current time.

use std::sync::OnceLock;

use jiff::Timestamp;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::error::CommandError;

/// The runtime of the command. Everything waits on the network, and nothing computes for
/// long. All steps share one runtime, because a connection ends with the runtime that
/// opened it.
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

/// How often Ctrl-C was pressed. From the first call on, the signal no longer ends the
/// program by itself, and none is lost, whatever the program does at that moment. Must be
/// called from within the runtime.
pub(crate) fn interrupts() -> watch::Receiver<u32> {
    static INTERRUPTS: OnceLock<watch::Receiver<u32>> = OnceLock::new();
    let start = || {
        let (sender, receiver) = watch::channel(0);
        tokio::spawn(async move {
            // Without a handler, the signal ends the program as usual.
            while tokio::signal::ctrl_c().await.is_ok() {
                sender.send_modify(|count| *count += 1);
            }
            std::future::pending::<()>().await;
        });
        receiver
    };
    INTERRUPTS.get_or_init(start).clone()
}

/// How often the program was asked to stop, with Ctrl-C or with SIGTERM. From the first call on,
/// neither ends the program by itself. Must be called from within the runtime.
pub(crate) fn stop_requests() -> watch::Receiver<u32> {
    let interrupts = interrupts();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        // Without a handler, the signal ends the program as usual.
        let Ok(mut terminations) = signal(SignalKind::terminate()) else {
            return interrupts;
        };
        let (sender, receiver) = watch::channel(0);
        let mut interrupts = interrupts;
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(()) = terminations.recv() => {}
                    Ok(()) = interrupts.changed() => {}
                    else => return,
                }
                sender.send_modify(|count| *count += 1);
            }
        });
        receiver
    }
    #[cfg(not(unix))]
    interrupts
}

/// Completes at Ctrl-C, or at once if it was pressed before.
pub(crate) async fn interrupt() {
    if interrupts().wait_for(|count| *count > 0).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits for something that changes nothing, until Ctrl-C.
///
/// # Errors
///
/// Ctrl-C was pressed.
pub(crate) fn unless_interrupted<T>(
    runtime: &Runtime,
    work: impl Future<Output = T>,
) -> Result<T, CommandError> {
    runtime.block_on(async {
        tokio::select! {
            done = work => Ok(done),
            () = interrupt() => Err(CommandError::interrupted()),
        }
    })
}

/// The current time, to the second, as it is shown.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line is where now comes from"
)]
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}
