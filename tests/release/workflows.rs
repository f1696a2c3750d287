//! What the workflows may do, and what a release is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::{list, read, text, yaml};
use crate::support::program::TestEnvironment;

/// All workflows, by the names of their files.
fn workflows() -> BTreeMap<String, String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/.github/workflows");
    let entries = fs::read_dir(folder).expect(folder);
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.into_string().expect("a name"));
    names
        .map(|name| (name.clone(), read(&format!(".github/workflows/{name}"))))
        .collect()
}

fn jobs(workflow: &Value) -> &Map<String, Value> {
    workflow["jobs"].as_object().expect("jobs")
}

fn release() -> Value {
    yaml(&read(".github/workflows/release.yaml"))
}

/// The steps of a job that use an action.
fn uses<'w>(job: &'w Value, action: &str) -> Vec<&'w Value> {
    let steps = list(job, "/steps").iter();
    let uses = steps.filter(|step| {
        let used = step["uses"]
            .as_str()
            .and_then(|used| used.split('@').next());
        used == Some(action)
    });
    uses.collect()
}

/// The jobs that a job waits for.
fn needs(job: &Value) -> BTreeSet<&str> {
    list(job, "/needs")
        .iter()
        .filter_map(Value::as_str)
        .collect()
}

#[test]
fn actions_are_pinned_by_commit() {
    let action = Regex::new(r"uses: (\S+)(.*)").expect("a pattern");
    let pinned = Regex::new(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$").expect("a pattern");
    let mut pins: BTreeSet<String> = BTreeSet::new();
    for workflow in workflows().values() {
        for found in action.captures_iter(workflow) {
            assert!(pinned.is_match(&found[1]), "{}", &found[1]);
            assert!(
                found[2].starts_with(" # v"),
                "{}: which version?",
                &found[1]
            );
            pins.insert(found[1].to_owned());
        }
    }
    let actions: BTreeSet<&str> = pins
        .iter()
        .filter_map(|pin| pin.split('@').next())
        .collect();
    assert_eq!(
        actions.len(),
        pins.len(),
        "an action in two versions: {pins:?}"
    );
}

#[test]
fn only_the_jobs_of_a_release_may_do_more_than_read() {
    let more = BTreeMap::from([
        (
            "attest",
            json!({"id-token": "write", "attestations": "write"}),
        ),
        ("publish", json!({"contents": "write"})),
        ("image", json!({"contents": "read", "packages": "write"})),
    ]);
    for (file, workflow) in workflows() {
        let workflow = yaml(&workflow);
        assert_eq!(
            workflow["permissions"],
            json!({"contents": "read"}),
            "{file}"
        );
        for (name, job) in jobs(&workflow) {
            let expected = more.get(name.as_str()).filter(|_| file == "release.yaml");
            assert_eq!(job.get("permissions"), expected, "{file}: {name}");
            let is_tag_only = job["if"] == "github.ref_type == 'tag'";
            assert!(expected.is_none() || is_tag_only, "{file}: {name}");
            for checkout in uses(job, "actions/checkout") {
                let keeps = &checkout["with"]["persist-credentials"];
                assert_eq!(*keeps, json!(false), "{file}: {name}");
            }
        }
    }
}

#[test]
fn everything_that_is_published_was_attested() {
    let release = release();
    let jobs = jobs(&release);
    assert_eq!(
        needs(&jobs["attest"]),
        BTreeSet::from(["build", "reproducible", "sbom"])
    );
    assert_eq!(needs(&jobs["publish"]), BTreeSet::from(["attest"]));
    let [step] = uses(&jobs["attest"], "actions/attest-build-provenance")[..] else {
        panic!("one step attests");
    };
    let subjects: Vec<&str> = text(step, "/with/subject-path").lines().collect();
    assert_eq!(subjects, ["dist/*.tar.gz", "dist/*.cdx.json"]);
    for job in ["attest", "publish"] {
        let [step] = uses(&jobs[job], "actions/download-artifact")[..] else {
            panic!("{job} downloads once");
        };
        assert_eq!(text(step, "/with/path"), "dist", "{job}");
        assert_eq!(step["with"]["merge-multiple"], json!(true), "{job}");
    }
    for job in ["build", "sbom"] {
        let [step] = uses(&jobs[job], "actions/upload-artifact")[..] else {
            panic!("{job} uploads once");
        };
        assert_eq!(text(step, "/with/path"), "target/dist/*", "{job}");
    }
    // The names of what is uploaded.
    assert!(read(".ci/sbom").contains("name=kubectl-imgpolicy.cdx\n"));
    assert!(read(".ci/dist-archive").contains("kubectl-imgpolicy-{options.platform}.tar.gz"));
}

#[test]
fn image_is_made_of_the_published_programs_and_is_the_one_that_manifests_name() {
    let release = release();
    let job = &jobs(&release)["image"];
    assert_eq!(needs(job), BTreeSet::from(["publish"]));
    let [step] = uses(job, "actions/download-artifact")[..] else {
        panic!("it downloads once");
    };
    assert_eq!(text(step, "/with/path"), "target/dist");
    let environment = TestEnvironment::new();
    let printed = environment.run(["controller", "manifests", "-A"]).expect(0);
    // The tag of a release is its version.
    let image = format!(
        "image: {}:v{}\n",
        text(job, "/env/IMAGE"),
        env!("CARGO_PKG_VERSION")
    );
    assert!(printed.stdout.contains(&image), "{image}");
}

#[test]
fn user_can_verify_what_the_workflow_attests() {
    let guide = read("SECURITY.md");
    let repository = "kubectl-imgpolicy/kubectl-imgpolicy";
    for words in [
        "gh attestation verify kubectl-imgpolicy-linux-amd64.tar.gz".to_owned(),
        format!("--repo {repository}"),
        format!("--signer-workflow {repository}/.github/workflows/release.yaml"),
        "sha256sum --check kubectl-imgpolicy-linux-amd64.tar.gz.sha256".to_owned(),
        "kubectl-imgpolicy.cdx.json".to_owned(),
    ] {
        assert!(guide.contains(&words), "SECURITY.md: {words}");
    }
    assert!(read("krew/imgpolicy.yaml").contains(&format!("https://github.com/{repository}/")));
}

#[test]
fn release_stops_at_an_overflow() {
    let manifest: toml::Table = read("Cargo.toml").parse().expect("TOML");
    let release = &manifest["profile"]["release"];
    assert_eq!(release["overflow-checks"].as_bool(), Some(true));
}
