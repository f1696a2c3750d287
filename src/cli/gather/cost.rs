//! Reports what querying registries cost.

use std::time::Duration;

use crate::cli::terminal::streams::Terminal;
use crate::output::count;
use crate::registry::Statistics;

/// Reports problems with the cache. The results are right without it.
pub(crate) fn report_warnings(warnings: &[String], terminal: &mut Terminal) {
    for warning in warnings {
        terminal.note(&format!("warning: {warning}"));
    }
}

/// `-v`: reports what the run cost.
pub(crate) fn report_cost(statistics: &Statistics, repositories: usize, terminal: &mut Terminal) {
    if terminal.verbosity == 0 {
        return;
    }
    let Statistics {
        requests,
        bytes,
        cache,
        slowest,
        quotas,
        answers: _,
    } = statistics;
    let repositories = count(repositories, "repository");
    let requests = count(requests, "request");
    let bytes = count(bytes, "byte");
    let mut line = format!("{requests} to registries for {repositories}, {bytes}");
    let looked_up = cache.hits + cache.misses;
    if looked_up > 0 {
        line.push_str(&format!("; cache: {} of {looked_up} found", cache.hits));
    }
    if let Some((host, after)) = slowest.as_ref().filter(|(_, after)| !after.is_zero()) {
        line.push_str(&format!("; slowest response: {host}, {}", rounded(*after)));
    }
    terminal.note(&line);
    for quota in quotas {
        terminal.note(quota);
    }
}

/// A duration, rounded for reading.
fn rounded(time: Duration) -> String {
    match time.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_for_reading() {
        assert_eq!(rounded(Duration::from_micros(1_499)), "1 ms");
        assert_eq!(rounded(Duration::from_millis(999)), "999 ms");
        assert_eq!(rounded(Duration::from_millis(1_250)), "1.2 s");
    }
}
