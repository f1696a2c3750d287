//! Equal containers are judged once, and each gets its own row.

use kubectl_imgpolicy::evaluator::{Snapshot, assess, distinct};
use kubectl_imgpolicy::image::{Known, RepositoryMetadata, Tag};
use kubectl_imgpolicy::workload::decode;
use serde_json::{Value, json};

/// A Deployment whose container follows a policy.
fn workload(name: &str, image: &str, policy: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name,
            "annotations": {"fluxcd.io/automated": "true", "fluxcd.io/tag.app": policy}},
        "spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}})
}

/// A snapshot in which the repositories `org/a` and `org/b` have these tags.
fn snapshot(workloads: &[Value]) -> Snapshot {
    let now = "2026-11-21T12:00:00Z".parse().expect("a time");
    let mut snapshot = Snapshot::new(now);
    for object in workloads {
        snapshot
            .workloads
            .extend(decode(object, "default").expect("decodes"));
    }
    for (name, tags) in [("org/a", ["1.0.0", "1.0.1"]), ("org/b", ["1.0.0", "1.1.0"])] {
        let tags: Vec<Tag> = tags.map(|tag| tag.parse().expect("a tag")).to_vec();
        let metadata = RepositoryMetadata {
            tags: Known::Value(tags),
            ..RepositoryMetadata::default()
        };
        snapshot
            .repositories
            .insert(name.parse().expect("a name"), metadata);
    }
    snapshot
}

#[test]
fn containers_are_equal_only_if_everything_that_matters_is() {
    let with = |change: fn(&mut Value)| {
        let mut object = workload("x", "org/a:1.0.0", "semver:~1.0");
        change(&mut object);
        object
    };
    let snapshot = snapshot(&[
        workload("a", "org/a:1.0.0", "semver:~1.0"),
        workload("b", "org/a:1.0.0", "semver:~1.0"),
        with(|object| object["metadata"]["annotations"]["imgpolicy.dev/min-age"] = json!("0s")),
        with(|object| object["spec"]["replicas"] = json!(7)),
        // From here on, each of them is different.
        workload("c", "org/a:1.0.1", "semver:~1.0"),
        workload("d", "docker.io/org/a:1.0.0", "semver:~1.0"),
        workload("e", "org/a:1.0.0", "semver:~1.1"),
        workload("f", "org/b:1.0.0", "semver:~1.0"),
        with(|object| object["metadata"]["annotations"]["imgpolicy.dev/min-age"] = json!("3h")),
        with(|object| {
            object["spec"]["template"]["spec"]["nodeSelector"] =
                json!({"kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64"});
        }),
    ]);
    let subjects = snapshot.subjects().expect("subjects");
    let all: Vec<_> = subjects.iter().collect();
    assert_eq!(all.len(), 10);
    assert_eq!(distinct(&all).len(), 7);
}

#[test]
fn equal_containers_get_the_rows_that_they_would_get_alone() {
    let workloads: Vec<Value> = (0..40)
        .map(|n| {
            let image = ["org/a:1.0.0", "org/b:1.0.0"][n % 2];
            let policy = ["semver:~1.0", "semver:>=1.0", "alphabetical", "semver:bad"][n / 2 % 4];
            let mut object = workload(&format!("w{n:02}"), image, policy);
            if n % 5 == 0 {
                object["metadata"]["annotations"]["fluxcd.io/locked"] = json!("true");
            }
            object
        })
        .collect();
    let snapshot = snapshot(&workloads);
    let together = assess(&snapshot).expect("an assessment");
    let subjects = snapshot.subjects().expect("subjects");
    let alone: Vec<_> = subjects
        .iter()
        .map(|subject| subject.row(&snapshot.metadata_for(subject).expect("metadata")))
        .collect();
    assert_eq!(together.rows, alone);
    assert_eq!(together.rows.len(), 40);
}
