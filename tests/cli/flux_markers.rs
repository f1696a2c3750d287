//! `update --elected recorded`: the cases that were made by running Flux's own code, as far
//! as their values go. Where Flux also changes other bytes, the file has only the value
//! changed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::program::{Outcome, TestEnvironment};

/// The conformance cases. The texts are those of the files before and after the update.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkerCase {
    name: String,
    why: String,
    /// Why the result is another than Flux's.
    #[serde(default, rename = "differs")]
    _differs: Option<String>,
    files: BTreeMap<String, String>,
    #[serde(default)]
    links: BTreeMap<String, String>,
    automation: Option<CaseAutomation>,
    policies: Vec<CasePolicy>,
    /// The files that change.
    after: BTreeMap<String, String>,
    /// Other results that are also accepted.
    #[serde(default)]
    or: Vec<BTreeMap<String, String>>,
    /// Whether Flux says nothing and this program must.
    #[serde(default)]
    says: bool,
    #[serde(default)]
    allow_downgrade: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseAutomation {
    namespace: String,
    #[serde(rename = "policySelector")]
    policy_selector: Option<Value>,
    path: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CasePolicy {
    namespace: String,
    name: String,
    #[serde(rename = "latestRef")]
    latest: Option<Value>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    suspend: bool,
    ready: Option<bool>,
}

/// The objects that a case refers to, as a stream of JSON documents.
fn objects(case: &MarkerCase) -> String {
    let mut text = String::new();
    for policy in &case.policies {
        let mut object = json!({
            "apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImagePolicy",
            "metadata": {
                "namespace": policy.namespace, "name": policy.name, "labels": policy.labels,
            },
            "spec": {
                "imageRepositoryRef": {"name": policy.name}, "suspend": policy.suspend,
                "policy": {"semver": {"range": "*"}},
            },
            "status": {},
        });
        if let Some(latest) = &policy.latest {
            object["status"]["latestRef"] = latest.clone();
        }
        if let Some(ready) = policy.ready {
            let status = if ready { "True" } else { "False" };
            object["status"]["conditions"] = json!([{"type": "Ready", "status": status}]);
        }
        let _ = writeln!(text, "{object}");
    }
    if let Some(automation) = &case.automation {
        let object = json!({
            "apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImageUpdateAutomation",
            "metadata": {"namespace": automation.namespace, "name": "automation"},
            "spec": {
                "policySelector": automation.policy_selector,
                "update": {"path": automation.path},
            },
        });
        let _ = writeln!(text, "{object}");
    }
    text
}

/// Runs a case and returns the files afterwards.
fn run(case: &MarkerCase) -> (Outcome, BTreeMap<String, String>) {
    let environment = TestEnvironment::new();
    for (name, text) in &case.files {
        environment.write(&format!("tree/{name}"), text);
    }
    #[cfg(unix)]
    for (link, target) in &case.links {
        let link = environment.home().join("tree").join(link);
        std::os::unix::fs::symlink(target, link).expect("a link");
    }
    environment.write("policies.yaml", objects(case));
    let mut words = vec!["update", "-f", "tree", "-R", "-f", "policies.yaml", "--yes"];
    words.extend(["--elected", "recorded"]);
    if case.allow_downgrade {
        words.push("--allow-downgrade");
    }
    let outcome = environment.run(words);
    let after = case.files.keys().map(|name| {
        let path = environment.home().join("tree").join(name);
        (name.clone(), fs::read_to_string(path).expect("a file"))
    });
    let after: BTreeMap<String, String> = after.collect();
    assert_eq!(
        fs::read_to_string(environment.home().join("policies.yaml")).expect("a file"),
        objects(case)
    );
    (outcome, after)
}

#[test]
fn marked_values_are_written_as_by_flux_and_no_other_byte_changes() {
    let cases: Vec<MarkerCase> =
        serde_json::from_str(include_str!("../data/conformance/flux_markers.json"))
            .expect("a table of cases");
    assert!(cases.len() >= 79);
    let mut failures = Vec::new();
    for case in &cases {
        let (outcome, found) = run(case);
        let accepted = std::iter::once(&case.after).chain(&case.or);
        let mut accepted = accepted.map(|after| {
            let mut files = case.files.clone();
            files.extend(after.clone());
            files
        });
        if !accepted.any(|files| files == found) {
            failures.push(format!(
                "{}: {}\n{found:#?}\n{outcome:#?}",
                case.name, case.why
            ));
        }
        let is_said = ["warning: ", "held back: ", "error: "]
            .iter()
            .any(|word| outcome.stderr.contains(word));
        if case.says && !case.allow_downgrade && !is_said {
            failures.push(format!("{} is not said: {outcome:#?}", case.name));
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n")
    );
}
