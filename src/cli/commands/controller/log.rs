//! The lines that the controller writes: one per event.

use clap::ValueEnum;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::controller::event::ControllerEvent;
use crate::output::sanitize;
use crate::plan::AfterFailure;
use crate::secrets;
use crate::write::{Done, Rollout};

/// The format of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}

/// How serious an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Info,
    Warning,
    Error,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// An event as a line without its end.
pub(crate) fn line(event: &ControllerEvent<'_>, at: Timestamp, format: LogFormat) -> String {
    let (level, name, message, fields) = describe(event);
    let message = secrets::redact(&message).into_owned();
    match format {
        LogFormat::Text => {
            let level = level.as_str();
            let message = message.replace(['\n', '\r'], " ");
            format!("{at} {level:<7} {}", sanitize(&message))
        }
        LogFormat::Json => {
            let mut object = Map::new();
            object.insert("time".to_owned(), json!(at));
            object.insert("level".to_owned(), json!(level.as_str()));
            object.insert("event".to_owned(), json!(name));
            object.extend(fields);
            object.insert("message".to_owned(), json!(message));
            Value::Object(object).to_string()
        }
    }
}

fn fields<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    let pairs = pairs.into_iter();
    pairs.map(|(key, value)| (key.to_owned(), value)).collect()
}

fn describe(event: &ControllerEvent<'_>) -> (Level, &'static str, String, Map<String, Value>) {
    match event {
        ControllerEvent::Serving(address) => (
            Level::Info,
            "serving",
            format!("metrics are at http://{address}/metrics"),
            fields([("address", json!(address.to_string()))]),
        ),
        ControllerEvent::Synced(workloads, 0) => (
            Level::Info,
            "synced",
            format!("all workloads are known: {workloads}"),
            fields([("workloads", json!(workloads))]),
        ),
        ControllerEvent::Synced(workloads, denied) => (
            Level::Warning,
            "synced",
            format!("{workloads} workloads are known, and {denied} collections may not be read"),
            fields([("workloads", json!(workloads)), ("denied", json!(denied))]),
        ),
        ControllerEvent::WatchFailed(name, error, wait) => (
            Level::Warning,
            "watch-failed",
            format!(
                "{name} cannot be read; next try in {} s: {error}",
                wait.as_secs().max(1)
            ),
            fields([("collection", json!(name))]),
        ),
        ControllerEvent::WatchRecovered(name) => (
            Level::Info,
            "watch-recovered",
            format!("{name} can be read again"),
            fields([("collection", json!(name))]),
        ),
        ControllerEvent::Leading(true, _) => (
            Level::Info,
            "leading",
            "this replica leads".to_owned(),
            Map::new(),
        ),
        ControllerEvent::Leading(false, holder) => (
            Level::Info,
            "standby",
            match holder {
                Some(holder) => format!("{holder} leads; this replica writes nothing"),
                None => "this replica does not lead yet, and writes nothing".to_owned(),
            },
            fields([("leader", json!(holder))]),
        ),
        ControllerEvent::Decided(row) => {
            let decision = &row.decision;
            let latest = decision.latest.as_ref().map(ToString::to_string);
            let id = &row.workload;
            let level = if decision.outcome == crate::evaluator::Outcome::Unknown {
                Level::Warning
            } else {
                Level::Info
            };
            (
                level,
                "decision",
                format!(
                    "{}/{id} {}: {} {}: {}",
                    id.namespace, row.container, row.image, decision.reason, decision.message
                ),
                fields([
                    ("namespace", json!(id.namespace)),
                    ("workload", json!(id.to_string())),
                    ("container", json!(row.container)),
                    ("image", json!(row.image)),
                    ("state", json!(decision.state.to_string())),
                    ("reason", json!(decision.reason.to_string())),
                    ("latest", json!(latest)),
                ]),
            )
        }
        ControllerEvent::Note(text) => (Level::Warning, "note", (*text).to_owned(), Map::new()),
        ControllerEvent::ScanFailed(name, why) => (
            Level::Warning,
            "scan-failed",
            (*why).to_owned(),
            fields([("repository", json!(name.to_string()))]),
        ),
        ControllerEvent::ScanRecovered(name) => (
            Level::Info,
            "scan-recovered",
            format!("{name}: the registry answers again"),
            fields([("repository", json!(name.to_string()))]),
        ),
        ControllerEvent::HeldBack(held) => {
            let id = &held.workload;
            let container = held.container.as_deref().unwrap_or_default();
            let to = held.to.as_ref().map(ToString::to_string);
            (
                Level::Info,
                "held-back",
                format!(
                    "{}/{id} {container}: held back: {}",
                    id.namespace, held.message
                ),
                fields([
                    ("namespace", json!(id.namespace)),
                    ("workload", json!(id.to_string())),
                    ("container", json!(held.container)),
                    ("reason", json!(held.hold.to_string())),
                    ("latest", json!(to)),
                ]),
            )
        }
        ControllerEvent::Unreadable(id, why) => (
            Level::Error,
            "unreadable",
            format!("{}/{id}: {why}", id.namespace),
            fields([
                ("namespace", json!(id.namespace)),
                ("workload", json!(id.to_string())),
            ]),
        ),
        ControllerEvent::Written(change, applied) => {
            let id = &change.workload;
            let images: Vec<Value> = change
                .images
                .iter()
                .map(|image| {
                    json!({"container": image.container, "from": image.from,
                        "to": image.to.to_string()})
                })
                .collect();
            let (level, name, said) = match &applied.result {
                Ok(Done::Written) => (Level::Info, "updated", "updated".to_owned()),
                Ok(Done::Unchanged) => (Level::Info, "unchanged", "already as elected".to_owned()),
                Ok(Done::Stopped | Done::NotStarted) => (
                    Level::Info,
                    "stopped",
                    "not started, because of the stop".to_owned(),
                ),
                Ok(Done::Unknown) => (
                    Level::Warning,
                    "unknown",
                    "stopped before the server answered: it may have been written".to_owned(),
                ),
                Err(error) => (Level::Error, "update-failed", error.to_string()),
            };
            let changes: Vec<String> = change
                .images
                .iter()
                .map(|image| format!("{} {} -> {}", image.container, image.from, image.to))
                .collect();
            let mut message = format!("{}/{id} {}: {said}", id.namespace, changes.join(", "));
            for note in &applied.notes {
                message.push_str(&format!("; {note}"));
            }
            (
                level,
                name,
                message,
                fields([
                    ("namespace", json!(id.namespace)),
                    ("workload", json!(id.to_string())),
                    ("images", json!(images)),
                ]),
            )
        }
        ControllerEvent::Waits(id, wait) => (
            Level::Info,
            "waits",
            format!("{}/{id}: the update waits: {}", id.namespace, wait.message),
            fields([
                ("namespace", json!(id.namespace)),
                ("workload", json!(id.to_string())),
                ("cause", json!(wait.cause.to_string())),
                ("until", json!(wait.until)),
            ]),
        ),
        ControllerEvent::FailureHandled(change, decision) => {
            let id = &change.workload;
            let (name, said) = match decision {
                AfterFailure::RollBack => (
                    "rolled-back",
                    "the previous images were restored".to_owned(),
                ),
                AfterFailure::Keep(why) => (
                    "failure-recorded",
                    format!("the new images are left: {why}"),
                ),
            };
            (
                Level::Warning,
                name,
                format!(
                    "{}/{id}: {said}; the failed images are not elected again",
                    id.namespace
                ),
                fields([
                    ("namespace", json!(id.namespace)),
                    ("workload", json!(id.to_string())),
                ]),
            )
        }
        ControllerEvent::Waiting(id, text) => (
            Level::Info,
            "rolling-out",
            format!("{}/{id}: {text}", id.namespace),
            fields([
                ("namespace", json!(id.namespace)),
                ("workload", json!(id.to_string())),
            ]),
        ),
        ControllerEvent::RolledOut(change, rollout) => {
            let id = &change.workload;
            let (level, name, said) = match rollout {
                Rollout::Complete => (Level::Info, "rolled-out", "rolled out".to_owned()),
                Rollout::NothingToFollow(why) => (Level::Info, "no-rollout", why.clone()),
                Rollout::Failed(why) => (
                    Level::Error,
                    "rollout-failed",
                    format!("the rollout failed: {why}"),
                ),
                Rollout::TimedOut(why) => (
                    Level::Error,
                    "rollout-failed",
                    format!("the rollout took too long: {why}"),
                ),
                Rollout::Unknown(why) => (
                    Level::Warning,
                    "rollout-unknown",
                    format!("the rollout cannot be followed: {why}"),
                ),
                Rollout::Stopped(why) => (
                    Level::Info,
                    "rollout-left",
                    format!("stopped while the rollout was awaited: {why}"),
                ),
            };
            (
                level,
                name,
                format!("{}/{id}: {said}", id.namespace),
                fields([
                    ("namespace", json!(id.namespace)),
                    ("workload", json!(id.to_string())),
                ]),
            )
        }
        ControllerEvent::RoundFailed(error) => {
            (Level::Error, "round-failed", error.clone(), Map::new())
        }
    }
}
