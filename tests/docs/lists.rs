//! The lists in the documents are complete.

use std::collections::BTreeSet;

use kubectl_imgpolicy::cluster::EventReason;
use kubectl_imgpolicy::evaluator::{Outcome, Reason};
use kubectl_imgpolicy::install::{RIGHTS, Right};
use kubectl_imgpolicy::output::{Column, WriteResult};
use kubectl_imgpolicy::plan::{HoldReason, MarkerReason, MarkerWarningCode};
use kubectl_imgpolicy::policy::{Order, Rejection, State, WarningCode};
use regex::Regex;
use serde_json::Value;

use super::commands::commands;
use super::{assert_named, documents, printed, read, shell};

/// Flags of other programs, and the one that clap adds.
const OTHER_FLAGS: [&str; 15] = [
    "--annotation",
    "--creation-time",
    "--reproducible",
    "--help",
    "--release",
    "--path",
    "--local",
    "--workload",
    "--update-image",
    "--update-all-images",
    "--force",
    "--from-file",
    "--repo",
    "--signer-workflow",
    "--check",
];

#[test]
fn every_state_outcome_and_order_is_documented() {
    let document = "docs/policies.md";
    assert_named(document, State::ALL.iter().map(|word| word.as_str()));
    assert_named(document, Outcome::ALL.iter().map(|word| word.as_str()));
    assert_named(document, Order::ALL.iter().map(|word| word.as_str()));
}

/// The first cells of the table under a heading.
fn first_cells(document: &str, heading: &str) -> Vec<String> {
    let text = read(document);
    let start = text.find(&format!("\n{heading}\n")).expect(heading);
    let section = &text[start + heading.len()..];
    let end = section.find("\n## ").unwrap_or(section.len());
    let cell = Regex::new(r"(?m)^\| `([^`]+)` \|").expect("a pattern");
    cell.captures_iter(&section[..end])
        .map(|found| found[1].to_owned())
        .collect()
}

#[test]
fn each_reason_rejection_and_warning_has_a_table_row() {
    let words = |all: Vec<&str>| -> Vec<String> { all.into_iter().map(str::to_owned).collect() };
    for (heading, all) in [
        (
            "## Outcomes",
            words(Outcome::ALL.iter().map(|w| w.as_str()).collect()),
        ),
        (
            "## Reasons",
            words(Reason::ALL.iter().map(|w| w.as_str()).collect()),
        ),
        (
            "## Rejections",
            words(Rejection::ALL.iter().map(|w| w.as_str()).collect()),
        ),
        (
            "## Warnings",
            words(WarningCode::ALL.iter().map(|w| w.as_str()).collect()),
        ),
    ] {
        assert_eq!(first_cells("docs/policies.md", heading), all, "{heading}");
    }
}

#[test]
fn each_reason_and_warning_of_a_marker_has_a_table_row() {
    let heading = "## Markers of Flux image automation";
    let reasons = MarkerReason::ALL.iter().map(|word| word.as_str());
    let warnings = MarkerWarningCode::ALL.iter().map(|word| word.as_str());
    let cells = first_cells("docs/policies.md", heading);
    let expected: Vec<&str> = reasons.chain(warnings).collect();
    // The table of differences has cells that are no words of a list.
    assert_eq!(cells[..expected.len()], expected);
    let text = read("docs/policies.md");
    for reason in MarkerReason::ALL {
        let line = format!("| `{reason}` | `{}` |", reason.outcome());
        assert!(text.contains(&line), "{line}");
    }
}

#[test]
fn hold_reasons_and_results_are_documented() {
    let document = "docs/output.md";
    let line = |hold: &HoldReason| match hold.lifted_by() {
        Some(flag) => (format!("| `{hold}` |"), format!("| `{flag}` |")),
        None => (format!("| `{hold}` |"), "| |".to_owned()),
    };
    let text = read(document);
    for (start, end) in HoldReason::ALL.iter().map(line) {
        assert!(
            text.lines()
                .any(|line| line.starts_with(&start) && line.ends_with(&end)),
            "{start} … {end}"
        );
    }
    assert_named(document, WriteResult::ALL.iter().map(|word| word.as_str()));
}

#[test]
fn reasons_are_listed_with_their_outcome() {
    let text = read("docs/policies.md");
    for reason in Reason::ALL {
        let line = format!("| `{reason}` | `{}` |", reason.outcome());
        assert!(text.contains(&line), "{line}");
    }
}

#[test]
fn each_event_has_a_table_row() {
    let reasons: Vec<&str> = EventReason::ALL.iter().map(|word| word.as_str()).collect();
    assert_eq!(first_cells("docs/controller.md", "## Events"), reasons);
}

#[test]
fn rights_of_the_controller_are_listed() {
    let text = read("docs/controller.md");
    let table = text.split("\n## Rights\n").nth(1).expect("a section");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let rows: Vec<&str> = rows.collect();
    let expected: Vec<String> = RIGHTS.iter().map(Right::row).collect();
    assert_eq!(rows, expected, "\n{}\n", expected.join("\n"));
}

#[test]
fn troubleshooting_covers_each_reason_for_an_unknown_outcome() {
    let text = read("docs/troubleshooting.md");
    let heading = Regex::new(r"(?m)^### `([a-z-]+)`$").expect("a pattern");
    let entries: BTreeSet<&str> = heading
        .captures_iter(&text)
        .filter_map(|found| found.get(1))
        .map(|word| word.as_str())
        .collect();
    let undecided = Reason::ALL
        .iter()
        .filter(|reason| reason.outcome() == Outcome::Unknown);
    let undecided: BTreeSet<&str> = undecided.map(|reason| reason.as_str()).collect();
    assert_eq!(entries, undecided);
}

#[test]
fn columns_and_exit_codes_are_documented() {
    let document = "docs/output.md";
    assert_named(document, Column::ALL.iter().map(|column| column.as_str()));
    assert_eq!(
        first_cells(document, "## Exit codes"),
        ["0", "1", "2", "10", "11", "130"]
    );
}

/// The names of all fields at every depth.
fn fields(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                found.insert(name.clone());
                // Its keys are those of annotations.
                if name != "annotations" {
                    fields(value, found);
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| fields(value, found)),
        _ => {}
    }
}

#[test]
fn every_json_field_is_documented() {
    let files = "-f docs/quickstart/manifests --oci-layout docs/quickstart/images -o json";
    let manual = "printf 'apiVersion: apps/v1\\nkind: Deployment\\nmetadata: {name: w}\\nspec: \
                  {template: {spec: {containers: [{name: c, image: \"org/my-app:1.0.0\"}]}}}\\n' | \
                  \"$IMGPOLICY\"";
    let home = tempfile::tempdir().expect("a folder");
    let assumed = shell(
        &format!("{manual} status -f - --assume auto --oci-layout docs/quickstart/images -o json"),
        home.path(),
    );
    let marked = shell(
        "printf 'a: 1 # {\"$imagepolicy\": \"ns:p:tag\"}\\n' | \"$IMGPOLICY\" update -f - \
         --elected recorded --dry-run -o json",
        home.path(),
    );
    let texts = [
        printed(&format!("status {files}")),
        printed(&format!("explain deployment/timestamp {files}")),
        printed(&format!(
            "explain deployment/timestamp --min-age 20000d {files}"
        )),
        printed(&format!("images {files}")),
        printed(&format!("update {files} --dry-run")),
        printed(&format!("images deployment/timestamp {files}")),
        printed("status -f nowhere -o json"),
        printed("cache info -o json"),
        printed("cache info --cache memcached://127.0.0.1:1 -o json"),
        printed(
            "test org/my-app:1.0.0 --policy 'semver:~1.0' --oci-layout docs/quickstart/images -o json",
        ),
        String::from_utf8(assumed.stdout).expect("text"),
        String::from_utf8(marked.stdout).expect("text"),
    ];
    let mut found = BTreeSet::new();
    for text in &texts {
        fields(&serde_json::from_str(text).expect(text), &mut found);
    }
    for expected in [
        "lockedBehind",
        "heldBack",
        "markers",
        "suggestion",
        "ripeAt",
        "funnel",
        "pods",
        "scope",
    ] {
        assert!(found.contains(expected), "{expected} was not printed");
    }
    assert_named("docs/output.md", found.iter().map(String::as_str));
}

#[test]
fn no_document_names_a_flag_that_does_not_exist() {
    let flag = Regex::new(r"(?:^|[^-\w])(--[a-z][a-z-]+)").expect("a pattern");
    let of_commands = commands();
    let of_commands = of_commands
        .iter()
        .flat_map(|(_, command)| command.get_arguments())
        .filter(|flag| flag.is_global_set() || !flag.is_hide_set())
        .filter_map(clap::Arg::get_long)
        .map(|long| format!("--{long}"));
    let known: BTreeSet<String> = of_commands.chain(OTHER_FLAGS.map(str::to_owned)).collect();
    assert!(known.contains("--oci-layout") && known.contains("--kubeconfig"));
    for document in documents() {
        for found in flag.captures_iter(&read(&document)) {
            assert!(known.contains(&found[1]), "{document} names {}", &found[1]);
        }
    }
}

#[test]
fn every_dependency_is_documented() {
    let manifest = read("Cargo.toml");
    let section = manifest.split("[dependencies]").nth(1).expect("a section");
    let section = section.split("\n[").next().expect("a section");
    let names: Vec<&str> = section
        .lines()
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name))
        .collect();
    assert!(names.len() > 20);
    assert_named("docs/design.md", names);
}
