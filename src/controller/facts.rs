//! What the registries have said, kept between scans, so that a changed workload can be decided
//! without asking again.

use std::collections::{BTreeMap, BTreeSet};

use crate::evaluator::{PullSecretView, Snapshot};
use crate::image::{CanonicalName, RepositoryMetadata};

/// What is known about each repository.
#[derive(Debug, Default)]
pub struct RepositoryFacts {
    repositories: BTreeMap<CanonicalName, Answers>,
}

/// What one repository has answered.
#[derive(Debug, Clone, Default)]
struct Answers {
    /// With the controller's own credentials.
    own: Option<RepositoryMetadata>,
    /// With the pull secrets of workloads.
    views: Vec<PullSecretView>,
}

impl RepositoryFacts {
    /// Whether a repository was scanned.
    #[must_use]
    pub fn contains(&self, name: &CanonicalName) -> bool {
        self.repositories.contains_key(name)
    }

    /// Adds to a snapshot what is known about these repositories.
    pub fn add_to(&self, snapshot: &mut Snapshot, names: &BTreeSet<CanonicalName>) {
        for name in names {
            let Some(Answers { own, views }) = self.repositories.get(name) else {
                continue;
            };
            if let Some(own) = own {
                snapshot.repositories.insert(name.clone(), own.clone());
            }
            if !views.is_empty() {
                let views = views.clone();
                snapshot.pull_secret_views.insert(name.clone(), views);
            }
        }
    }

    /// Keeps what a snapshot knows about these repositories.
    pub fn keep_from(&mut self, snapshot: &mut Snapshot, names: &BTreeSet<CanonicalName>) {
        for name in names {
            let own = snapshot.repositories.remove(name);
            let views = snapshot.pull_secret_views.remove(name).unwrap_or_default();
            self.repositories
                .insert(name.clone(), Answers { own, views });
        }
    }

    /// Forgets repositories that nothing uses any more.
    pub fn retain(&mut self, is_used: impl Fn(&CanonicalName) -> bool) {
        self.repositories.retain(|name, _| is_used(name));
    }
}
