//! Asking registries on behalf of a command: a line of progress while it lasts,
//! and at the end what it cost.

use std::time::Duration;

use super::workloads::runtime;
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::registry::RegistryFlags;
use crate::cli::terminal::progress::ProgressLine;
use crate::cli::terminal::streams::Terminal;
use crate::collect;
use crate::evaluator::Subject;
use crate::image::{CanonicalName, RepositoryMetadata};
use crate::registry::{Registries, Statistics};

/// Asks about one image until the policy that is tried on it can be decided.
pub(crate) fn settle(
    name: &CanonicalName,
    subject: &Subject<'_>,
    flags: &RegistryFlags,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<RepositoryMetadata, CommandError> {
    let registries = flags.registries(globals)?;
    let line = ProgressLine::new(terminal);
    let (metadata, warnings) = runtime()?.block_on(async {
        let metadata = collect::fetch_until_decidable(name, &[subject], &registries).await;
        (metadata, registries.finish().await)
    });
    drop(line);
    tell(&warnings, terminal);
    tell_cost(&registries.statistics(), 1, terminal);
    Ok(metadata)
}

/// What went wrong with the cache; the answer is right without it.
pub(crate) fn tell(warnings: &[String], terminal: &mut Terminal) {
    for warning in warnings {
        terminal.tell(&format!("warning: {warning}"));
    }
}

/// `-v`: what the run cost.
pub(crate) fn tell_cost(statistics: &Statistics, repositories: usize, terminal: &mut Terminal) {
    if terminal.verbosity == 0 {
        return;
    }
    let Statistics {
        requests,
        bytes,
        cache,
        slowest,
        quotas,
    } = statistics;
    let repositories = count(repositories as u64, "repository", "repositories");
    let requests = count(*requests, "request", "requests");
    let bytes = count(*bytes, "byte", "bytes");
    let mut line = format!("asked registries: {repositories}, {requests}, {bytes}");
    let looked_up = cache.hits + cache.misses;
    if looked_up > 0 {
        line.push_str(&format!("; cache: {} of {looked_up} found", cache.hits));
    }
    if let Some((host, after)) = slowest.as_ref().filter(|(_, after)| !after.is_zero()) {
        line.push_str(&format!("; slowest answer: {host}, {}", rounded(*after)));
    }
    terminal.tell(&line);
    for quota in quotas {
        terminal.tell(quota);
    }
}

fn count(number: u64, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

/// A time as people read it.
fn rounded(time: Duration) -> String {
    match time.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

/// Tells the line of progress how many requests were sent, again and again.
pub(crate) async fn count_requests(line: &ProgressLine, registries: &Registries) {
    loop {
        line.requests(registries.statistics().requests);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_to_what_can_be_read() {
        assert_eq!(rounded(Duration::from_micros(1_499)), "1 ms");
        assert_eq!(rounded(Duration::from_millis(999)), "999 ms");
        assert_eq!(rounded(Duration::from_millis(1_250)), "1.2 s");
    }
}
