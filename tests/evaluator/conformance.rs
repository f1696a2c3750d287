//! Runs cases that were generated with Flux's and Masterminds' own code through the
//! evaluator. An intended difference is explained in the case's `why`.

use kubectl_imgpolicy::evaluator::{Decision, Outcome, Snapshot};
use kubectl_imgpolicy::image::Tag;
use kubectl_imgpolicy::workload::decode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::oracle::{Oracle, OracleImage};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkloadCase {
    name: String,
    annotations: Value,
    container: CaseContainer,
    #[serde(default)]
    extra_containers: Vec<CaseContainer>,
    tags: Vec<CaseTag>,
    kind: Option<String>,
    values: Option<Value>,
    expect: Expectation,
    why: String,
    #[serde(default, rename = "repo")]
    _repo: Option<String>,
    #[serde(rename = "verified")]
    _verified: bool,
}

#[derive(Deserialize)]
struct CaseContainer {
    name: String,
    image: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseTag {
    tag: String,
    created: Option<String>,
    #[serde(default)]
    no_metadata: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    state: String,
    update_to: Option<String>,
    reason: Option<String>,
}

fn read<T: for<'de> Deserialize<'de>>(text: &str) -> T {
    serde_json::from_str(text).expect("a table of cases")
}

fn manifest(case: &WorkloadCase) -> Value {
    let kind = case.kind.as_deref().unwrap_or("Deployment");
    let api_version = match kind {
        "HelmRelease" => "helm.fluxcd.io/v1",
        "Pod" => "v1",
        _ => "apps/v1",
    };
    let containers: Vec<Value> = std::iter::once(&case.container)
        .chain(&case.extra_containers)
        .map(|c| json!({"name": c.name, "image": c.image}))
        .collect();
    let spec = match &case.values {
        Some(values) => json!({"values": values}),
        None => json!({"template": {"spec": {"containers": containers}}}),
    };
    json!({"apiVersion": api_version, "kind": kind, "spec": spec,
        "metadata": {"name": "w", "annotations": case.annotations}})
}

fn decide(case: &WorkloadCase) -> Option<Decision> {
    let workload = decode(&manifest(case), "default").expect("decodes")?;
    let mut snapshot = Snapshot::new("2026-11-21T12:00:00Z".parse().expect("a time"));
    snapshot.workloads = vec![workload];
    let mut oracle = Oracle::default();
    for tag in &case.tags {
        let mut image = OracleImage::built(tag.created.as_deref());
        if tag.no_metadata {
            image.gone = true;
        }
        oracle.add(&tag.tag, image);
    }
    let subjects = snapshot.subjects().expect("subjects");
    let subject = subjects
        .iter()
        .find(|s| s.container.name == case.container.name)?;
    let metadata = oracle.settle(subject);
    Some(subject.decide(&metadata))
}

#[test]
fn workloads_match_flux_v1_except_for_intended_differences() {
    let cases: Vec<WorkloadCase> = read(include_str!("../data/conformance/flux_v1_workloads.json"));
    assert!(cases.len() >= 67);
    let mut failures = Vec::new();
    for case in &cases {
        let decision = decide(case);
        let has_row = case.container.image.is_some()
            && !matches!(
                case.kind.as_deref(),
                Some("Pod" | "ReplicaSet" | "Job" | "Service")
            );
        let Some(decision) = decision else {
            if has_row {
                failures.push(format!("{}: no row", case.name));
            }
            continue;
        };
        let elected = (decision.outcome == Outcome::Update)
            .then(|| decision.latest.as_ref()?.tag().map(ToString::to_string))
            .flatten();
        let same = decision.state.as_str() == case.expect.state
            && elected == case.expect.update_to
            && case
                .expect
                .reason
                .as_deref()
                .is_none_or(|r| r == decision.reason.as_str());
        if !same || !has_row {
            failures.push(format!(
                "{}: {} {:?} {} ({}), expected {} {:?} {:?}: {}",
                case.name,
                decision.state,
                elected,
                decision.reason,
                decision.message,
                case.expect.state,
                case.expect.update_to,
                case.expect.reason,
                case.why
            ));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} differ:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}

#[derive(Deserialize)]
struct PolicyCase {
    policy: Value,
    #[serde(rename = "filterTags")]
    filter_tags: Option<Value>,
    tags: Vec<String>,
    latest: Option<String>,
    error: bool,
    nondeterministic: bool,
    note: String,
}

/// `alphabetical:desc`, for a policy of this kind.
fn ordered(policy: &Value, kind: &str) -> Option<String> {
    let order = policy
        .get(kind)?
        .get("order")
        .and_then(Value::as_str)
        .unwrap_or("asc");
    let order = if order.is_empty() { "asc" } else { order };
    Some(format!("{kind}:{order}"))
}

/// The annotation that is equivalent to an ImagePolicy's `policy`, with Flux's
/// precedence; `None`: the policy is empty, which is invalid.
fn annotation(policy: &Value) -> Option<String> {
    policy
        .get("semver")
        .map(|semver| format!("semver:{}", semver["range"].as_str().unwrap_or("")))
        .or_else(|| ordered(policy, "alphabetical"))
        .or_else(|| ordered(policy, "numerical"))
}

fn elect(case: &PolicyCase) -> Option<String> {
    let mut annotations = json!({"fluxcd.io/automated": "true"});
    annotations["fluxcd.io/tag.app"] = json!(annotation(&case.policy)?);
    if let Some(filter) = &case.filter_tags {
        annotations["imgpolicy.dev/filter-tags.app"] =
            json!(filter["pattern"].as_str().unwrap_or(""));
        if let Some(extract) = filter.get("extract").and_then(Value::as_str) {
            annotations["imgpolicy.dev/extract.app"] = json!(extract);
        }
    }
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "w", "annotations": annotations},
        "spec": {"template": {"spec": {"containers": [{"name": "app", "image": "quay.io/a/app:latest"}]}}}});
    let mut snapshot = Snapshot::new("2026-11-21T12:00:00Z".parse().expect("a time"));
    snapshot.workloads = vec![
        decode(&object, "default")
            .expect("decodes")
            .expect("a workload"),
    ];
    let tags: Vec<&str> = case
        .tags
        .iter()
        .map(String::as_str)
        .filter(|tag| tag.parse::<Tag>().is_ok())
        .collect();
    let subjects = snapshot.subjects().expect("subjects");
    let metadata = Oracle::with_tags(&tags).settle(&subjects[0]);
    subjects[0]
        .decide(&metadata)
        .latest
        .and_then(|image| image.tag().map(ToString::to_string))
}

/// The intended differences: the case's note, what we elect, and why.
const OURS: [(&str, Option<&str>, &str); 9] = [
    (
        "partial with dotted prerelease slips through the 3-part check",
        Some("1.1.0"),
        "a tag with two numeric parts is no version unless the running one has two as well",
    ),
    (
        "tie through filter: random",
        Some("v1.2.3"),
        "a tie goes to the greater tag bytes",
    ),
    (
        "extract literal",
        Some("c"),
        "equal keys are a tie, which goes to the greater tag bytes",
    ),
    (
        "numerical one invalid tag fails the whole policy",
        Some("10"),
        "a tag that is no number is rejected by itself",
    ),
    (
        "numerical exponent",
        Some("999"),
        "1e3 is no decimal number",
    ),
    (
        "numerical Inf accepted",
        Some("15"),
        "Inf is no decimal number",
    ),
    (
        "numerical negative",
        Some("0"),
        "no tag can begin with a minus sign",
    ),
    (
        "numerical tie through filter: random",
        Some("1.0"),
        "a tie goes to the greater tag bytes",
    ),
    (
        "numerical range overflow",
        Some("1"),
        "1e400 is no decimal number",
    ),
];

#[test]
fn policies_match_flux_v2_except_for_intended_differences() {
    let cases: Vec<PolicyCase> = read(include_str!("../data/conformance/flux_v2_policies.json"));
    let mut failures = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        let ours = OURS.iter().find(|(note, ..)| *note == case.note);
        let expected = match ours {
            Some((_, ours, _)) => ours.map(str::to_owned),
            None if case.error => None,
            None => case.latest.clone(),
        };
        let elected = elect(case);
        if elected != expected {
            failures.push(format!(
                "{at} {}: {} {:?} elects {elected:?}, Flux {expected:?}{}, of {:?}",
                case.note,
                case.policy,
                case.filter_tags,
                if case.nondeterministic {
                    " (at random)"
                } else {
                    ""
                },
                case.tags
            ));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} differ:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}
