//! Warnings about the cache, each reported once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The warnings of one cache, shared by its workers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Warnings(Arc<Mutex<WarningLog>>);

#[derive(Debug, Default)]
struct WarningLog {
    all: BTreeSet<String>,
    new: Vec<String>,
}

impl Warnings {
    pub(crate) fn add(&self, warning: impl Into<String>) {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let warning = warning.into();
        if log.all.insert(warning.clone()) {
            log.new.push(warning);
        }
    }

    /// Returns the warnings that have not been returned before.
    pub(crate) fn take(&self) -> Vec<String> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut log.new)
    }
}
