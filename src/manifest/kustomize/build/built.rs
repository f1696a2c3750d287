//! The objects of a kustomization while they are built.

use crate::manifest::kustomize::spec::{ImageEntry, ResourceId};
use crate::manifest::kustomize::traced::TracedValue;

/// The objects of a kustomization, with the places of their scalars.
#[derive(Debug, Clone, Default)]
pub struct Built {
    pub(crate) objects: Vec<BuiltObject>,
    /// Entries of `images` that match no image.
    pub(crate) dead_entries: Vec<DeadEntry>,
}

/// An entry of `images` that matches no image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DeadEntry {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) name: String,
}

impl DeadEntry {
    pub(crate) fn of(entry: &ImageEntry) -> Self {
        Self {
            file: entry.file.clone(),
            line: entry.line,
            name: entry.name.clone(),
        }
    }
}

/// An object while it is built.
#[derive(Debug, Clone)]
pub(crate) struct BuiltObject {
    /// Where its document is written.
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) value: TracedValue,
    /// Its earlier identities, the first one first.
    pub(crate) earlier: Vec<ResourceId>,
}

impl BuiltObject {
    pub(crate) fn id(&self) -> ResourceId {
        ResourceId::of(&self.value)
    }

    /// The present identity and the earlier ones.
    pub(crate) fn ids(&self) -> impl Iterator<Item = ResourceId> {
        let earlier = self.earlier.iter().cloned();
        earlier.chain(std::iter::once(self.id()))
    }

    pub(crate) fn first_id(&self) -> ResourceId {
        self.earlier.first().cloned().unwrap_or_else(|| self.id())
    }

    /// Keeps the present identity among the earlier ones.
    pub(crate) fn remember(&mut self) {
        self.earlier.push(self.id());
    }
}
