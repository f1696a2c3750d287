//! The places that earlier runs have found.

use super::program::Program;
use crate::manifest::{BuildError, Probing, SourceTree, program_input};
use crate::registry::{Cache, CacheKey, EntryKind};

/// The meaning of a table, and of the search that has found it. It is incremented by each change
/// that would make another release misunderstand a table.
const FORMAT: &str = "places:1";

/// The entry of one kustomization, as it is now.
pub(crate) struct PlaceCache<'c> {
    cache: &'c Cache,
    /// `None`: nothing is kept.
    key: Option<CacheKey>,
}

impl<'c> PlaceCache<'c> {
    /// The entry depends on everything on which the search depends: the program and its input,
    /// and what it has built. So another tree, another program, and other variables of an owner
    /// have other entries.
    ///
    /// # Errors
    ///
    /// Those of [`program_input`].
    pub(crate) fn new(
        cache: &'c Cache,
        program: &Program,
        tree: &SourceTree,
        probing: &Probing<'_>,
    ) -> Result<Self, BuildError> {
        if cache.is_off() {
            return Ok(Self { cache, key: None });
        }
        let input = program_input(tree)?;
        let program = program.identity();
        let subject = probing.subject();
        let mut parts: Vec<&[u8]> = vec![
            FORMAT.as_bytes(),
            program.as_deref().unwrap_or_default().as_bytes(),
            subject.as_bytes(),
        ];
        // Paths count from the folder that contains all files, so that a new clone of a
        // repository has the same entries.
        let ends = [input.files.first_key_value(), input.files.last_key_value()];
        let [first, last] = ends.map(|file| file.map_or("", |(path, _)| path));
        let same = first.bytes().zip(last.bytes()).take_while(|(a, b)| a == b);
        let outside = same.count();
        parts.push(input.root.as_bytes().get(outside..).unwrap_or_default());
        for (path, bytes) in &input.files {
            parts.push(&path.as_bytes()[outside..]);
            parts.push(bytes);
        }
        // A file may contain a password, which nobody may guess from the key.
        let key = program
            .is_some()
            .then(|| cache.secret_key(EntryKind::Places, &parts));
        Ok(Self {
            cache,
            key: key.flatten(),
        })
    }

    /// The table of an earlier run.
    pub(crate) async fn get(&self) -> Option<Vec<u8>> {
        let found = self.cache.get(&[self.key?]).await;
        found.into_iter().next()?
    }

    /// Keeps the table for later runs.
    pub(crate) fn put(&self, table: Vec<u8>) {
        if let Some(key) = self.key {
            self.cache.put(key, table);
        }
    }
}
