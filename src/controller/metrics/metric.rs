//! The metrics: what each is called, and what it means.

use crate::named_enum::named_enum;

named_enum! {
    /// A metric, by the name that a query uses.
    pub enum Metric {
        /// Whether this replica leads.
        Leader = "imgpolicy_leader",
        /// The containers that were decided.
        Containers = "imgpolicy_containers",
        /// Scans of repositories.
        Scans = "imgpolicy_scans_total",
        /// How long they took.
        ScanDuration = "imgpolicy_scan_duration_seconds",
        /// When a registry last answered.
        LastSuccessfulScan = "imgpolicy_last_successful_scan_timestamp_seconds",
        /// Requests to registries.
        RegistryRequests = "imgpolicy_registry_requests_total",
        /// Updates that were begun.
        Updates = "imgpolicy_updates_total",
        /// Updates that wait.
        UpdatesWaiting = "imgpolicy_updates_waiting",
        /// Rollouts that failed.
        RolloutsFailed = "imgpolicy_rollouts_failed_total",
        /// Open breakers.
        BreakerOpen = "imgpolicy_breaker_open",
        /// Lookups in the metadata cache.
        CacheRequests = "imgpolicy_cache_requests_total",
        /// Whether the workloads are known and current.
        WatchSynced = "imgpolicy_watch_synced",
        /// Which program this is.
        BuildInfo = "imgpolicy_build_info",
    }
}

named_enum! {
    /// The kind of a metric.
    pub enum MetricKind {
        /// A number that only grows, from the start of the process.
        Counter = "counter",
        /// A number of now.
        Gauge = "gauge",
        /// How often a value was how large.
        Histogram = "histogram",
        /// Always 1; the labels matter.
        Info = "info",
    }
}

impl Metric {
    /// Its kind.
    #[must_use]
    pub fn kind(self) -> MetricKind {
        match self {
            Self::Scans
            | Self::RegistryRequests
            | Self::Updates
            | Self::RolloutsFailed
            | Self::CacheRequests => MetricKind::Counter,
            Self::Leader
            | Self::Containers
            | Self::LastSuccessfulScan
            | Self::UpdatesWaiting
            | Self::BreakerOpen
            | Self::WatchSynced => MetricKind::Gauge,
            Self::ScanDuration => MetricKind::Histogram,
            Self::BuildInfo => MetricKind::Info,
        }
    }

    /// Its labels, in the order of their values.
    #[must_use]
    pub fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Leader | Self::ScanDuration | Self::RolloutsFailed | Self::WatchSynced => &[],
            Self::Containers => &["state", "outcome"],
            Self::Scans => &["host", "result"],
            Self::LastSuccessfulScan => &["host"],
            Self::RegistryRequests => &["host", "code"],
            Self::Updates => &["result"],
            Self::UpdatesWaiting => &["cause"],
            Self::BreakerOpen => &["scope"],
            Self::CacheRequests => &["backend", "result"],
            Self::BuildInfo => &["version", "os", "arch"],
        }
    }

    /// What it means, in one line.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Leader => "Whether this replica leads: its time has not run out by its own clock",
            Self::Containers => "Containers on which the leader has decided",
            Self::Scans => "Scans of repositories",
            Self::ScanDuration => "How long scans took",
            Self::LastSuccessfulScan => "When a repository of the registry last answered",
            Self::RegistryRequests => "Requests to registries and to the services that they name",
            Self::Updates => "Updates that were begun",
            Self::UpdatesWaiting => "Updates that were decided and may not begin yet",
            Self::RolloutsFailed => "Rollouts that failed or took too long",
            Self::BreakerOpen => "Breakers that stop updates after failed rollouts",
            Self::CacheRequests => "Lookups in the metadata cache",
            Self::WatchSynced => "Whether all workloads in scope are known and are being watched",
            Self::BuildInfo => "The program that runs",
        }
    }

    /// The name of its family: without the ending that its kind adds.
    pub(super) fn family(self) -> &'static str {
        let name = self.as_str();
        let ending = match self.kind() {
            MetricKind::Counter => "_total",
            MetricKind::Info => "_info",
            MetricKind::Gauge | MetricKind::Histogram => "",
        };
        name.strip_suffix(ending).unwrap_or(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_counters_end_in_total() {
        for metric in Metric::ALL {
            let is_counter = metric.kind() == MetricKind::Counter;
            assert_eq!(metric.as_str().ends_with("_total"), is_counter, "{metric}");
            assert!(metric.as_str().starts_with("imgpolicy_"), "{metric}");
            assert!(!metric.help().ends_with('.'), "{metric}");
        }
    }
}
