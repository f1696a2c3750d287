//! Who makes a change.

use crate::cli::runtime::now;
use crate::cluster::Cluster;
use crate::plan::{Authorship, Override};

/// Who makes a change, and when: the user as known to the API server, otherwise the local
/// user.
pub(crate) async fn authorship(cluster: Option<&Cluster>, overrides: Vec<Override>) -> Authorship {
    let known = match cluster {
        Some(cluster) => cluster.user_name().await,
        None => None,
    };
    Authorship {
        by: known.unwrap_or_else(user_of_the_machine),
        at: now(),
        overrides,
    }
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
        .unwrap_or_else(|| "unknown".to_owned())
}
