//! `status -o …`, headings and sort order.

use serde_json::Value;

use super::quickstart::quickstart;

/// The first word of each line.
fn first_column(table: &str) -> Vec<&str> {
    table
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

/// The list without the times of the run.
fn timeless(mut list: Value) -> Value {
    list["observedAt"].take();
    for item in list["items"].as_array_mut().expect("items") {
        item["facts"]["askedAt"].take();
    }
    list
}

#[test]
fn yaml_and_json_hold_the_same_data() {
    let yaml = quickstart(&["-o", "yaml"]).expect(0);
    assert!(
        yaml.stdout
            .starts_with("apiVersion: imgpolicy.dev/v1alpha1\n")
    );
    let yaml: Value = serde_saphyr::from_str(&yaml.stdout).expect("YAML");
    let json = quickstart(&["-o", "json"]).expect(0).json();
    assert_eq!(timeless(yaml), timeless(json));
}

#[test]
fn name_output_has_one_line_per_workload() {
    let outcome = quickstart(&["-o", "name"]).expect(0);
    assert_eq!(
        outcome.stdout,
        "deployment.apps/glob-regex\ndeployment.apps/locked\ndeployment.apps/my-app\n\
         deployment.apps/semver\ndeployment.apps/timestamp\n"
    );
}

#[test]
fn wide_table_shows_the_repository_and_the_policy_origin() {
    let outcome = quickstart(&["-o", "wide"]).expect(0);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let headings: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(
        headings,
        [
            "WORKLOAD",
            "CONTAINER",
            "STATE",
            "POLICY",
            "CURRENT",
            "UPDATE",
            "WHY",
            "IMAGE",
            "CREATED",
            "MANAGED-BY",
            "ORIGIN",
            "WARNINGS"
        ]
    );
    let entry = lines
        .iter()
        .find(|l| l.starts_with("deployment/my-app"))
        .expect("row");
    assert!(entry.contains("my-registry.com/my-app "), "{entry}");
    assert!(
        entry.contains(
            "imagePolicies entry my-app-image of Kustomization default/my-app-deployment"
        ),
        "{entry}"
    );
}

#[test]
fn headings_can_be_omitted() {
    let with = quickstart(&[]).expect(0).stdout;
    let without = quickstart(&["--no-headers"]).expect(0).stdout;
    let rows = with.split_once('\n').expect("lines").1;
    // Columns may be narrower without headings.
    let words = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(words(&without), words(rows));
}

#[test]
fn table_is_sorted_by_a_column_named_in_any_case() {
    for word in ["CURRENT", "current"] {
        let outcome = quickstart(&["--no-headers", "--sort-by", word]).expect(0);
        assert_eq!(
            first_column(&outcome.stdout),
            [
                "deployment/locked",
                "deployment/semver",
                "deployment/timestamp",
                "deployment/glob-regex",
                "deployment/glob-regex",
                "deployment/my-app"
            ],
            "{word}"
        );
    }
}

#[test]
fn piped_output_is_never_shortened() {
    for columns in ["20", "60", "200"] {
        let environment = crate::support::program::TestEnvironment::new();
        let args = [
            "status",
            "-f",
            "docs/quickstart/manifests",
            "--oci-layout",
            "docs/quickstart/images",
        ];
        let narrow = environment
            .program(args)
            .dir(&super::root())
            .env("COLUMNS", columns);
        let outcome = narrow.run().expect(0);
        assert_eq!(outcome.stdout, quickstart(&[]).stdout, "{columns}");
        assert!(!outcome.stdout.contains('…'));
    }
}
