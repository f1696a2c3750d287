//! Names of workloads that are listed together.

use std::collections::{BTreeMap, BTreeSet};

use super::id::{WorkloadId, WorkloadKind};

/// The display names of several workloads: `deployment/web`, or with the group if
/// two of them have the same namespace, kind and name. That happens during a
/// migration of HelmReleases from Flux 1 to Flux 2.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names<'a> {
    shared: BTreeSet<ShortName<'a>>,
}

type ShortName<'a> = (&'a str, WorkloadKind, &'a str);

impl<'a> Names<'a> {
    /// Finds the names that these workloads share.
    #[must_use]
    pub fn among(ids: impl IntoIterator<Item = &'a WorkloadId>) -> Self {
        let mut groups: BTreeMap<ShortName<'a>, &str> = BTreeMap::new();
        let mut shared = BTreeSet::new();
        for id in ids {
            let group = *groups.entry(key(id)).or_insert(id.group());
            if group != id.group() {
                shared.insert(key(id));
            }
        }
        Self { shared }
    }

    /// The display name of one of the workloads.
    #[must_use]
    pub fn name(&self, id: &WorkloadId) -> String {
        if self.is_shared(id) {
            id.qualified()
        } else {
            id.to_string()
        }
    }

    /// Whether a workload of another group has the same name.
    #[must_use]
    pub fn is_shared(&self, id: &WorkloadId) -> bool {
        self.shared.contains(&key(id))
    }
}

fn key(id: &WorkloadId) -> ShortName<'_> {
    (&id.namespace, id.kind, &id.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_that_share_a_name_are_listed_with_their_group() {
        let id = |namespace: &str, kind, api_version: &str| WorkloadId {
            namespace: namespace.to_owned(),
            name: "a".to_owned(),
            kind,
            api_version: api_version.to_owned(),
        };
        let release = WorkloadKind::HelmRelease;
        let ids = [
            id("shop", release, "helm.fluxcd.io/v1"),
            id("shop", release, "helm.toolkit.fluxcd.io/v2"),
            // The only one in its namespace.
            id("other", release, "helm.toolkit.fluxcd.io/v2"),
            // The only one, but not of the group that the short name prefers.
            id("old", release, "flux.weave.works/v1beta1"),
            // Another kind.
            id("shop", WorkloadKind::Deployment, "apps/v1"),
            // Two versions of one group, as in two files.
            id("files", release, "helm.toolkit.fluxcd.io/v2"),
            id("files", release, "helm.toolkit.fluxcd.io/v2beta1"),
            // Two groups of a built-in kind.
            id("files", WorkloadKind::Deployment, "apps/v1"),
            id("files", WorkloadKind::Deployment, "extensions/v1beta1"),
        ];
        let names = Names::among(&ids);
        let called: Vec<String> = ids.iter().map(|id| names.name(id)).collect();
        assert_eq!(
            called,
            [
                "helmrelease.helm.fluxcd.io/a",
                "helmrelease.helm.toolkit.fluxcd.io/a",
                "helmrelease/a",
                "helmrelease.flux.weave.works/a",
                "deployment/a",
                "helmrelease/a",
                "helmrelease/a",
                "deployment.apps/a",
                "deployment.extensions/a",
            ]
        );
    }
}
