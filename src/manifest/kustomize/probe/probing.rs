//! Which builds find the places of the images.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::candidates::candidates;
use super::dead_entries::dead_entries;
use super::found_place::FoundPlace;
use super::image_scalars::BuiltImageScalars;
use super::mark::{Unmarked, mark};
use super::place_table::PlaceTable;
use super::trace::OriginAdder;
use crate::manifest::kustomize::build::Built;
use crate::manifest::kustomize::source::SourceTree;
use crate::manifest::kustomize::traced::ScalarPlace;
use crate::manifest::kustomize::update::{ScalarEdit, splice_files};

/// The maximum number of builds with marks.
const MAX_BUILDS: usize = 16;

/// Finds the places of the images of one kustomization. It says what must be built, and is
/// given the result, until it knows enough.
///
/// All candidates are marked at once. If a mark changes more than the text that it is added to,
/// for example because a patch no longer finds its target, the candidates are halved, and each
/// half is built, down to single ones. A single one decides what it appears in, whatever else it
/// changes: a name may no longer be found by the next entry of `images`, for example. An image
/// whose place is still not known keeps none.
#[derive(Debug)]
pub struct Probing<'a> {
    tree: &'a SourceTree,
    built: Built,
    images: BuiltImageScalars,
    /// The candidates, by their numbers.
    places: Vec<Arc<ScalarPlace>>,
    /// The groups of candidates that were not built yet, each with its number.
    open: VecDeque<Vec<(usize, Arc<ScalarPlace>)>>,
    /// The group that is being built.
    current: Vec<(usize, Arc<ScalarPlace>)>,
    builds: usize,
    /// What was found.
    found: Vec<FoundPlace>,
    /// Whether a build with marks has failed, which another run may not repeat.
    has_failed: bool,
}

impl<'a> Probing<'a> {
    /// Begins with the objects that the program has built from a tree.
    #[must_use]
    pub fn new(tree: &'a SourceTree, mut built: Built) -> Self {
        built.dead_entries = dead_entries(tree, &built);
        let images = BuiltImageScalars::of(&built);
        let lists = candidates(tree, &images);
        let places: Vec<Arc<ScalarPlace>> = lists.iter().flatten().cloned().collect();
        let mut numbers = 0..;
        let mut open = VecDeque::new();
        for list in lists.into_iter().filter(|list| !list.is_empty()) {
            open.push_back(numbers.by_ref().zip(list).collect());
        }
        Self {
            tree,
            built,
            images,
            places,
            open,
            current: Vec::new(),
            builds: 0,
            found: Vec::new(),
            has_failed: false,
        }
    }

    /// What the places depend on besides the files and the program: the objects that were built,
    /// and the texts that may decide their images.
    #[must_use]
    pub fn subject(&self) -> String {
        let objects = self.built.objects.iter();
        let objects: serde_json::Value = objects.map(|object| object.value.to_value()).collect();
        format!("{objects}\n{:?}", self.places)
    }

    /// Uses what an earlier search for the same [`Self::subject`] has found, as [`Self::table`]
    /// has written it. `false`: it does not fit, and nothing has changed.
    pub fn recall(&mut self, table: &[u8]) -> bool {
        let mut objects = self.built.objects.clone();
        let is_usable =
            PlaceTable::read(table).is_some_and(|table| table.add_to(&mut objects, &self.places));
        if is_usable {
            self.built.objects = objects;
            self.open.clear();
        }
        is_usable
    }

    /// What was found, for a later run. It consists of numbers only: no text of a file, and no
    /// part of an object. `None`: another search might find something else, because it was
    /// stopped, or because a build has failed.
    #[must_use]
    pub fn table(&self) -> Option<Vec<u8>> {
        let is_over = self.builds == MAX_BUILDS || self.open.is_empty();
        let is_certain = is_over && self.current.is_empty() && !self.has_failed;
        is_certain.then(|| PlaceTable::write(&self.found)).flatten()
    }

    /// The tree to build next; `None`: no more.
    pub fn next_tree(&mut self) -> Option<SourceTree> {
        while self.builds < MAX_BUILDS {
            self.current = self.open.pop_front()?;
            let edits = self.current.iter().map(|(number, place)| ScalarEdit {
                place: Arc::clone(place),
                text: format!("{}{}", place.text, mark(*number)),
            });
            let edits: Vec<ScalarEdit> = edits.collect();
            match splice_files(&[self.tree], &edits) {
                Ok(texts) => {
                    self.builds += 1;
                    return Some(self.tree.with_texts(&texts));
                }
                Err(_) => self.halve(),
            }
        }
        None
    }

    /// Takes the result of that build; `None` if it failed.
    pub fn take(&mut self, marked: Option<&Built>) {
        let images = marked.map(BuiltImageScalars::of);
        let (Some(marked), Some(images)) = (marked, images) else {
            self.has_failed = true;
            self.halve();
            return;
        };
        let is_alone = self.current.len() == 1;
        let unmarked = images.map_texts(|text| Unmarked::new(text).text);
        let is_usable =
            unmarked == self.images || (is_alone && unmarked.is_of_the_same(&self.images));
        if !is_usable || marked.objects.len() != self.built.objects.len() {
            self.halve();
            return;
        }
        let places: BTreeMap<usize, Arc<ScalarPlace>> = self.current.drain(..).collect();
        let objects = self.built.objects.iter_mut().zip(&marked.objects);
        for (at, (object, marked)) in objects.enumerate() {
            let mut adder = OriginAdder {
                places: &places,
                is_alone,
                path: vec![at],
                added: Vec::new(),
            };
            adder.add(&mut object.value, &marked.value);
            self.found.append(&mut adder.added);
        }
    }

    /// The objects with the places that were found.
    #[must_use]
    pub fn finish(self) -> Built {
        self.built
    }

    fn halve(&mut self) {
        let mut first = std::mem::take(&mut self.current);
        if first.len() > 1 {
            let second = first.split_off(first.len() / 2);
            self.open.push_back(first);
            self.open.push_back(second);
        }
    }
}
