//! Several objects in one text.

use kubectl_imgpolicy::manifest::{ObjectEdit, edit};

use super::{annotation, edit_object, place, set};

/// Replaces each `«old|new»` by its old and by its new text.
fn old_and_new(text: &str) -> (String, String) {
    let (mut old, mut new) = (String::new(), String::new());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once('«') {
        let (mark, tail) = tail.split_once('»').expect("a closed mark");
        let (before, after) = mark.split_once('|').expect("two texts");
        old += &format!("{head}{before}");
        new += &format!("{head}{after}");
        rest = tail;
    }
    (old + rest, new + rest)
}

/// Sets `a` of these objects to `new` and compares.
fn check(text: &str, indexes: &[usize]) {
    for text in [
        text.to_owned(),
        text.replace('\n', "\r\n"),
        format!("\u{feff}{text}"),
    ] {
        let (old, new) = old_and_new(&text);
        let edit_of = |index: &usize| ObjectEdit {
            index: *index,
            places: vec![place(&["a"], Some("new"))],
        };
        let mut edits: Vec<ObjectEdit> = indexes.iter().map(edit_of).collect();
        assert_eq!(edit(&old, &edits).expect("edited"), new, "{old:?}");
        edits.reverse();
        assert_eq!(edit(&old, &edits).expect("edited"), new, "in another order");
    }
}

#[test]
fn documents_are_numbered_in_reading_order() {
    check("a: «old|new»\n---\na: 2\n", &[0]);
    check("a: 1\n---\na: «old|new»", &[1]);
    check(
        "---\n---\n# c\n---\na: «old|new» # d\n...\n# e\n---\na: 3\n",
        &[0],
    );
    check(
        "%YAML 1.2\n---\na: «old|new»\n...\n%YAML 1.1\n---\na: '«old|new»'\n...\n",
        &[0, 1],
    );
    check("--- {a: «old|new»}\n--- {a: \"«old|new»\"} # c\n", &[0, 1]);
    check("--- # c\na: x: [\n---\nb: 1\na: «old|new»   \n\n\n", &[1]);
    check("- 1\n---\n2\n---\n~\n---\na: «old|new»\n", &[2]);
    check(
        "# é ☃\n\na: «old|new»\n# é\n---\né: ☃\na: «old|new» # ☃\n",
        &[0, 1],
    );
    check("x: \"a\n\n  --- b\"\na: «old|new»\n", &[0]);
}

#[test]
fn json_values_are_numbered_in_reading_order() {
    check("{\"a\": \"«old|new»\"}\n{\"a\": \"«old|new»\"}\n", &[0, 1]);
    check("{\"a\":1}{\"x\":\"}\\\"{\",\"a\":\"«old|new»\"}{}", &[1]);
    check(
        "x: 1\n---\n{\"a\": [],\n \"b\": 1}\n{\t\"a\":\t\"«old|new»\" }\n---\na: «old|new»\n",
        &[2, 3],
    );
}

#[test]
fn list_items_are_numbered_in_reading_order() {
    check(
        "kind: List\nitems:\n- a: «old|new»\n  b: 1\n- null\n- b: 1\n  a: '«old|new»'\n",
        &[0, 1],
    );
    check(
        "kind: List\nitems:\n  - kind: List\n    items:\n    - a: 1\n    - a: «old|new» # c\n  - {a: «old|new»}\n",
        &[1, 2],
    );
    check(
        "x: 1\n---\n{\"kind\": \"DeploymentList\", \"items\": [{\"a\": \"1\"}, {\"a\": \"«old|new»\"}]}\n",
        &[2],
    );
    check(
        "{\"kind\":\"List\",\"items\":[{\"a\":\"«old|new»\"},\n{\"a\":\"«old|new»\"}]}\n{\"a\":\"«old|new»\"}\n",
        &[0, 1, 2],
    );
}

#[test]
fn two_items_of_a_list_are_edited_together() {
    let item =
        |name: &str| format!("  - kind: Deployment\n    metadata:\n      name: {name} # {name}\n");
    let text = format!(
        "kind: List\nitems:\n{}  # between\n{}",
        item("a"),
        item("b")
    );
    let edits = [0, 1].map(|index| ObjectEdit {
        index,
        places: vec![annotation("x", Some("true"))],
    });
    let edited = edit(&text, &edits).expect("edited");
    let lines = "      annotations:\n        x: \"true\"\n";
    let expected = format!(
        "kind: List\nitems:\n{}{lines}  # between\n{}{lines}",
        item("a"),
        item("b")
    );
    assert_eq!(edited, expected);
    let back = [0, 1].map(|index| ObjectEdit {
        index,
        places: vec![annotation("x", None)],
    });
    assert_eq!(edit(&edited, &back).expect("edited"), text);
}

#[test]
fn container_is_found_by_its_index() {
    let text = "spec:\n  containers:\n  - name: a\n    image: org/a:1\n  -   image: \"org/b:1\" # b\n      name: b\n  \
                - {name: c, image: org/c:1}\n";
    for (index, old, new) in [
        ("0", "org/a:1", "org/a:2"),
        ("1", "org/b:1", "org/b:2"),
        ("2", "org/c:1", "org/c:2"),
    ] {
        let edited = set(text, &["spec", "containers", index, "image"], new);
        assert_eq!(edited, text.replace(old, new));
    }
}

#[test]
fn helm_release_tag_stays_a_string() {
    let text = "kind: HelmRelease\nspec:\n  values:\n    image:\n      repository: org/app\n      tag: 1.9 # {\"$imagepolicy\": \"ns:app:tag\"}\n";
    let edited = set(text, &["spec", "values", "image", "tag"], "1.10");
    assert_eq!(edited, text.replace("1.9", "\"1.10\""));
}

#[test]
fn text_without_edits_is_unchanged() {
    let text = "a: [\n---\nb: 1\r\n\t\n...";
    assert_eq!(edit(text, &[]).as_deref(), Ok(text));
    assert_eq!(edit_object(text, 1, Vec::new()).as_deref(), Ok(text));
}

#[test]
fn thousands_of_objects_are_edited_together() {
    let item = "- kind: Deployment\n  metadata:\n    name: web\n  spec:\n    image: org/app:1\n";
    let text = format!("kind: List\nitems:\n{}", item.repeat(3000));
    let edits: Vec<ObjectEdit> = (0..3000)
        .map(|index| ObjectEdit {
            index,
            places: vec![
                annotation("a", Some("b")),
                place(&["spec", "image"], Some("org/app:2")),
            ],
        })
        .collect();
    let started = std::time::Instant::now();
    let edited = edit(&text, &edits).expect("edited");
    assert_eq!(edited.matches("org/app:2").count(), 3000);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
