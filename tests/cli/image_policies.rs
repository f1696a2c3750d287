//! What ImagePolicy objects elect: the cases that were made by running Flux's own
//! controller against a registry and an API server.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kubectl_imgpolicy::manifest;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::content::Image;
use crate::support::program::TestEnvironment;
use crate::support::registry::TestRegistry;

/// The registry's host in the cases.
const HOST: &str = "registry.example:5000";

/// The tags of each repository, with the name of the image that each refers to.
type Repositories = BTreeMap<String, BTreeMap<String, String>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyCase {
    name: String,
    why: String,
    /// Why the result is another than Flux's.
    #[serde(default, rename = "differs")]
    _differs: Option<String>,
    steps: Vec<Step>,
}

/// What changes, and what is elected and recorded after it. Policies are named
/// `namespace/name`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Step {
    #[serde(default)]
    note: String,
    /// Objects that are applied.
    #[serde(default)]
    objects: String,
    /// The new state of these repositories.
    #[serde(default)]
    registry: Repositories,
    /// Tags that are listed and have no manifest.
    #[serde(default)]
    phantom: BTreeMap<String, Vec<String>>,
    /// The images that Flux has recorded.
    #[serde(default)]
    recorded: BTreeMap<String, Value>,
    /// The policies that Flux reports as not ready.
    #[serde(default)]
    not_ready: Vec<String>,
    now: BTreeMap<String, ExpectedElection>,
}

/// The elected tag, or the reason why there is none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedElection {
    tag: Option<String>,
    digest: Option<String>,
    reason: Option<String>,
}

/// The registry and the cluster of a case, as far as it has gone.
#[derive(Default)]
struct CaseState {
    objects: BTreeMap<(String, String), Value>,
    repositories: Repositories,
    phantoms: BTreeMap<String, Vec<String>>,
}

impl CaseState {
    fn apply(&mut self, step: &Step) {
        for object in manifest::objects(&step.objects) {
            let object = object.expect("an object").value;
            let kind = object["kind"].as_str().expect("a kind").to_owned();
            self.objects.insert((kind, id_of(&object)), object);
        }
        self.repositories.extend(step.registry.clone());
        self.phantoms.extend(step.phantom.clone());
    }

    /// The registry in this state, and the digest of each image.
    fn registry(&self) -> (TestRegistry, BTreeMap<String, String>) {
        let registry = TestRegistry::start();
        let mut digests = BTreeMap::new();
        for (repository, tags) in &self.repositories {
            registry.list(repository, [] as [String; 0]);
            for (tag, id) in tags {
                let image = Image::built("2024-01-01T00:00:00Z").label(id);
                let digest = registry.push(repository, tag, image);
                digests.insert(id.clone(), digest);
            }
        }
        for (repository, tags) in &self.phantoms {
            registry.list(repository, tags.clone());
        }
        (registry, digests)
    }

    /// The objects as a dump would have them, with the status of the step.
    fn dump(&self, step: &Step) -> String {
        let mut text = String::new();
        for ((kind, id), object) in &self.objects {
            let mut object = object.clone();
            if kind == "ImagePolicy" {
                let mut status = json!({});
                if let Some(recorded) = step.recorded.get(id) {
                    status["latestRef"] = recorded.clone();
                }
                if step.not_ready.contains(id) {
                    status["conditions"] = json!([{"type": "Ready", "status": "False"}]);
                }
                object["status"] = status;
            }
            let _ = writeln!(text, "{object}");
        }
        text
    }
}

fn id_of(object: &Value) -> String {
    let metadata = &object["metadata"];
    let word = |key: &str| metadata[key].as_str().unwrap_or("default").to_owned();
    format!("{}/{}", word("namespace"), word("name"))
}

/// `DIGEST(img)` as the digest of that image; other texts as they are.
fn resolve(text: &str, digests: &BTreeMap<String, String>) -> String {
    let id = text
        .strip_prefix("DIGEST(")
        .and_then(|t| t.strip_suffix(')'));
    id.map_or_else(
        || text.to_owned(),
        |id| {
            digests
                .get(id)
                .cloned()
                .unwrap_or_else(|| format!("sha256:{:064}", 0))
        },
    )
}

/// Replaces the host and the digests of the cases by those of a running registry.
fn localized(text: &str, host: &str, digests: &BTreeMap<String, String>) -> String {
    let mut text = text.replace(HOST, host);
    while let Some(start) = text.find("DIGEST(") {
        let length = text[start..].find(')').expect("a bracket") + 1;
        let digest = resolve(&text[start..start + length], digests);
        text.replace_range(start..start + length, &digest);
    }
    text
}

/// The policies of `status -o json`, by their id.
fn policies_in(text: &str, more: &[&str]) -> BTreeMap<String, Value> {
    let environment = TestEnvironment::new();
    environment.write("flux.yaml", text);
    let words = ["status", "-f", "flux.yaml", "-o", "json"];
    let json = environment.run(words.iter().chain(more)).expect(0).json();
    let all = json["imagePolicies"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let named = all.into_iter().map(|policy| {
        let word = |key: &str| policy[key].as_str().expect("a text").to_owned();
        (format!("{}/{}", word("namespace"), word("name")), policy)
    });
    named.collect()
}

#[test]
fn image_policies_elect_what_flux_elects_beside_what_it_has_recorded() {
    let cases: Vec<PolicyCase> =
        serde_json::from_str(include_str!("../data/conformance/flux_image_policies.json"))
            .expect("a table of cases");
    assert!(cases.len() >= 27);
    let mut failures = Vec::new();
    for case in &cases {
        let mut state = CaseState::default();
        for step in &case.steps {
            state.apply(step);
            let (registry, digests) = state.registry();
            let text = localized(&state.dump(step), &registry.host(), &digests);
            let found = policies_in(&text, &[]);
            let recorded_only = policies_in(&text, &["--elected", "recorded"]);
            for (id, expected) in &step.now {
                let policy = &found[id];
                let digest = expected.digest.as_ref().map(|text| resolve(text, &digests));
                let recorded = step.recorded.get(id).map(|recorded| {
                    let text = localized(&recorded.to_string(), &registry.host(), &digests);
                    serde_json::from_str::<Value>(&text).expect("an image")
                });
                let is_same = expected.tag.is_some()
                    && recorded.as_ref().is_some_and(|recorded| {
                        recorded["name"] == policy["image"]
                            && recorded["tag"] == json!(expected.tag)
                            && recorded["digest"] == json!(digest)
                    });
                let as_expected = policy["now"]["tag"] == json!(expected.tag)
                    && policy["now"]["digest"] == json!(digest)
                    && policy["reason"] == json!(expected.reason)
                    && policy["sameAsRecorded"] == json!(is_same)
                    && ["name", "tag", "digest"].iter().all(|part| {
                        policy["recorded"][part]
                            == recorded.as_ref().map_or(Value::Null, |r| r[part].clone())
                    })
                    && recorded_only[id]["now"] == Value::Null
                    && recorded_only[id]["recorded"] == policy["recorded"];
                if !as_expected {
                    failures.push(format!(
                        "{} ({}): {}: {id}: {policy:#}",
                        case.name, step.note, case.why
                    ));
                }
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n")
    );
}
