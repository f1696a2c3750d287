//! Who makes a change.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::cli::runtime::now;
use crate::cluster::Cluster;
use crate::git;
use crate::plan::{Authorship, Override};

/// Who makes a change, and when: the user as known to the API server; for files, the name
/// that git would write into a commit in this folder; otherwise the local user.
/// `is_recorded`: whether the annotations of the workloads record the change.
pub(crate) async fn authorship(
    cluster: Option<&Cluster>,
    folder: &Path,
    overrides: Vec<Override>,
    is_recorded: bool,
) -> Authorship {
    let known = match cluster {
        Some(cluster) => cluster.user_name().await,
        None => git::user_name(folder).await,
    };
    Authorship {
        by: known.unwrap_or_else(user_of_the_machine),
        at: now(),
        overrides,
        is_recorded,
    }
}

/// The line that a program prints; `None` if it prints nothing, fails or does not exist.
fn printed(words: &[&str]) -> Option<String> {
    let (program, arguments) = words.split_first()?;
    let run = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    let output = run.ok().filter(|output| output.status.success())?;
    let line = String::from_utf8(output.stdout).ok()?;
    Some(line.trim().to_owned()).filter(|line| !line.is_empty())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks the machine for its user"
)]
fn user_of_the_machine() -> String {
    ["USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|name| !name.is_empty())
        .or_else(|| printed(&["id", "-un"]))
        .unwrap_or_else(|| "unknown".to_owned())
}
