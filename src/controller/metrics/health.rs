//! Whether the loop is healthy and ready.

use std::time::Duration;

/// The longest time between two turns of a healthy loop. It turns at least once a second, unless
/// it decides on thousands of containers at once.
pub(super) const LONGEST_TURN: Duration = Duration::from_secs(30);

/// Whether a loop is healthy that turned last so long ago.
///
/// # Errors
///
/// Why it is not, in one sentence.
pub(super) fn health(since_last_turn: Duration) -> Result<(), String> {
    if since_last_turn <= LONGEST_TURN {
        return Ok(());
    }
    Err(format!(
        "the loop has not turned for {} s; at most {} s are allowed",
        since_last_turn.as_secs(),
        LONGEST_TURN.as_secs()
    ))
}

/// Whether the loop is ready.
///
/// # Errors
///
/// Why it is not, in one sentence.
pub(super) fn readiness(was_synced: bool) -> Result<(), String> {
    if was_synced {
        return Ok(());
    }
    Err("the workloads in scope have not all been listed yet".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loop_that_does_not_turn_is_not_healthy() {
        assert_eq!(health(Duration::ZERO), Ok(()));
        assert_eq!(health(LONGEST_TURN), Ok(()));
        let why = health(LONGEST_TURN + Duration::from_millis(1));
        assert_eq!(
            why,
            Err("the loop has not turned for 30 s; at most 30 s are allowed".to_owned())
        );
    }
}
