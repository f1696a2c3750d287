//! Which markers count, and how their values are written.

use kubectl_imgpolicy::manifest::{MarkerEdit, edit_markers, marked_values};
use kubectl_imgpolicy::workload::{MarkedValue, MarkerObstacle, MarkerPart, MarkerTarget};

/// The marker of policy `p` in comments; `§` in the texts below.
const MARKER: &str = r##"# {"$imagepolicy": "ns:p"}"##;

fn values(text: &str) -> Vec<MarkedValue> {
    marked_values("a.yaml", text, "default")
}

/// The text with every live marker of policy `p` written.
fn written(text: &str, new: impl Fn(MarkerPart) -> String) -> String {
    let edits = values(text).into_iter().filter_map(|value| {
        let target: MarkerTarget = value.marker.ok().filter(|_| value.obstacle.is_none())?;
        Some(MarkerEdit {
            line: value.source.line,
            new: new(target.part),
            target,
            old: value.value,
        })
    });
    let edits: Vec<MarkerEdit> = edits.collect();
    let (edited, errors) = edit_markers(text, &edits);
    assert!(errors.iter().all(Option::is_none), "{errors:?} {text}");
    edited
}

/// The text with `org/app:2` written to every value that is marked.
fn updated(text: &str) -> String {
    written(&text.replace('§', MARKER), |part| match part {
        MarkerPart::Image => "org/app:2".to_owned(),
        MarkerPart::Name => "org/app".to_owned(),
        MarkerPart::Tag => "2".to_owned(),
        MarkerPart::Digest => String::new(),
    })
}

fn assert_updated(why: &str, text: &str, expected: &str) {
    assert_eq!(updated(text), expected.replace('§', MARKER), "{why}");
}

#[test]
fn marker_counts_behind_a_value() {
    for (why, text, expected) in [
        ("a value", "a: x:1 §\n", "a: org/app:2 §\n"),
        ("an item", "a:\n- x:1 §\n", "a:\n- org/app:2 §\n"),
        ("quotes", "a: 'x:1'   §\n", "a: 'org/app:2'   §\n"),
        ("the next line", "a:\n  x:1 §\n", "a:\n  org/app:2 §\n"),
        ("several lines", "a: x\n  y §\n", "a: org/app:2 §\n"),
        (
            "a document after another",
            "a: 1\n---\nb: x:1 §\n",
            "a: 1\n---\nb: org/app:2 §\n",
        ),
        ("the last line", "a: x:1 §", "a: org/app:2 §"),
        (
            "flow, before the comma",
            "a: {b: x:1 §\n  , c: d}\n",
            "a: {b: org/app:2 §\n  , c: d}\n",
        ),
        (
            "flow, behind it",
            "a: {b: x:1 , §\n  c: d}\n",
            "a: {b: org/app:2 , §\n  c: d}\n",
        ),
        (
            "a flow list",
            "a: [\n  x:1, §\n  y ]\n",
            "a: [\n  org/app:2, §\n  y ]\n",
        ),
        (
            "an anchor",
            "a: &i x:1 §\nb: *i\n",
            "a: &i org/app:2 §\nb: *i\n",
        ),
        (
            "below an anchor",
            "a: &i §\n  x:1\n",
            "a: &i §\n  org/app:2\n",
        ),
        (
            "below a tag",
            "a:\n- !!str §\n  x:1\n",
            "a:\n- !!str §\n  org/app:2\n",
        ),
        ("null", "a: ~ §\n", "a: org/app:2 §\n"),
        (
            "characters of several bytes",
            "é: {ü: 東京, b: x:1 §\n}\n",
            "é: {ü: 東京, b: org/app:2 §\n}\n",
        ),
        (
            "a list of objects",
            "kind: List\nitems:\n- a: x:1 §\n",
            "kind: List\nitems:\n- a: org/app:2 §\n",
        ),
    ] {
        assert_updated(why, text, expected);
    }
}

#[test]
fn marker_counts_above_a_single_value_in_a_list() {
    for (why, text, expected) in [
        ("the first item", "a:\n§\n- x:1\n", "a:\n§\n- org/app:2\n"),
        (
            "another item",
            "a:\n- y\n§\n- x:1\n",
            "a:\n- y\n§\n- org/app:2\n",
        ),
        (
            "another column",
            "a:\n- y\n    §\n- x:1\n",
            "a:\n- y\n    §\n- org/app:2\n",
        ),
        (
            "an empty line on both sides",
            "a:\n- y\n\n§\n\n- x:1\n",
            "a:\n- y\n\n§\n\n- org/app:2\n",
        ),
        (
            "an empty line below the key's",
            "a:\n§\n\n- x:1\n",
            "a:\n§\n\n- org/app:2\n",
        ),
        (
            "behind the dash",
            "a:\n- §\n  x:1\n",
            "a:\n- §\n  org/app:2\n",
        ),
        (
            "below a comment of the item above",
            "a:\n- y\n# c\n\n§\n- x:1\n",
            "a:\n- y\n# c\n\n§\n- org/app:2\n",
        ),
        (
            "a flow list",
            "a: [\n  §\n  x:1 ]\n",
            "a: [\n  §\n  org/app:2 ]\n",
        ),
        (
            "the value of a key on the next line",
            "a:\n  §\n  x:1\n",
            "a:\n  §\n  org/app:2\n",
        ),
    ] {
        assert_updated(why, text, expected);
    }
}

#[test]
fn other_markers_have_no_effect_and_say_why() {
    for (why, text) in [
        ("behind a key", "a: §\n  x:1\n"),
        ("behind a key", "a: §\n  b: c\n"),
        ("behind a key", "a: §\n"),
        ("at a YAML alias", "b: &i x\na: *i §\n"),
        ("in one line", "a: {b: x:1} §\n"),
        ("in one line", "a: [x:1] §\n"),
        ("directly above a single value in a list", "§\na: x:1\n"),
        ("directly above a single value in a list", "a: x:1\n§\n"),
        (
            "directly above a single value in a list",
            "a:\n§\n- b: x:1\n",
        ),
        (
            "directly above a single value in a list",
            "a:\n- y\n§\n\n- x:1\n",
        ),
        ("several comment lines", "a:\n§\n# c\n- x:1\n"),
        ("comment behind the value counts", "a:\n§\n- x:1 # plain\n"),
        ("inside a text", "a: |\n  b: x:1 §\n"),
        (
            "nothing before",
            "a: x:1 # keep {\"$imagepolicy\": \"ns:p\"}\n",
        ),
        ("not behind a value", "a: x:1\n--- §\nb: c\n"),
    ] {
        let text = text.replace('§', MARKER);
        let values = values(&text);
        let found: Vec<&String> = values
            .iter()
            .filter_map(|v| v.marker.as_ref().err())
            .collect();
        assert_eq!(found.len(), 1, "{text}: {values:?}");
        assert!(found[0].contains(why), "{text}: {found:?}");
        assert_eq!(written(&text, |_| "new".to_owned()), text);
    }
}

#[test]
fn comment_that_only_mentions_a_marker_is_not_reported() {
    for text in [
        "# uses \"$imagepolicy\"\na: b\n",
        "# a: x:1 §\na: b\n",
        "a: # see §\n  b: c\n",
        "a: 'x:1 §'\n",
        "a: x:1§\n",
    ] {
        assert_eq!(values(&text.replace('§', MARKER)), [], "{text}");
    }
}

#[test]
fn only_the_bytes_of_the_value_change() {
    let tag = r##"# {"$imagepolicy": "ns:p:tag"}"##;
    for (why, text, expected) in [
        ("a number is quoted", "a: 1 T\n", "a: \"2\" T\n"),
        (
            "quotes stay",
            "a: '1' T\nb: \"1\" T\n",
            "a: '2' T\nb: \"2\" T\n",
        ),
        ("an escape is replaced", "a: \"\\x31\" T\n", "a: \"2\" T\n"),
        (
            "a tag of a string fits quotes",
            "a: !!str '1' T\n",
            "a: !!str '2' T\n",
        ),
        (
            "and gives way to new ones",
            "a: !!str 1 T\n",
            "a: \"2\" T\n",
        ),
        (
            "a tag of a number does not fit",
            "a: !!int 1 T\n",
            "a: \"2\" T\n",
        ),
        ("an anchor stays", "a: &x !!int 1 T\n", "a: &x \"2\" T\n"),
        (
            "a block scalar",
            "a: |- T\n  1\nb: c\n",
            "a: |- T\n  2\nb: c\n",
        ),
        (
            "folded, over several lines",
            "a: >- T\n  1\n  3\n\nb: c\n",
            "a: >- T\n  2\n\nb: c\n",
        ),
        (
            "the last line break is lost",
            "a: | T\n  1\nb: c\n",
            "a: |- T\n  2\nb: c\n",
        ),
        ("a width", "a: |2- T\n    1\nb: c\n", "a: \"2\" T\nb: c\n"),
        (
            "an item",
            "a:\n- >- T\n  1\n- c\n",
            "a:\n- >- T\n  2\n- c\n",
        ),
        (
            "line breaks of Windows",
            "a: |- T\r\n  1\r\nb: 1 T\r\n",
            "a: |- T\r\n  2\r\nb: \"2\" T\r\n",
        ),
        (
            "a byte order mark",
            "\u{feff}a: 1 T\n",
            "\u{feff}a: \"2\" T\n",
        ),
        (
            "directives",
            "%YAML 1.1\n---\na: 1 T\n...\n",
            "%YAML 1.1\n---\na: \"2\" T\n...\n",
        ),
    ] {
        assert_eq!(
            updated(&text.replace('T', tag)),
            expected.replace('T', tag),
            "{why}"
        );
    }
    let digest = "a: |- # {\"$imagepolicy\": \"ns:p:digest\"}\n  sha256:1\nb: c\n";
    assert_eq!(
        updated(digest),
        "a: \"\" # {\"$imagepolicy\": \"ns:p:digest\"}\nb: c\n"
    );
}

#[test]
fn value_that_has_changed_is_not_written() {
    let text = format!("a: x:1 {MARKER}\nb: x:1 {MARKER}\n");
    let edit = |line: usize, old: &str| MarkerEdit {
        line,
        target: MarkerTarget::parse("ns:p").expect("a marker"),
        old: old.to_owned(),
        new: "x:2".to_owned(),
    };
    let (edited, errors) = edit_markers(&text, &[edit(2, "x:1"), edit(2, "y:1")]);
    assert_eq!(edited, text.replace("b: x:1", "b: x:2"));
    assert_eq!(errors[0], None);
    let error = errors[1].as_deref().expect("an error");
    assert!(error.contains("no longer in its place"), "{error}");
    // Two values have the marker and the old text, so neither is known to be meant.
    let (edited, errors) = edit_markers(&text, &[edit(7, "x:1")]);
    assert_eq!(edited, text);
    assert!(errors[0].is_some());
    let one = text.replace("b: x:1", "b: y:1");
    let (edited, errors) = edit_markers(&one, &[edit(7, "x:1")]);
    assert_eq!(edited, one.replace("a: x:1", "a: x:2"));
    assert_eq!(errors, [None]);
}

#[test]
fn no_marker_of_a_file_counts_if_flux_cannot_read_it() {
    for (why, text) in [
        ("a.yaml:3: ", "a: x:1 §\n---\n: : :\n - x\n"),
        ("must be a mapping", "- x:1 §\n"),
        ("must be a mapping", "a: x:1 §\n---\ntext\n"),
        ("reads as a line break", "# a\u{2028}b\na: x:1 §\n"),
    ] {
        let text = text.replace('§', MARKER);
        for value in values(&text) {
            let Some(MarkerObstacle::UnreadableFile(problem)) = &value.obstacle else {
                panic!("{text}: {value:?}");
            };
            assert!(problem.contains(why), "{problem}");
        }
        assert_eq!(updated(&text), text);
    }
    assert_eq!(values(&"- x:1 §\n".replace('§', MARKER)).len(), 1);
    let json = "{\"a\": \"x\"}\n".to_owned() + &"b: x:1 §\n".replace('§', MARKER);
    assert_eq!(marked_values("a.json", &json, "default"), []);
}

#[test]
fn value_under_a_sops_checksum_is_not_written() {
    let sealed = "a: x:1 §\nsops:\n  mac: ENC[x]\n".replace('§', MARKER);
    assert!(matches!(
        values(&sealed)[0].obstacle,
        Some(MarkerObstacle::NotWritable(_))
    ));
    let open = sealed.replace("mac: ENC[x]", "mac: ENC[x]\n  mac_only_encrypted: true");
    assert_eq!(values(&open)[0].obstacle, None);
    let encrypted = open.replace("a: x:1", "a: ENC[x]");
    assert!(matches!(
        values(&encrypted)[0].obstacle,
        Some(MarkerObstacle::NotWritable(_))
    ));
}

#[test]
fn marker_on_an_image_knows_its_container() {
    let text = "kind: List\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: web}\n  \
                spec:\n    template:\n      spec:\n        containers:\n        - name: app\n          \
                image: x:1 §\n          args:\n          - x:1 §\n"
        .replace('§', MARKER);
    let values = values(&text);
    let names: Vec<Option<String>> = values
        .iter()
        .map(|value| {
            let container = value.container.as_ref()?;
            Some(format!("{} {}", container.workload.id, container.name))
        })
        .collect();
    assert_eq!(names, [Some("deployment/web app".to_owned()), None]);
}
