//! The times of the Lease that decides which replica leads.

use std::time::Duration;

use clap::Args;

use crate::cli::error::CommandError;
use crate::cli::runtime::now;
use crate::cluster::Cluster;
use crate::controller::lease::{LeaderElection, Leadership, LeaseTimes, unique_identity};
use crate::policy::parse_age;

/// The times of the Lease. They are flags for tests; the defaults are those of Kubernetes' own
/// controllers.
#[derive(Debug, Clone, Args)]
pub(crate) struct LeaseFlags {
    /// How long a leader that is not heard of any more keeps others from leading
    #[arg(long, hide = true, default_value = "15s", value_name = "DURATION", value_parser = time)]
    lease_duration: Duration,

    /// How long after its last renewal a leader stops to lead
    #[arg(long, hide = true, default_value = "10s", value_name = "DURATION", value_parser = time)]
    lease_deadline: Duration,

    /// The time between two renewals
    #[arg(long, hide = true, default_value = "2s", value_name = "DURATION", value_parser = time)]
    lease_retry: Duration,

    /// How long a request for the Lease may take
    #[arg(long, hide = true, default_value = "3s", value_name = "DURATION", value_parser = time)]
    lease_timeout: Duration,
}

impl LeaseFlags {
    /// The times, checked.
    pub(crate) fn times(&self) -> Result<LeaseTimes, CommandError> {
        LeaseTimes::new(
            self.lease_duration,
            self.lease_deadline,
            self.lease_retry,
            self.lease_timeout,
        )
        .map_err(|error| CommandError::usage(error.to_string()))
    }
}

/// Becomes a candidate for the Lease in the cluster's namespace. Must be called from within the
/// runtime.
pub(crate) fn begin_election(cluster: &Cluster, times: LeaseTimes) -> Leadership {
    let identity = unique_identity(&host_name());
    let namespace = cluster.namespace();
    let (leadership, election) =
        LeaderElection::new(cluster.clone(), namespace, &identity, times, now);
    tokio::spawn(election.run());
    leadership
}

/// The name of the Pod or the host; empty if it is not known.
#[expect(
    clippy::disallowed_methods,
    reason = "the name of a Pod is in its environment"
)]
fn host_name() -> String {
    ["POD_NAME", "HOSTNAME"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|name| !name.is_empty())
        .unwrap_or_default()
}

fn time(text: &str) -> Result<Duration, String> {
    match text.strip_suffix("ms") {
        Some(number) => number
            .parse()
            .map(Duration::from_millis)
            .map_err(|_| "expected a number of milliseconds".to_owned()),
        None => parse_age(text)
            .map(|age| age.unsigned_abs())
            .map_err(|error| error.to_string()),
    }
}
