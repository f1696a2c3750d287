//! Warnings about `kubectl rollout undo`, which also takes back a lock.

use crate::evaluator::decision::{Decision, Outcome};
use crate::evaluator::input::Undone;
use crate::image::ImageReference;
use crate::policy::{Lock, State, Warning, WarningCode};

/// The warnings about a workload that went back to an older revision.
pub(crate) fn warnings(decision: &Decision, undone: &Undone<'_>) -> Vec<Warning> {
    let revision = undone.revision;
    let mut warnings = Vec::new();
    if let Some(lock) = undone
        .lock
        .as_ref()
        .filter(|_| decision.state != State::Locked)
    {
        warnings.push(Warning::new(
            WarningCode::UndoneLock,
            format!(
                "revision {revision} was {}; undoing it also removed the lock",
                described(lock)
            ),
        ));
    }
    let undone_image = undone.image.and_then(|image| image.parse().ok());
    let elected = decision
        .latest
        .as_ref()
        .filter(|_| decision.outcome == Outcome::Update);
    if let (Some(elected), Some(undone_image)) = (elected, undone_image)
        && is_same(elected, &undone_image)
    {
        let version = elected.pulled();
        warnings.push(Warning::new(
            WarningCode::UndoneImage,
            format!("{version} already ran in revision {revision}, which was undone"),
        ));
    }
    warnings
}

/// Whether both name the same image, whatever digest was written beside the tag.
fn is_same(elected: &ImageReference, undone: &ImageReference) -> bool {
    elected.canonical() == undone.canonical()
        && match (elected.tag(), undone.tag()) {
            (Some(elected), Some(undone)) => elected == undone,
            _ => elected.digest().is_some() && elected.digest() == undone.digest(),
        }
}

fn described(lock: &Lock) -> String {
    let by = lock.by.as_deref().map(|by| format!(" by {by}"));
    let why = lock.message.as_deref().map(|why| format!(" ({why})"));
    format!(
        "locked{}{}",
        by.unwrap_or_default(),
        why.unwrap_or_default()
    )
}
