//! Edits that must be made by hand.

use insta::assert_snapshot;
use kubectl_imgpolicy::manifest::{ObjectEdit, edit};

use super::{annotation, edit_object, place, refused, set};

const B: &[&str] = &["metadata", "annotations", "b"];

#[test]
fn aliases_and_shared_anchors_are_refused() {
    let list = [
        "x: &all {b: y}\nmetadata:\n  annotations: *all\n",
        "x: &it y\nmetadata:\n  annotations:\n    b: *it\n",
        "metadata:\n  annotations: &all\n    b: y\nx: *all\n",
        "metadata: &all\n  annotations:\n    b: y\nx:\n  <<: *all\n",
        "metadata:\n  annotations:\n    b: &it y\n    c: *it\n",
        "x: &all {b: y}\nmetadata:\n  annotations:\n    <<: *all\n    c: z\n",
        "x: &all {annotations: {b: y}}\nmetadata:\n  name: web\n  <<: [*all]\n",
    ];
    let errors: Vec<String> = list
        .iter()
        .map(|text| refused(text, B, Some("new")))
        .collect();
    assert_snapshot!(errors.join("\n"), @"
    3: metadata.annotations is a YAML alias; replace it by its value, or change the value at its anchor
    4: metadata.annotations.b is a YAML alias; replace it by its value, or change the value at its anchor
    2: metadata.annotations has a YAML anchor that is used elsewhere, so a change would also apply there; change it by hand
    1: metadata has a YAML anchor that is used elsewhere, so a change would also apply there; change it by hand
    3: metadata.annotations.b has a YAML anchor that is used elsewhere, so a change would also apply there; change it by hand
    4: metadata.annotations.b comes from a YAML merge key (<<); add it to the mapping itself by hand
    3: metadata.annotations comes from a YAML merge key (<<); add it to the mapping itself by hand
    ");
    for text in list {
        assert_eq!(refused(text, B, None), refused(text, B, Some("new")));
    }
    assert_snapshot!(refused("metadata:\n  annotations:\n    a: &it y\nx: *it\n", &["metadata", "annotations"], None), @"3: metadata.annotations has a YAML anchor that is used elsewhere, so a change would also apply there; change it by hand");
}

#[test]
fn unused_anchor_does_not_block_an_edit() {
    let text = "metadata: &m\n  annotations: &all\n    b: &it y # c\nx: &z\n  <<: {a: b}\ny: *z\n";
    let expected = text.replace("&it y", "&it new");
    assert_eq!(set(text, B, "new"), expected);
    let merged = "x: &all {c: d}\nmetadata:\n  annotations:\n    <<: *all\n    b: y\n";
    assert_eq!(set(merged, B, "new"), merged.replace("b: y", "b: new"));
    let merged_above = "x: &all {c: d}\nmetadata:\n  <<: *all\n";
    assert_eq!(
        set(merged_above, B, "new"),
        format!("{merged_above}  annotations:\n    b: new\n")
    );
}

#[test]
fn unusual_forms_are_refused() {
    let list = [
        "metadata:\n  annotations:\n    b: !!str y\n",
        "metadata:\n  annotations:\n    b: &own\n",
        "metadata:\n  annotations: !!map\n",
        "metadata:\n  ? annotations\n",
        "metadata:\n  annotations: { # c\n  }\n",
        "metadata:\n  annotations: text\n",
        "metadata:\n  annotations: [b]\n",
        "metadata:\n  annotations:\n    b: [x]\n",
        "metadata:\n  annotations:\n    b: {x: y}\n",
        "metadata: 1\n",
    ];
    let errors: Vec<String> = list
        .iter()
        .map(|text| refused(text, B, Some("new")))
        .collect();
    assert_snapshot!(errors.join("\n"), @"
    3: metadata.annotations.b has a YAML tag; remove the tag or change the value by hand
    3: metadata.annotations.b is written in a form that cannot be edited; write it as `key: value` on a line of its own, or change it by hand
    2: unsupported tag `!!map`
    2: metadata.annotations is written in a form that cannot be edited; write it as `key: value` on a line of its own, or change it by hand
    2: metadata.annotations is written in a form that cannot be edited; write it as `key: value` on a line of its own, or change it by hand
    2: metadata.annotations is a single value, but must be a mapping; change it by hand
    2: metadata.annotations is a list, but must be a mapping; change it by hand
    3: metadata.annotations.b is a list, but must be a single value; change it by hand
    3: metadata.annotations.b is a mapping, but must be a single value; change it by hand
    1: metadata is a single value, but must be a mapping; change it by hand
    ");
    let removals = [
        "metadata:\n  annotations:\n    ? b\n    : y\n    c: z\n",
        "metadata:\n  annotations:\n    &k b: y\n    c: z\n",
        "metadata: {annotations: {c: z, &k b: y}}\n",
    ];
    let errors: Vec<String> = removals.iter().map(|text| refused(text, B, None)).collect();
    assert_snapshot!(errors.join("\n"), @"
    3: metadata.annotations.b is written in a form that cannot be edited; write it as `key: value` on a line of its own, or change it by hand
    3: metadata.annotations.b is written in a form that cannot be edited; write it as `key: value` on a line of its own, or change it by hand
    1: metadata.annotations.b is written in a form that cannot be edited; write it as `key: value` on a line of its own, or change it by hand
    ");
}

#[test]
fn impossible_edit_is_refused() {
    assert_snapshot!(refused("spec:\n  containers:\n  - image: a\n", &["spec", "containers", "1", "image"], Some("b")), @"3: spec.containers.1 is not an item of its list");
    assert_snapshot!(refused("spec:\n  args: [a]\n", &["spec", "args", "0"], Some("b")), @"2: spec.args.0 is written in a form that cannot be edited; write it as `key: value` on a line of its own, or change it by hand");
    let twice = vec![annotation("b", Some("y")), annotation("b", None)];
    assert_snapshot!(edit_object("a: b\n", 0, twice).expect_err("refused"), @"two edits change metadata.annotations.b in different ways");
    let inside = vec![
        annotation("b", Some("y")),
        place(&["metadata", "annotations"], None),
    ];
    assert_snapshot!(edit_object("a: b\n", 0, inside).expect_err("refused"), @"two edits change metadata.annotations in different ways");
    assert_snapshot!(edit_object("a: b\n", 1, Vec::new()).expect_err("refused"), @"the manifest has no object number 1");
    let error =
        edit_object("a: b\n---\n\na: [\n", 1, vec![annotation("b", None)]).expect_err("refused");
    assert_snapshot!(format!("{}: {error}", error.line), @"4: unclosed bracket '['");
}

#[test]
fn edit_that_would_change_a_neighbour_is_refused() {
    // The comment would become a line of the block scalar above it.
    let text = "metadata:\n  annotations:\n    a: |\n      x\n    b: y\n      # deep\n    c: z\n";
    assert_snapshot!(refused(text, B, None), @"1: editing metadata.annotations.b would change more than that place, so nothing was changed; change it by hand");
    // A document with carriage returns as its only line breaks.
    let text = "metadata:\r  annotations:\r    b: y\r";
    assert_eq!(set(text, B, "new"), text.replace('y', "new"));
}

#[test]
fn refused_edit_leaves_the_text_unchanged() {
    let text = "a: b\n---\nx: &x y\nz: *x\n";
    let edits = [
        ObjectEdit {
            index: 0,
            places: vec![place(&["a"], Some("c"))],
        },
        ObjectEdit {
            index: 1,
            places: vec![place(&["z"], Some("c"))],
        },
    ];
    assert_eq!(edit(text, &edits).expect_err("refused").line, 4);
    assert_eq!(
        edit(text, &edits[..1]).expect("edited"),
        text.replace("a: b", "a: c")
    );
}
