//! What a search for places has found, for a later search in the same texts.
//!
//! A table is a list of numbers: which scalar of which object is decided by which candidate, and
//! which part of it. The places themselves are not stored. They are found in the present files,
//! so a table can never lead to a text that is no longer there.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::candidates::holds_some_of;
use super::found_place::FoundPlace;
use super::trace::{refusal, text_of};
use crate::manifest::kustomize::build::BuiltObject;
use crate::manifest::kustomize::traced::{
    Decides, ScalarOrigin, ScalarPlace, TracedScalar, TracedValue,
};

/// The stored form: the path, the number, what it decides, and whether it is only a part.
#[derive(Serialize, Deserialize)]
struct TableRow(Vec<usize>, usize, char, bool);

/// The places that were found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PlaceTable(Vec<FoundPlace>);

impl PlaceTable {
    /// The stored form of what was found; `None`: it has none.
    pub(crate) fn write(found: &[FoundPlace]) -> Option<Vec<u8>> {
        let rows = found.iter().map(|found| {
            let decides = letter(found.decides)?;
            Some(TableRow(
                found.path.clone(),
                found.number,
                decides,
                found.is_part,
            ))
        });
        let rows: Vec<TableRow> = rows.collect::<Option<_>>()?;
        serde_json::to_vec(&rows).ok()
    }

    /// Reads the stored form; `None`: it is not one.
    pub(crate) fn read(table: &[u8]) -> Option<Self> {
        let rows: Vec<TableRow> = serde_json::from_slice(table).ok()?;
        let found = rows
            .into_iter()
            .map(|TableRow(path, number, decides, is_part)| {
                Some(FoundPlace {
                    path,
                    number,
                    decides: part(decides)?,
                    is_part,
                })
            });
        Some(Self(found.collect::<Option<_>>()?))
    }

    /// Adds the places to the objects. `false`: one of them does not fit, and the objects must
    /// not be used.
    pub(crate) fn add_to(self, objects: &mut [BuiltObject], places: &[Arc<ScalarPlace>]) -> bool {
        self.0.into_iter().all(|found| {
            let Some(place) = places.get(found.number) else {
                return false;
            };
            let Some(scalar) = scalar_at(objects, &found.path) else {
                return false;
            };
            let is_known = scalar.origins.iter().any(|origin| origin.place == *place);
            if is_known || !holds_some_of(&text_of(scalar), &place.text) {
                return false;
            }
            scalar.origins.push(ScalarOrigin {
                decides: found.decides,
                place: Arc::clone(place),
                refusal: refusal(found.is_part),
            });
            true
        })
    }
}

fn scalar_at<'o>(objects: &'o mut [BuiltObject], path: &[usize]) -> Option<&'o mut TracedScalar> {
    let (object, path) = path.split_first()?;
    let mut value = &mut objects.get_mut(*object)?.value;
    for at in path {
        value = match value {
            TracedValue::Mapping(entries) => &mut entries.get_mut(*at)?.value,
            TracedValue::List(items) => items.get_mut(*at)?,
            TracedValue::Scalar(_) => return None,
        };
    }
    match value {
        TracedValue::Scalar(scalar) => Some(scalar),
        _ => None,
    }
}

/// The letter of what a search finds; other kinds are not found by searching.
fn letter(decides: Decides) -> Option<char> {
    match decides {
        Decides::All => Some('a'),
        Decides::Name => Some('n'),
        Decides::Tag => Some('t'),
        Decides::Digest => Some('d'),
        Decides::Suffix | Decides::Template(_) | Decides::Override(_) => None,
    }
}

fn part(letter: char) -> Option<Decides> {
    let found = [Decides::All, Decides::Name, Decides::Tag, Decides::Digest];
    found
        .into_iter()
        .find(|decides| self::letter(*decides) == Some(letter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::kustomize::build::Built;
    use crate::manifest::kustomize::probe::Probing;
    use crate::manifest::kustomize::source::SourceTree;
    use crate::manifest::{SourcePath, printed_objects};

    const TEXT: &str = "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: web}\nspec:\n  \
                        template:\n    spec:\n      containers:\n      - name: app\n        image: \
                        reg.example/app:1.0\n      - name: side\n        image: \
                        reg.example/side:2.5\n";

    /// A kustomization whose program prints its only resource.
    fn tree() -> SourceTree {
        let folder = SourcePath::Folder {
            kustomizations: vec!["kustomization.yaml".to_owned()],
            real: "/repo".to_owned(),
        };
        let mut paths = vec![(".".to_owned(), folder)];
        for (name, text) in [
            ("kustomization.yaml", "resources: [web.yaml]\n"),
            ("web.yaml", TEXT),
        ] {
            let (text, folder) = (text.to_owned(), "/repo".to_owned());
            paths.push((name.to_owned(), SourcePath::File { text, folder }));
        }
        SourceTree {
            root: ".".to_owned(),
            applied_by: None,
            paths: paths.into_iter().collect(),
        }
    }

    fn built(tree: &SourceTree) -> Built {
        let text = tree.text("web.yaml").expect("a file");
        printed_objects(tree, text).expect("objects")
    }

    /// The stored form of a whole search, and what it found.
    fn searched(tree: &SourceTree) -> (Vec<u8>, Built) {
        let mut probing = Probing::new(tree, built(tree));
        while let Some(marked) = probing.next_tree() {
            probing.take(Some(&built(&marked)));
        }
        (probing.table().expect("a table"), probing.finish())
    }

    #[test]
    fn table_gives_what_the_search_has_found() {
        let tree = tree();
        let (table, found) = searched(&tree);
        let mut probing = Probing::new(&tree, built(&tree));
        assert!(probing.recall(&table));
        assert!(probing.next_tree().is_none(), "nothing is built");
        let recalled = probing.finish();
        assert_eq!(recalled.objects[0].value, found.objects[0].value);
        assert_ne!(recalled.objects[0].value, built(&tree).objects[0].value);
        let text = String::from_utf8(table).expect("text");
        assert!(
            text.chars()
                .all(|c| !c.is_alphabetic() || "afelst".contains(c)),
            "{text}"
        );
    }

    #[test]
    fn table_that_does_not_fit_changes_nothing() {
        let tree = tree();
        let (table, _) = searched(&tree);
        let text = String::from_utf8(table).expect("text");
        let rows: Vec<TableRow> = serde_json::from_str(&text).expect("rows");
        assert_eq!(rows.len(), 2, "{text}");
        let (app, side) = (rows[0].1, rows[1].1);
        for wrong in [
            // Another format.
            "{}".to_owned(),
            "[[1]]".to_owned(),
            text[..text.len() - 1].to_owned(),
            text.replace("\"a\"", "\"x\""),
            // A candidate, an object or a scalar that does not exist.
            text.replace(&format!(",{app},"), ",99,"),
            text.replace("[[[0,", "[[[9,"),
            text.replace("[[[0,", "[[[0,99,"),
            // A mapping instead of a scalar, and nothing at all.
            "[[[0],0,\"a\",false]]".to_owned(),
            "[[[],0,\"a\",false]]".to_owned(),
            // The candidates of the two images exchanged, and one twice.
            text.replace(&format!(",{app},"), ",@,")
                .replace(&format!(",{side},"), &format!(",{app},"))
                .replace(",@,", &format!(",{side},")),
            text.replace(
                "[[[0,",
                &format!("{},[[0,", text.strip_suffix(']').expect("a list")),
            ),
        ] {
            assert_ne!(wrong, text);
            let mut probing = Probing::new(&tree, built(&tree));
            assert!(!probing.recall(wrong.as_bytes()), "{wrong}");
            assert!(probing.next_tree().is_some(), "{wrong}: it is searched");
            let unchanged = probing.finish().objects;
            assert_eq!(unchanged[0].value, built(&tree).objects[0].value, "{wrong}");
        }
    }

    #[test]
    fn search_that_was_stopped_or_has_failed_has_no_table() {
        let tree = tree();
        let mut probing = Probing::new(&tree, built(&tree));
        assert_eq!(probing.table(), None, "nothing was built yet");
        let marked = probing.next_tree().expect("a tree");
        assert_eq!(probing.table(), None, "it is being built");
        probing.take(Some(&built(&marked)));
        assert!(probing.next_tree().is_none());
        assert!(probing.table().is_some());
        let mut probing = Probing::new(&tree, built(&tree));
        probing.next_tree().expect("a tree");
        probing.take(None);
        while let Some(marked) = probing.next_tree() {
            probing.take(Some(&built(&marked)));
        }
        assert_eq!(probing.table(), None, "a build has failed");
    }
}
