//! What the user should know of the cache, each thing once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The warnings of one cache, shared by its workers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Warnings(Arc<Mutex<Said>>);

#[derive(Debug, Default)]
struct Said {
    all: BTreeSet<String>,
    new: Vec<String>,
}

impl Warnings {
    pub(crate) fn add(&self, warning: impl Into<String>) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let warning = warning.into();
        if said.all.insert(warning.clone()) {
            said.new.push(warning);
        }
    }

    /// Those that nobody has taken yet.
    pub(crate) fn take(&self) -> Vec<String> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut said.new)
    }
}
