//! Which versions of a group the API server serves.

use serde::Deserialize;

use super::connection::Cluster;
use super::error::ClusterError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiGroup {
    preferred_version: Option<GroupVersion>,
    #[serde(default)]
    versions: Vec<GroupVersion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupVersion {
    group_version: String,
}

impl Cluster {
    /// The version of a group that the server prefers, `apps/v1`; `None`: it has
    /// no such group.
    pub(super) async fn preferred_version(
        &self,
        group: &str,
    ) -> Result<Option<String>, ClusterError> {
        let path = format!("/apis/{group}");
        let body = match self.fetch_path(&path).await {
            Err(error) if error.is_not_found() => return Ok(None),
            body => body?,
        };
        let group: ApiGroup = serde_json::from_str(&body)
            .map_err(|error| ClusterError::malformed(&format!("GET {path}"), &error))?;
        Ok(group
            .preferred_version
            .or_else(|| group.versions.into_iter().next())
            .map(|version| version.group_version))
    }
}
