//! `controller manifests`.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::support::program::TestEnvironment;

fn printed(args: &[&str]) -> String {
    let environment = TestEnvironment::new();
    let all = ["controller", "manifests"].iter().chain(args);
    environment.run(all).expect(0).stdout
}

fn objects(args: &[&str]) -> Vec<Value> {
    let text = printed(args);
    let documents = text.split("---\n");
    documents
        .map(|document| serde_saphyr::from_str(document).expect("YAML"))
        .collect()
}

fn of_kind<'v>(objects: &'v [Value], kind: &str) -> Vec<&'v Value> {
    let objects = objects.iter();
    objects.filter(|object| object["kind"] == kind).collect()
}

fn deployment<'v>(objects: &'v [Value], name: &str) -> &'v Value {
    let deployments = of_kind(objects, "Deployment").into_iter();
    let mut named = deployments.filter(|object| object["metadata"]["name"] == name);
    named.next().expect("the Deployment")
}

fn arguments(objects: &[Value]) -> Vec<String> {
    let controller = deployment(objects, "imgpolicy-controller");
    let args = controller["spec"]["template"]["spec"]["containers"][0]["args"].clone();
    serde_json::from_value(args).expect("words")
}

/// Each verb on each resource that any role allows: `get secrets`.
fn rights(objects: &[Value]) -> BTreeSet<String> {
    let texts = |value: &Value| -> Vec<String> {
        serde_json::from_value(value.clone()).expect("a list of words")
    };
    let mut all = BTreeSet::new();
    for kind in ["Role", "ClusterRole"] {
        for role in of_kind(objects, kind) {
            for rule in role["rules"].as_array().expect("rules") {
                for verb in texts(&rule["verbs"]) {
                    for resource in texts(&rule["resources"]) {
                        assert_ne!(resource, "*");
                        all.insert(format!("{verb} {resource}"));
                    }
                }
            }
        }
    }
    all
}

#[test]
fn namespaces_need_no_right_in_the_whole_cluster() {
    let objects = objects(&["-n", "platform", "--namespaces", "shop,bank"]);
    for object in &objects {
        assert!(object["metadata"]["namespace"].is_string(), "{object}");
    }
    let namespaces: Vec<&Value> = of_kind(&objects, "Role")
        .iter()
        .map(|role| &role["metadata"]["namespace"])
        .collect();
    assert_eq!(namespaces, ["bank", "shop", "platform"]);
    let rights = rights(&objects);
    assert!(!rights.iter().any(|right| right.ends_with(" nodes")));
    assert!(!rights.contains("list namespaces"), "{rights:?}");
    // Each Namespace may only be read by its name.
    for role in of_kind(&objects, "Role") {
        for rule in role["rules"].as_array().expect("rules") {
            if rule["resources"][0] == "namespaces" {
                let names = &rule["resourceNames"];
                assert_eq!(names[0], role["metadata"]["namespace"], "{rule}");
            }
        }
    }
}

#[test]
fn all_namespaces_need_a_cluster_role_and_a_role_for_the_lease() {
    let objects = objects(&["--all-namespaces"]);
    let kinds: Vec<&str> = objects
        .iter()
        .filter_map(|object| object["kind"].as_str())
        .collect();
    assert_eq!(
        kinds,
        [
            "Namespace",
            "ServiceAccount",
            "ClusterRole",
            "ClusterRoleBinding",
            "Role",
            "RoleBinding",
            "Secret",
            "NetworkPolicy",
            "Service",
            "Deployment",
            "NetworkPolicy",
            "PodDisruptionBudget",
            "Deployment",
        ]
    );
    let rights = rights(&objects);
    for right in ["list nodes", "list namespaces", "patch deployments"] {
        assert!(rights.contains(right), "{right}: {rights:?}");
    }
    let verbs = |what: &str| -> Vec<&str> {
        let rights = rights.iter();
        rights
            .filter_map(|right| right.strip_suffix(&format!(" {what}")))
            .collect()
    };
    assert_eq!(verbs("secrets"), ["get"]);
    assert_eq!(verbs("leases"), ["create", "get", "update", "watch"]);
    let lease = &of_kind(&objects, "Role")[0]["rules"];
    assert_eq!(lease[0]["resourceNames"][0], "imgpolicy-controller");
    assert_eq!(lease[1]["verbs"], serde_json::json!(["create"]));
    assert_eq!(lease.as_array().map(Vec::len), Some(2));
}

#[test]
fn observer_may_write_nothing_but_its_lease() {
    for scope in [&["-A"][..], &["--namespaces", "shop"]] {
        let rights = rights(&objects(&[scope, &["--observe"]].concat()));
        let writing: Vec<&String> = rights
            .iter()
            .filter(|right| {
                let verb = right.split(' ').next().unwrap_or_default();
                !["get", "list", "watch"].contains(&verb)
            })
            .collect();
        assert_eq!(writing, ["create leases", "update leases"]);
    }
}

#[test]
fn secrets_are_not_readable_without_pull_secrets() {
    for when in ["auto", "always"] {
        let rights = rights(&objects(&["-A", "--pull-secrets", when]));
        assert!(rights.contains("get secrets") && rights.contains("get serviceaccounts"));
    }
    let rights = rights(&objects(&["-A", "--pull-secrets=off"]));
    assert!(!rights.iter().any(|right| right.ends_with("secrets")));
    assert!(
        !rights
            .iter()
            .any(|right| right.ends_with("serviceaccounts"))
    );
}

#[test]
fn flags_of_the_run_become_arguments() {
    let given = ["-n", "x", "-l", "team=shop", "-A", "--sync-interval", "2m"];
    let objects = objects(&[&given[..], &["--max-failures=3", "--image", "r.io/i:1"]].concat());
    assert_eq!(
        arguments(&objects),
        [
            "controller",
            "run",
            "--all-namespaces",
            "--selector=team=shop",
            "--sync-interval=2m",
            "--max-failures=3",
            "--metrics-address=[::]:8080",
            "--cache=memcached://imgpolicy-memcached:11211",
            "--cache-key-file=/etc/imgpolicy/cache-key/key",
        ]
    );
    let controller = deployment(&objects, "imgpolicy-controller");
    let container = &controller["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "r.io/i:1");
}

#[test]
fn metrics_port_is_the_same_everywhere() {
    for (flags, port) in [
        (&["-A"][..], 8080),
        (&["-A", "--metrics-address=0.0.0.0:9"], 9),
    ] {
        let objects = objects(flags);
        let words = arguments(&objects);
        let addresses = words
            .iter()
            .filter(|word| word.starts_with("--metrics-address="));
        let ends: Vec<bool> = addresses
            .map(|word| word.ends_with(&format!(":{port}")))
            .collect();
        assert_eq!(ends, [true], "{words:?}");
        let container = &deployment(&objects, "imgpolicy-controller")["spec"]["template"]["spec"]["containers"]
            [0];
        assert_eq!(container["ports"][0]["containerPort"], port);
        let policies = of_kind(&objects, "NetworkPolicy").into_iter();
        let mut of_controller =
            policies.filter(|policy| policy["metadata"]["name"] == "imgpolicy-controller");
        let policy = of_controller.next().expect("a policy");
        assert_eq!(policy["spec"]["ingress"][0]["ports"][0]["port"], port);
    }
}

#[test]
fn memcached_is_left_out_if_another_cache_is_named() {
    let memcached = |objects: &[Value]| {
        let names = objects.iter().map(|object| &object["metadata"]["name"]);
        names.filter(|name| **name == "imgpolicy-memcached").count()
    };
    assert_eq!(memcached(&objects(&["-A"])), 3);
    let off = objects(&["-A", "--cache=off"]);
    assert_eq!(memcached(&off), 0);
    assert_eq!(of_kind(&off, "Secret").len(), 0);
    assert_eq!(
        arguments(&off),
        [
            "controller",
            "run",
            "--all-namespaces",
            "--cache=off",
            "--metrics-address=[::]:8080"
        ]
    );
    let own = objects(&["-A", "--cache=memcached://m:1", "--cache-key-secret=s"]);
    assert_eq!(memcached(&own), 0);
    let pod = &deployment(&own, "imgpolicy-controller")["spec"]["template"]["spec"];
    assert_eq!(pod["volumes"][0]["secret"]["secretName"], "s");
    assert!(arguments(&own).contains(&"--cache=memcached://m:1".to_owned()));
}

#[test]
fn key_is_new_each_time_unless_a_secret_is_named() {
    let environment = TestEnvironment::new();
    let mut keys = BTreeSet::new();
    for _ in 0..2 {
        let run = environment.run(["controller", "manifests", "-A"]).expect(0);
        assert!(run.stderr.contains("do not commit it"), "{run:?}");
        let secret = run
            .stdout
            .split("---\n")
            .find(|text| text.contains("kind: Secret"));
        let secret: Value = serde_saphyr::from_str(secret.expect("a Secret")).expect("YAML");
        let key = secret["data"]["key"].as_str().expect("a key").to_owned();
        assert_eq!(STANDARD.decode(&key).map(|key| key.len()), Ok(32));
        assert!(!run.stderr.contains(&key));
        keys.insert(key);
    }
    assert_eq!(keys.len(), 2);
    let args = ["controller", "manifests", "-A", "--cache-key-secret", "own"];
    let [first, second] = [0, 1].map(|_| environment.run(args).expect(0));
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(first.stderr, "");
    assert!(!first.stdout.contains("kind: Secret"), "{}", first.stdout);
    assert!(
        first.stdout.contains("secretName: own\n"),
        "{}",
        first.stdout
    );
}

#[test]
fn flags_that_make_no_sense_in_a_deployment_are_refused() {
    let environment = TestEnvironment::new();
    for (args, part) in [
        (&[][..], "--namespaces NAMESPACE,… or --all-namespaces"),
        (&["-A", "--once"], "a Deployment would start it again"),
        (&["-A", "--cache-key-file", "x"], "use --cache-key-secret"),
        (&["-A", "--offline"], "--offline"),
        (&["-A", "--metrics-address=127.0.0.1:8080"], "the kubelet"),
        (&["-A", "--sync-interval", "1"], "--sync-interval"),
        (
            &["-A", "--cache=off", "--cache-key-secret=s"],
            "--cache-key-secret",
        ),
    ] {
        let all = ["controller", "manifests"].iter().chain(args);
        let outcome = environment.run(all).expect(2);
        assert!(
            outcome.stderr.contains(part),
            "{args:?}: {}",
            outcome.stderr
        );
        assert_eq!(outcome.stdout, "");
    }
}

/// Asserts that an object is one of this type, and that none of its fields is unknown.
fn assert_is<T: DeserializeOwned + Serialize>(object: &Value) {
    let typed: T = serde_json::from_value(object.clone()).expect("the type");
    let again = serde_json::to_value(&typed).expect("JSON");
    assert_eq!(&again, object);
}

#[test]
fn every_field_exists() {
    for object in objects(&["-A"])
        .iter()
        .chain(&objects(&["--namespaces", "shop"]))
    {
        match object["kind"].as_str().expect("a kind") {
            "Namespace" => assert_is::<Namespace>(object),
            "ServiceAccount" => assert_is::<ServiceAccount>(object),
            "ClusterRole" => assert_is::<ClusterRole>(object),
            "ClusterRoleBinding" => assert_is::<ClusterRoleBinding>(object),
            "Role" => assert_is::<Role>(object),
            "RoleBinding" => assert_is::<RoleBinding>(object),
            "Secret" => assert_is::<Secret>(object),
            "NetworkPolicy" => assert_is::<NetworkPolicy>(object),
            "Service" => assert_is::<Service>(object),
            "Deployment" => assert_is::<Deployment>(object),
            "PodDisruptionBudget" => assert_is::<PodDisruptionBudget>(object),
            other => panic!("{other}"),
        }
    }
}
