//! Helm releases in manifests: which scalar in the values is read and written.

use std::fs;

use super::root;
use crate::support::content::Image;
use crate::support::program::{Outcome, TestEnvironment};
use crate::support::registry::TestRegistry;

/// A release with these annotations and values (YAML lines).
pub(super) fn release(annotations: &[&str], values: &[&str]) -> String {
    let mut text = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  \
                    name: web\n  annotations:\n    fluxcd.io/automated: \"true\"\n"
        .to_owned();
    for line in annotations {
        text.push_str(&format!("    {line}\n"));
    }
    text.push_str("spec:\n  values:\n");
    for line in values {
        text.push_str(&format!("    {line}\n"));
    }
    text
}

pub(super) fn run(environment: &TestEnvironment, words: &str) -> Outcome {
    let layout = root().join("docs/quickstart/images").display().to_string();
    let words = words.split(' ').chain(["-f", "web.yaml"]);
    environment.run(words.chain(["--oci-layout", &layout]))
}

pub(super) fn manifest(environment: &TestEnvironment) -> String {
    fs::read_to_string(environment.home().join("web.yaml")).expect("a file")
}

pub(super) const POLICY: &str = "fluxcd.io/tag.chart-image: semver:~1.0";

#[test]
fn tag_next_to_the_image_is_written_in_place() {
    for key in ["tag", "imageTag", "image_tag"] {
        let environment = TestEnvironment::new();
        let before = format!("{key}: 1.0.0 # ours");
        let values = ["image: docker.io/org/my-app", &before];
        environment.write("web.yaml", release(&[POLICY], &values));
        let item = run(&environment, "status -o json").expect(0).item();
        assert_eq!(item["image"], "docker.io/org/my-app:1.0.0", "{key}");
        assert_eq!(item["latest"], "docker.io/org/my-app:1.0.1", "{key}");
        run(&environment, "update --yes").expect(0);
        let after = manifest(&environment);
        let lines = format!("    image: docker.io/org/my-app\n    {key}: 1.0.1 # ours\n");
        assert!(after.ends_with(&lines), "{after}");
        run(&environment, "rollback --all --yes").expect(0);
        assert!(manifest(&environment).ends_with(&format!("    {before}\n")));
    }
}

#[test]
fn image_whose_tag_is_in_no_known_place_is_held_back() {
    let update = "update --yes";
    let by_hand = "update --image docker.io/org/my-app:1.0.1 --yes";
    let repository = "repository.fluxcd.io/chart-image: image";
    let written = "    image: docker.io/org/my-app:1.0.1\n";
    for (annotation, values, words, expected) in [
        (POLICY, &["image: docker.io/org/my-app"][..], update, None),
        (
            POLICY,
            &["image: docker.io/org/my-app"],
            by_hand,
            Some(written),
        ),
        (
            repository,
            &["image: docker.io/org/my-app"],
            update,
            Some(written),
        ),
        (
            POLICY,
            &["version: v1", "image: docker.io/org/my-app"],
            update,
            None,
        ),
        (
            POLICY,
            &["version: v1", "image: docker.io/org/my-app"],
            by_hand,
            None,
        ),
        (
            repository,
            &["version: v1", "image: docker.io/org/my-app"],
            update,
            None,
        ),
    ] {
        let environment = TestEnvironment::new();
        let policy = (annotation != POLICY).then_some(POLICY);
        let annotations: Vec<&str> = policy.into_iter().chain([annotation]).collect();
        let before = release(&annotations, values);
        environment.write("web.yaml", &before);
        // A tag that the chart chooses is kept; a version in another key is in the way.
        let is_kept = values.len() == 1;
        let code = i32::from(expected.is_none() && !is_kept);
        let outcome = run(&environment, words).expect(code);
        let after = manifest(&environment);
        match expected {
            Some(expected) => assert!(after.ends_with(expected), "{after}"),
            None if code == 0 => {
                assert_eq!(after, before);
                let held = "held back: helmrelease/web chart-image";
                assert!(outcome.stderr.contains(held), "{outcome:?}");
                assert!(outcome.stderr.contains("use --image"), "{outcome:?}");
            }
            None => {
                assert_eq!(after, before);
                let held = "held back: helmrelease/web chart-image";
                assert!(outcome.stderr.contains(held), "{outcome:?}");
                assert!(outcome.stderr.contains(" in the values "), "{outcome:?}");
            }
        }
    }
}

#[test]
fn incomplete_mapping_causes_a_warning() {
    for (annotations, expected) in [
        (
            &["tag.fluxcd.io/side: a.tag"][..],
            "tag.fluxcd.io/side has no effect without repository.fluxcd.io/side",
        ),
        (
            &["registry.fluxcd.io/side: a.tag"],
            "registry.fluxcd.io/side has no effect without repository.fluxcd.io/side",
        ),
        (
            &["repository.fluxcd.io/side: a.b"],
            "repository.fluxcd.io/side is \"a.b\", but spec.values has no image there",
        ),
        (
            &[
                "repository.fluxcd.io/side: image",
                "tag.fluxcd.io/side: db.password",
            ],
            "tag.fluxcd.io/side is \"db.password\", which may be a secret; it is neither read nor \
             written",
        ),
    ] {
        let environment = TestEnvironment::new();
        let values = ["image: docker.io/org/my-app:1.0.0"];
        let annotations: Vec<&str> = annotations.iter().copied().chain([POLICY]).collect();
        environment.write("web.yaml", release(&annotations, &values));
        let item = run(&environment, "status -o json").expect(0).item();
        let warning = &item["warnings"][0];
        assert_eq!(warning["code"], "half-mapping");
        assert_eq!(warning["message"], expected);
    }
}

/// Unquoted tags, and the text that Helm reads from them.
const NUMBERS: [(&str, &str); 10] = [
    ("0787849", "787849"),
    ("1e3", "1000"),
    ("1.0", "1"),
    ("1.20", "1.2"),
    ("0362525", "124245"),
    ("0x1e", "30"),
    ("1_000", "1000"),
    ("0o17", "15"),
    ("5", "5"),
    ("off", "false"),
];

/// The tag that a numerical policy elects. Unquoted, it would also be a number.
const NEW: &str = "20990101";

/// A registry with every tag that Helm reads from these, and a newer one.
fn registry() -> TestRegistry {
    let registry = TestRegistry::start();
    for tag in NUMBERS.iter().map(|(_, tag)| *tag).chain([NEW, "12e5678"]) {
        registry.push(
            "org/app",
            tag,
            Image::built("2024-01-01T00:00:00Z").label(tag),
        );
    }
    registry
}

#[test]
fn unquoted_tag_is_shown_as_helm_reads_it_and_rolled_back_as_written() {
    let registry = registry();
    let image = registry.image("org/app");
    let policy = "fluxcd.io/tag.app: numerical";
    let block = release(
        &[policy],
        &[
            "app:",
            "  image:",
            &format!("    repository: {image}"),
            "    tag: TAG # ours",
        ],
    );
    let flow = release(
        &[policy],
        &[&format!(
            "app: {{image: {{repository: {image}, tag: TAG}}}}"
        )],
    );
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {}",
        block.trim_end().replace('\n', "\n  ")
    );
    for form in [&block, &flow, &list] {
        for (written, shown) in NUMBERS {
            let environment = TestEnvironment::new();
            let before = form.replace("TAG", written);
            environment.write("web.yaml", &before);
            let words = |words: &str| {
                let words: Vec<&str> = words.split(' ').chain(["-f", "web.yaml"]).collect();
                environment.run(words)
            };
            let item = words("status -o json").expect(0).item();
            assert_eq!(item["image"], format!("{image}:{shown}"), "{written}");
            let warning = &item["warnings"][0];
            assert_eq!(warning["code"], "numeric-tag", "{written}");
            let message = warning["message"].as_str().expect("a message");
            assert!(
                message.contains(&format!("the tag {written} is")),
                "{message}"
            );
            if written != shown {
                assert!(
                    message.contains(&format!("Helm reads it as {shown}")),
                    "{message}"
                );
            }
            words("update --yes").expect(0);
            let after = manifest(&environment);
            assert!(after.contains(&format!("tag: \"{NEW}\"")), "{after}");
            let own = format!(r#""from":"{image}:{written}""#);
            assert!(after.contains(&own), "{after}");
            words("rollback --all --yes").expect(0);
            let back = manifest(&environment);
            let line = |text: &str| {
                let mut lines = text.lines().filter(|line| line.contains("tag: "));
                lines.next_back().map(str::to_owned)
            };
            assert_eq!(line(&back), line(&before));
            let item = words("status -o json").expect(0).item();
            assert_eq!(item["image"], format!("{image}:{shown}"), "{written}");
        }
    }
}

#[test]
fn tag_that_go_reads_as_text_is_text() {
    let registry = registry();
    let image = registry.image("org/app");
    for written in [
        "12e5678",
        "\"0787849\"",
        "'1.20'",
        "1:30",
        "2024-01-01",
        "!!str 1.20",
    ] {
        let environment = TestEnvironment::new();
        let values = [
            "app:".to_owned(),
            "  image:".to_owned(),
            format!("    repository: {image}"),
            format!("    tag: {written}"),
        ];
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        environment.write("web.yaml", release(&[], &values));
        let item = environment.run(["status", "-f", "web.yaml", "-o", "json"]);
        let item = item.expect(0).item();
        let shown = written
            .trim_start_matches("!!str ")
            .trim_matches(['"', '\'']);
        assert_eq!(item["image"], format!("{image}:{shown}"));
        let warnings = item["warnings"].as_array().expect("a list");
        assert!(
            warnings.iter().all(|w| w["code"] != "numeric-tag"),
            "{written}"
        );
    }
}

#[test]
fn json_number_is_rolled_back_as_a_number() {
    let registry = registry();
    let image = registry.image("org/app");
    let text = |tag: &str| {
        format!(
            r#"{{"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
  "metadata": {{"name": "web", "annotations":
    {{"fluxcd.io/automated": "true", "fluxcd.io/tag.app": "numerical"}}}},
  "spec": {{"values": {{"app": {{"image": {{"repository": "{image}", "tag": {tag}}}}}}}}}}}
"#
        )
    };
    let environment = TestEnvironment::new();
    environment.write("web.yaml", text("1.20"));
    let run = |words: &[&str]| environment.run(words.iter().chain(&["-f", "web.yaml"]));
    let item = run(&["status", "-o", "json"]).expect(0).item();
    assert_eq!(item["image"], format!("{image}:1.2"));
    run(&["update", "--yes"]).expect(0);
    assert!(manifest(&environment).contains(r#""tag": "20990101""#));
    run(&["rollback", "--all", "--yes"]).expect(0);
    assert!(manifest(&environment).contains(r#""tag": 1.20}"#));
}

#[test]
fn number_behind_an_alias_or_a_merge_key_is_read() {
    let registry = registry();
    let image = registry.image("org/app");
    let image = format!("image: {{<<: *all, repository: {image}}}");
    for values in [
        ["x: {y: &all {tag: 0787849}}", "app:", &format!("  {image}")],
        [
            "x: {tag: &t 0787849, y: &all {a: b}}",
            "app:",
            &format!("  {}", image.replace("*all", "[*all, {tag: *t}]")),
        ],
    ] {
        let environment = TestEnvironment::new();
        environment.write("web.yaml", release(&[], &values));
        let outcome = environment.run(["status", "-f", "web.yaml", "-o", "json"]);
        let item = outcome.expect(0).item();
        let image = item["image"].as_str().expect("an image");
        assert!(image.ends_with("/org/app:787849"), "{values:?}: {image}");
        let warnings = item["warnings"].as_array().expect("warnings").iter();
        let mut warnings = warnings.filter(|warning| warning["code"] == "numeric-tag");
        let message = &warnings.next().expect("a warning")["message"];
        assert!(message.to_string().contains("0787849"), "{message}");
    }
}
