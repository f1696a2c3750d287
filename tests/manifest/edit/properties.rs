//! Properties that hold for all manifests and edits.

use kubectl_imgpolicy::manifest::{DocumentError, Object, ObjectEdit, edit, objects};
use kubectl_imgpolicy::plan::FieldEdit;
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::random::{Dice, Manifest, manifest};
use super::{annotation, place};

/// The objects of a text, or their errors.
fn read(text: &str) -> Vec<Value> {
    let read = |object: Result<Object, DocumentError>| {
        object.map_or_else(|error| Value::from(error.to_string()), |read| read.value)
    };
    objects(text).into_iter().map(read).collect()
}

fn dice() -> impl Strategy<Value = Dice> {
    proptest::collection::vec(any::<u8>(), 0..300).prop_map(Dice::new)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9.:/-]{0,12}",
        "\\PC{0,8}",
        any::<String>(),
        Just("true".to_owned()),
        Just("1.10".to_owned()),
        Just("a\n  b\n\n".to_owned()),
    ]
}

/// An edit of an annotation or of a container's image.
fn place_of(object: &Value, dice: &mut Dice, text: &str) -> FieldEdit {
    let containers = object["spec"]["template"]["spec"]["containers"].as_array();
    let count = containers.map_or(0, Vec::len);
    let keys = [
        "fluxcd.io/automated",
        "a",
        "fluxcd.io/tag.app",
        "imgpolicy.dev/new",
        "on",
    ];
    match dice.roll(4) {
        0 => {
            let index = dice.roll(count).to_string();
            let path = ["spec", "template", "spec", "containers", &index, "image"];
            place(&path, Some(text))
        }
        1 => annotation(keys[dice.roll(keys.len())], None),
        _ => annotation(keys[dice.roll(keys.len())], Some(text)),
    }
}

/// Applies an edit to a value according to the rules.
fn apply(object: &mut Value, place: &FieldEdit) {
    let (last, above) = place.path.split_last().expect("a path");
    if place.path[0] == "spec" {
        let at = above
            .iter()
            .fold(object, |at, key| match key.parse::<usize>() {
                Ok(index) => &mut at[index],
                Err(_) => &mut at[key.as_str()],
            });
        at[last.as_str()] = Value::from(place.text.clone().expect("a text"));
        return;
    }
    let old = object["metadata"]["annotations"].as_object().cloned();
    let was_empty = old.as_ref().is_none_or(Map::is_empty);
    let mut annotations = old.unwrap_or_default();
    match &place.text {
        Some(text) => drop(annotations.insert(last.clone(), Value::from(text.as_str()))),
        None => drop(annotations.shift_remove(last)),
    }
    if !annotations.is_empty() {
        object["metadata"]["annotations"] = Value::Object(annotations);
    } else if !was_empty {
        object["metadata"]
            .as_object_mut()
            .expect("a mapping")
            .shift_remove("annotations");
    } else if object["metadata"].is_null() {
        // Indexing a missing key has created it as null.
        object
            .as_object_mut()
            .expect("a mapping")
            .shift_remove("metadata");
    }
}

fn comments(text: &str, kind: &str) -> Vec<String> {
    let number = |part: &str| part.split(' ').next().map(str::to_owned);
    text.split(kind).skip(1).filter_map(number).collect()
}

/// The lines of both texts without their common first and last lines.
fn middles<'a>(old: &'a str, new: &'a str) -> (Vec<&'a str>, Vec<&'a str>) {
    let mut old: Vec<&str> = old.lines().collect();
    let mut new: Vec<&str> = new.lines().collect();
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    old.drain(..same);
    new.drain(..same);
    while !old.is_empty() && !new.is_empty() && old.last() == new.last() {
        old.pop();
        new.pop();
    }
    (old, new)
}

fn one(index: usize, place: &FieldEdit) -> [ObjectEdit; 1] {
    [ObjectEdit {
        index,
        places: vec![place.clone()],
    }]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edit_changes_only_its_place(mut dice in dice(), new in text()) {
        let Manifest { text, objects } = manifest(&mut dice);
        prop_assert_eq!(&read(&text), &objects, "the manifest contains the intended objects: {}", text);
        let index = dice.roll(objects.len());
        let place = place_of(&objects[index], &mut dice, &new);
        let mut expected = objects.clone();
        apply(&mut expected[index], &place);

        let edited = edit(&text, &one(index, &place));
        prop_assert!(edited.is_ok(), "{:?} {:?}\n{}", edited, place, text);
        let edited = edited.expect("checked");
        prop_assert_eq!(&read(&edited), &expected, "{}\n{}", text, edited);
        let again = edit(&edited, &one(index, &place));
        prop_assert_eq!(again.as_ref(), Ok(&edited), "a second edit changes nothing");

        // All comments are kept, except for one on a removed value.
        prop_assert_eq!(comments(&text, "# own "), comments(&edited, "# own "));
        if place.text.is_some() {
            prop_assert_eq!(comments(&text, "# beside "), comments(&edited, "# beside "));
        }
        // No byte of another line changes. The lines of a block scalar belong to its value.
        let (old_lines, new_lines) = middles(&text, &edited);
        let is_long = text.contains("|\n") || text.contains("|-\n") || text.contains("|\r") || text.contains("|-\r");
        let in_json = text.contains("{\n") || text.contains("{\r\n");
        if place.text.is_some() && !is_long && !in_json {
            prop_assert!(old_lines.len() <= 1, "{:?} {:?}", old_lines, new_lines);
        }
        prop_assert_eq!(text.ends_with('\n'), edited.ends_with('\n'));
        prop_assert_eq!(text.contains('\r'), edited.contains("\r\n") && !edited.replace("\r\n", "").contains('\n'));
    }

    #[test]
    fn value_that_is_restored_is_unchanged(mut dice in dice(), new in text()) {
        let Manifest { text, objects } = manifest(&mut dice);
        let index = dice.roll(objects.len());
        let place = place_of(&objects[index], &mut dice, &new);
        let old = place.path.iter().try_fold(&objects[index], |at, key| match key.parse::<usize>() {
            Ok(index) => at.get(index),
            Err(_) => at.get(key),
        });
        let back = FieldEdit {
            path: place.path.clone(),
            text: old.and_then(Value::as_str).map(str::to_owned),
            is_plain: false,
        };
        let edited = edit(&text, &one(index, &place)).expect("edited");
        let restored = edit(&edited, &one(index, &back)).expect("edited back");
        let mut expected = objects.clone();
        apply(&mut expected[index], &place);
        apply(&mut expected[index], &back);
        prop_assert_eq!(read(&restored), expected);
        // A new key that is removed again leaves no trace.
        let annotations = objects[index]["metadata"].get("annotations");
        let had_any = annotations.is_none_or(|a| a.as_object().is_some_and(|a| !a.is_empty()));
        if old.is_none() && had_any && !objects[index]["metadata"].is_null() {
            prop_assert_eq!(restored, text);
        }
    }

    #[test]
    fn combined_edits_equal_separate_edits(mut dice in dice(), new in text()) {
        let Manifest { text, objects } = manifest(&mut dice);
        let mut expected = objects.clone();
        let mut edits: Vec<ObjectEdit> = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            let mut places: Vec<FieldEdit> = Vec::new();
            for _ in 0..dice.roll(4) {
                let place = place_of(object, &mut dice, &new);
                if places.iter().all(|other| other.path != place.path) {
                    places.push(place);
                }
            }
            let (set, gone): (Vec<_>, Vec<_>) = places.iter().partition(|place| place.text.is_some());
            for place in set.into_iter().chain(gone) {
                apply(&mut expected[index], place);
            }
            edits.push(ObjectEdit { index, places });
        }
        let edited = edit(&text, &edits);
        prop_assert!(edited.is_ok(), "{:?} {:?}\n{}", edited, edits, text);
        let edited = edited.expect("checked");
        prop_assert_eq!(&read(&edited), &expected, "{:?}\n{}\n{}", edits, text, edited);
        let again = edit(&edited, &edits);
        prop_assert_eq!(again.as_ref(), Ok(&edited), "a second edit changes nothing");
    }
}
