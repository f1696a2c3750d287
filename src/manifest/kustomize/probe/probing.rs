//! Which builds find the places of the images.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::candidates::candidates;
use super::dead_entries::dead_entries;
use super::image_scalars::BuiltImageScalars;
use super::mark::{Unmarked, mark};
use super::trace::add_origins;
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
    /// The groups of candidates that were not built yet, each with its number.
    open: VecDeque<Vec<(usize, Arc<ScalarPlace>)>>,
    /// The group that is being built.
    current: Vec<(usize, Arc<ScalarPlace>)>,
    builds: usize,
}

impl<'a> Probing<'a> {
    /// Begins with the objects that the program has built from a tree.
    #[must_use]
    pub fn new(tree: &'a SourceTree, mut built: Built) -> Self {
        built.dead_entries = dead_entries(tree, &built);
        let images = BuiltImageScalars::of(&built);
        let lists = candidates(tree, &images);
        let mut number = 0;
        let mut open = VecDeque::new();
        for list in lists.into_iter().filter(|list| !list.is_empty()) {
            let numbered = list.into_iter().map(|place| {
                number += 1;
                (number - 1, place)
            });
            open.push_back(numbered.collect());
        }
        Self {
            tree,
            built,
            images,
            open,
            current: Vec::new(),
            builds: 0,
        }
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
        for (object, marked) in objects {
            add_origins(&mut object.value, &marked.value, &places, is_alone);
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
