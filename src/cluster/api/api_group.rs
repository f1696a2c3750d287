//! Discovery: the version of its API group in which the server has a kind.
//!
//! A group's preferred version may not have every kind of the group: Argo CD's operator
//! adds a kind to `argoproj.io` in a newer version than that of the Applications. So the
//! resource lists of the versions are searched, the preferred version first.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::answer::check_kind;
use super::error::ClusterError;
use super::resource::Resource;
use crate::cluster::connect::connection::Cluster;

/// A namespaced kind that not every cluster has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CustomKind {
    pub(crate) group: &'static str,
    /// `helmreleases`.
    pub(crate) plural: &'static str,
    /// The released versions, newest first: for clusters that do not say which they
    /// serve.
    pub(crate) released: &'static [&'static str],
}

impl CustomKind {
    /// Its collection in the newest version that we know.
    pub(crate) fn newest(&self) -> Resource {
        let version = self.released.first().unwrap_or(&"v1");
        Resource::new(&format!("{}/{version}", self.group), self.plural)
    }
}

/// Where the server has a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ServedKind {
    /// In this collection.
    At(Resource),
    /// In this collection, if the server has it at all: this user may not read which
    /// kinds there are.
    Perhaps(Resource),
    /// Nowhere.
    Nowhere,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiGroup {
    preferred_version: Option<GroupVersion>,
    #[serde(default)]
    versions: Vec<GroupVersion>,
}

#[derive(Deserialize)]
struct GroupVersion {
    #[serde(rename = "groupVersion")]
    text: String,
}

#[derive(Deserialize)]
struct ResourceList {
    #[serde(default)]
    resources: Vec<ListedResource>,
}

#[derive(Deserialize)]
struct ListedResource {
    name: String,
    #[serde(default)]
    namespaced: bool,
}

impl Cluster {
    /// The collection of a kind in the first version that has it, or in the wanted one.
    ///
    /// # Errors
    ///
    /// The group cannot be read well enough to know whether the server has the kind.
    pub(crate) async fn served(
        &self,
        kind: &CustomKind,
        wanted: Option<&str>,
    ) -> Result<ServedKind, ClusterError> {
        let mut failure = None;
        let versions = match wanted {
            Some(version) => vec![format!("{}/{version}", kind.group)],
            None => match self.versions(kind.group).await {
                Ok(versions) => versions,
                Err(error) if error.is_transport() || error.is_fatal() => return Err(error),
                Err(error) => {
                    failure = Some(error);
                    let released = kind.released.iter();
                    released
                        .map(|version| format!("{}/{version}", kind.group))
                        .collect()
                }
            },
        };
        let mut hidden = None;
        for version in versions {
            match self.has_kind(&version, kind.plural).await {
                Ok(true) => return Ok(ServedKind::At(Resource::new(&version, kind.plural))),
                Ok(false) => {}
                Err(error) if error.is_transport() || error.is_fatal() => return Err(error),
                Err(error) => {
                    if error.is_forbidden() {
                        hidden.get_or_insert(version);
                    }
                    // A failure that no permission fixes is the better reason.
                    if failure.as_ref().is_none_or(ClusterError::is_forbidden) {
                        failure = Some(error);
                    }
                }
            }
        }
        match (failure, hidden) {
            (None, _) => Ok(ServedKind::Nowhere),
            (Some(error), Some(version)) if error.is_forbidden() => {
                Ok(ServedKind::Perhaps(Resource::new(&version, kind.plural)))
            }
            (Some(error), _) => Err(error),
        }
    }

    /// The versions of a group, the preferred one first; empty if the server does not
    /// have the group.
    async fn versions(&self, group: &str) -> Result<Vec<String>, ClusterError> {
        let group: ApiGroup = match self.read_json(&format!("/apis/{group}"), "APIGroup").await {
            Err(error) if error.is_not_found() => return Ok(Vec::new()),
            group => group?,
        };
        let mut versions = Vec::new();
        for version in group.preferred_version.into_iter().chain(group.versions) {
            if !versions.contains(&version.text) {
                versions.push(version.text);
            }
        }
        Ok(versions)
    }

    /// Whether a version of a group, `apps/v1`, has a namespaced kind.
    async fn has_kind(&self, version: &str, plural: &str) -> Result<bool, ClusterError> {
        let list: ResourceList = match self
            .read_json(&format!("/apis/{version}"), "APIResourceList")
            .await
        {
            Err(error) if error.is_not_found() => return Ok(false),
            list => list?,
        };
        let mut resources = list.resources.into_iter();
        Ok(resources.any(|resource| resource.name == plural && resource.namespaced))
    }

    async fn read_json<T: DeserializeOwned>(
        &self,
        path: &str,
        kind: &str,
    ) -> Result<T, ClusterError> {
        let body = self.fetch_path(path).await?;
        let request = format!("GET {path}");
        check_kind(&body, kind, &request)?;
        serde_json::from_str(&body).map_err(|error| ClusterError::malformed(&request, &error))
    }
}

#[cfg(test)]
#[path = "api_group_tests.rs"]
mod tests;
