//! Which workloads use which repositories. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::RepositoryUses;
use super::queue::ScanClass;
use crate::image::CanonicalName;
use crate::workload::WorkloadId;

/// The repositories of each workload, and the workloads of each repository.
#[derive(Debug, Default)]
pub(crate) struct ScanUsers {
    by_workload: BTreeMap<WorkloadId, RepositoryUses>,
    by_repository: BTreeMap<CanonicalName, BTreeMap<WorkloadId, ScanClass>>,
}

impl ScanUsers {
    /// Sets what a workload uses. Returns whether that has changed.
    pub(crate) fn set(&mut self, id: &WorkloadId, uses: &RepositoryUses) -> bool {
        if self
            .by_workload
            .get(id)
            .map_or(uses.is_empty(), |known| known == uses)
        {
            return false;
        }
        self.remove(id);
        for (name, class) in uses {
            let users = self.by_repository.entry(name.clone()).or_default();
            users.insert(id.clone(), *class);
        }
        self.by_workload.insert(id.clone(), uses.clone());
        true
    }

    /// Removes a workload.
    pub(crate) fn remove(&mut self, id: &WorkloadId) {
        let uses = self.by_workload.remove(id).unwrap_or_default();
        for name in uses.keys() {
            if let Some(users) = self.by_repository.get_mut(name) {
                users.remove(id);
                if users.is_empty() {
                    self.by_repository.remove(name);
                }
            }
        }
    }

    /// The workloads that use a repository.
    pub(crate) fn of(&self, name: &CanonicalName) -> BTreeSet<WorkloadId> {
        let users = self.by_repository.get(name).into_iter();
        users.flat_map(BTreeMap::keys).cloned().collect()
    }

    /// The repositories that a workload uses.
    pub(crate) fn repositories_of(&self, id: &WorkloadId) -> impl Iterator<Item = CanonicalName> {
        let uses = self.by_workload.get(id).into_iter();
        uses.flat_map(BTreeMap::keys).cloned()
    }

    /// Whether any workload uses a repository.
    pub(crate) fn contains(&self, name: &CanonicalName) -> bool {
        self.by_repository.contains_key(name)
    }

    /// Every repository that is used.
    pub(crate) fn names(&self) -> impl Iterator<Item = &CanonicalName> {
        self.by_repository.keys()
    }

    /// Every repository, with its most urgent use.
    pub(crate) fn classes(&self) -> BTreeMap<CanonicalName, ScanClass> {
        let all = self.by_repository.iter();
        all.filter_map(|(name, users)| Some((name.clone(), *users.values().min()?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::ImageReference;
    use crate::workload::Workload;

    fn name(text: &str) -> CanonicalName {
        let image: ImageReference = text.parse().expect("an image");
        image.canonical().clone()
    }

    fn id(name: &str) -> WorkloadId {
        let mut workload = Workload::running("");
        workload.id.name = name.to_owned();
        workload.id
    }

    #[test]
    fn repository_is_as_urgent_as_its_most_urgent_use() {
        let mut users = ScanUsers::default();
        let app = name("registry.example/org/app");
        let automated = RepositoryUses::from([(app.clone(), ScanClass::Automated)]);
        let other = RepositoryUses::from([(app.clone(), ScanClass::Other)]);
        assert!(users.set(&id("a"), &other));
        assert!(users.set(&id("b"), &automated));
        assert!(!users.set(&id("b"), &automated));
        assert_eq!(users.classes()[&app], ScanClass::Automated);
        assert_eq!(users.of(&app), BTreeSet::from([id("a"), id("b")]));
        assert!(users.set(&id("b"), &RepositoryUses::new()));
        assert_eq!(users.classes()[&app], ScanClass::Other);
        users.remove(&id("a"));
        assert!(!users.contains(&app));
        // A workload without a repository is not a change.
        assert!(!users.set(&id("c"), &RepositoryUses::new()));
    }
}
