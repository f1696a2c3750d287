//! The workloads as the watches report them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::workload::{Workload, WorkloadId};

/// All workloads in scope, and those that have changed since they were last looked at.
///
/// A status that changes does not change a [`Workload`], so a rollout or a busy autoscaler does
/// not cause any work.
#[derive(Debug, Default)]
pub struct WatchedWorkloads {
    workloads: BTreeMap<WorkloadId, Workload>,
    changed: BTreeSet<WorkloadId>,
}

impl WatchedWorkloads {
    /// Replaces a whole collection by what was listed.
    pub fn replace(&mut self, is_in_it: impl Fn(&WorkloadId) -> bool, listed: Vec<Workload>) {
        let is_listed: BTreeSet<WorkloadId> = listed.iter().map(|w| w.id.clone()).collect();
        let gone: Vec<WorkloadId> = self
            .workloads
            .keys()
            .filter(|id| is_in_it(id) && !is_listed.contains(*id))
            .cloned()
            .collect();
        for id in gone {
            self.remove(&id);
        }
        for workload in listed {
            self.apply(workload);
        }
    }

    /// Adds or replaces one workload.
    pub fn apply(&mut self, workload: Workload) {
        let known = self.workloads.get(&workload.id);
        if known != Some(&workload) {
            self.changed.insert(workload.id.clone());
            self.workloads.insert(workload.id.clone(), workload);
        }
    }

    /// Removes a workload. It counts as changed: others may have to be looked at.
    pub fn remove(&mut self, id: &WorkloadId) {
        if self.workloads.remove(id).is_some() {
            self.changed.insert(id.clone());
        }
    }

    /// The workloads that were added, changed or removed since the last call.
    pub fn take_changed(&mut self) -> BTreeSet<WorkloadId> {
        std::mem::take(&mut self.changed)
    }

    /// Whether [`Self::take_changed`] would return something.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Those of the workloads that exist.
    #[must_use]
    pub fn get_all(&self, ids: &BTreeSet<WorkloadId>) -> Vec<Workload> {
        let found = ids.iter().filter_map(|id| self.workloads.get(id));
        found.cloned().collect()
    }

    /// One workload, if it exists.
    #[must_use]
    pub fn get(&self, id: &WorkloadId) -> Option<&Workload> {
        self.workloads.get(id)
    }

    /// Makes every workload one that has changed.
    pub fn mark_all_changed(&mut self) {
        self.changed.extend(self.workloads.keys().cloned());
    }

    /// Makes a workload one that has changed.
    pub fn mark_changed(&mut self, id: &WorkloadId) {
        self.changed.insert(id.clone());
    }

    /// How many workloads there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.workloads.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.workloads.is_empty()
    }

    /// Every workload.
    pub fn iter(&self) -> impl Iterator<Item = &Workload> {
        self.workloads.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(name: &str, image: &str) -> Workload {
        let mut workload = Workload::running(image);
        workload.id.name = name.to_owned();
        workload.id.namespace = "shop".to_owned();
        workload
    }

    fn names(ids: &BTreeSet<WorkloadId>) -> Vec<&str> {
        ids.iter().map(|id| id.name.as_str()).collect()
    }

    #[test]
    fn only_real_changes_count() {
        let mut index = WatchedWorkloads::default();
        index.apply(workload("a", "org/a:1"));
        assert_eq!(names(&index.take_changed()), ["a"]);
        index.apply(workload("a", "org/a:1"));
        assert!(!index.has_changed());
        index.apply(workload("a", "org/a:2"));
        assert_eq!(names(&index.take_changed()), ["a"]);
        index.remove(&workload("b", "").id);
        assert!(!index.has_changed());
        index.remove(&workload("a", "").id);
        assert_eq!(names(&index.take_changed()), ["a"]);
        assert!(index.get(&workload("a", "").id).is_none());
    }

    #[test]
    fn list_removes_what_it_does_not_contain_from_its_own_collection_only() {
        let mut index = WatchedWorkloads::default();
        let mut other = workload("other", "org/a:1");
        other.id.namespace = "bank".to_owned();
        for workload in [workload("a", "org/a:1"), workload("b", "org/b:1"), other] {
            index.apply(workload);
        }
        index.take_changed();
        let listed = vec![workload("b", "org/b:1"), workload("c", "org/c:1")];
        index.replace(|id| id.namespace == "shop", listed);
        assert_eq!(names(&index.take_changed()), ["a", "c"]);
        let left: Vec<&str> = index.iter().map(|w| w.id.name.as_str()).collect();
        assert_eq!(left, ["other", "b", "c"]);
    }
}
