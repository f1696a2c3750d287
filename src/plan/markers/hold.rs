//! Why a marked value must be kept because of where it is, whatever its policy.

use jiff::Timestamp;

use super::reason::MarkerReason;
use crate::plan::safeguards::overrides::Overrides;
use crate::policy::{Lock, PolicySources, State, resolve};
use crate::workload::{MarkedContainer, MarkedValue, MarkerObstacle};

/// Why a marked value must not be written at a time: the file or the value cannot be edited, its
/// workload is locked, ignored or waits for a window, or its container has a policy from another
/// source. This is checked when a run is planned, and again when the value is written.
#[must_use]
pub fn hold_of_value(
    value: &MarkedValue,
    sources: &PolicySources,
    overrides: Overrides,
    at: Timestamp,
) -> Option<(MarkerReason, String)> {
    match &value.obstacle {
        Some(MarkerObstacle::UnreadableFile(why)) => {
            return Some((MarkerReason::UnreadableFile, why.clone()));
        }
        Some(MarkerObstacle::NotWritable(why)) => {
            return Some((MarkerReason::NotWritable, why.clone()));
        }
        None => {}
    }
    hold_of_container(value.container.as_ref()?, sources, overrides, at)
}

fn hold_of_container(
    marked: &MarkedContainer,
    sources: &PolicySources,
    overrides: Overrides,
    at: Timestamp,
) -> Option<(MarkerReason, String)> {
    let workload = &marked.workload;
    let position = workload
        .containers
        .iter()
        .position(|c| c.name == marked.name && c.container_type == marked.container_type)?;
    let resolved = resolve(workload, sources).into_iter().nth(position)?;
    let id = &workload.id;
    if let Some(lock) = resolved.lock.as_ref().filter(|_| !overrides.lock) {
        return Some((MarkerReason::Locked, format!("{id} is {}", locked(lock))));
    }
    if resolved.ignored || resolved.state == State::Ignored {
        return Some((MarkerReason::Ignored, format!("{id} is ignored")));
    }
    if let Some(closure) = resolved.closure(at).filter(|_| !overrides.window) {
        return Some((MarkerReason::WaitingForWindow, format!("{id}: {closure}")));
    }
    let origin = match resolved.policy? {
        Ok(policy) => policy.origin,
        Err(error) => error.origin,
    };
    let message = format!(
        "container {} of {id} has a policy from another source, which decides: {origin}",
        marked.name
    );
    Some((MarkerReason::OwnPolicy, message))
}

/// `locked by alice: release freeze`, without the unknown parts.
fn locked(lock: &Lock) -> String {
    let by = lock.by.as_ref().map(|by| format!(" by {by}"));
    let message = lock.message.as_ref().map(|message| format!(": {message}"));
    format!(
        "locked{}{}",
        by.unwrap_or_default(),
        message.unwrap_or_default()
    )
}
