//! Names of workloads that are shown side by side.

use std::collections::{BTreeMap, BTreeSet};

use super::id::{WorkloadId, WorkloadKind};

/// What each of several workloads is called: `deployment/web`, and with the group
/// where two of them share namespace, kind and name, as while HelmReleases move
/// from Flux 1 to Flux 2.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names<'a> {
    shared: BTreeSet<ShortName<'a>>,
}

type ShortName<'a> = (&'a str, WorkloadKind, &'a str);

impl<'a> Names<'a> {
    /// The names among these workloads.
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

    /// What one of them is called.
    #[must_use]
    pub fn name(&self, id: &WorkloadId) -> String {
        match self.is_shared(id) {
            true => id.qualified(),
            false => id.to_string(),
        }
    }

    /// Whether another one has this name in another group.
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
    fn workloads_that_share_a_name_are_called_by_their_group_too() {
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
            // Alone in its namespace.
            id("other", release, "helm.toolkit.fluxcd.io/v2"),
            // Alone, and not of the group that the short name means first.
            id("old", release, "flux.weave.works/v1beta1"),
            // Another kind.
            id("shop", WorkloadKind::Deployment, "apps/v1"),
            // Two versions of one group, as two files may have them.
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
