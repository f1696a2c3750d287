//! A large repository: the cost of `status --git` beside that of the same status without it.
//!
//! `make bench-git` runs this with 200 folders and the release binary; `make e2e` runs it with a
//! few, only to check the results.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::binary::{self, measure, say};
use crate::control_plane::ControlPlane;
use crate::git_tree::{REMOTE, define_kinds, flux_labels, git_repository, kustomization, manifest};
use crate::kubeconfigs::{self, User};
use crate::objects::workload;

/// The number of folders, unless `IMGPOLICY_E2E_FOLDERS` sets it. Each is a kustomization.
const FEW: usize = 3;
/// The number of workloads and of other objects per folder, each in a file of its own.
const WORKLOADS: usize = 10;
const OTHERS: usize = 89;
/// The number of measurements.
const RUNS: usize = 3;

const NAMESPACE: &str = "git-scale";

#[tokio::test]
async fn status_of_a_large_repository_finds_every_image() {
    let folders = std::env::var("IMGPOLICY_E2E_FOLDERS").ok();
    let folders = folders.map_or(FEW, |text| text.parse().expect("a number"));
    let tree = tempfile::tempdir().expect("a folder");
    for number in 0..folders {
        write_folder(&tree.path().join(folder(number)));
    }
    crate::git_server::git(tree.path(), &["init", "--quiet"]);
    crate::git_server::git(tree.path(), &["remote", "add", "origin", REMOTE]);

    let plane = ControlPlane::second().await;
    define_kinds(plane).await;
    plane.namespace(NAMESPACE).await;
    let mut objects = vec![git_repository(
        NAMESPACE,
        "fleet",
        "https://git.example.com/shop/fleet",
    )];
    for number in 0..folders {
        let mut owner = kustomization(NAMESPACE, &name(number), &folder(number), "fleet");
        owner["spec"]["namePrefix"] = json!(format!("{}-", name(number)));
        objects.push(owner);
        objects.extend((0..WORKLOADS).map(|workload| live(number, workload)));
    }
    plane.apply(&objects).await;

    let kubeconfig = kubeconfigs::of_user(plane, User::Admin, NAMESPACE);
    let home = tempfile::tempdir().expect("a folder");
    let top = tree.path().to_str().expect("UTF-8");
    let run = |arguments: &[&str]| {
        let mut command = binary::command(&binary::path(), home.path(), &kubeconfig);
        // Without it, a kustomization that the model cannot build would be an error.
        measure(command.args(arguments))
    };
    for _ in 0..RUNS {
        let (plain, took, peak) = run(&["status", "-o", "json"]);
        assert_eq!(count(&plain.json(), |_| true), folders * WORKLOADS);
        let (compared, took_git, peak_git) = run(&["status", "-o", "json", "--git", top]);
        let list = compared.json();
        assert_eq!(list["errors"], json!([]));
        let expected = folders * WORKLOADS;
        let drift = count(&list, |item| item["inGit"]["drift"] == false);
        let changed = count(&list, |item| item["inGit"]["drift"] == true);
        assert_eq!((drift, changed), (expected - folders, folders));
        let mib = |peak: Option<u64>| peak.map_or(0, |kib| kib >> 10);
        say(&format!(
            "{} files, {expected} workloads: status {:.2} s, {} MiB; status --git {:.2} s, {} MiB",
            folders * (1 + WORKLOADS + OTHERS),
            took.as_secs_f64(),
            mib(peak),
            took_git.as_secs_f64(),
            mib(peak_git),
        ));
    }
}

fn count(list: &Value, counts: impl Fn(&Value) -> bool) -> usize {
    let items = list["items"].as_array().expect("a list");
    items.iter().filter(|item| counts(item)).count()
}

fn name(folder: usize) -> String {
    format!("team-{folder:03}")
}

fn folder(number: usize) -> String {
    format!("apps/{}", name(number))
}

/// A workload in the cluster. The first one of each folder runs another image than the files say.
fn live(folder: usize, number: usize) -> Value {
    let tag = if number == 0 { "1.0.0" } else { "1.1.0" };
    let image = format!("registry.example/web-{number}:{tag}");
    let name = format!("{}-web-{number}", self::name(folder));
    let mut object = workload("Deployment", NAMESPACE, &name, &image);
    object["spec"]["template"]["spec"]["initContainers"] = json!([]);
    object["metadata"]["labels"] = flux_labels(NAMESPACE, &self::name(folder))["labels"].clone();
    object
}

fn write_folder(folder: &Path) {
    fs::create_dir_all(folder).expect("a folder");
    let mut text = "resources:\n".to_owned();
    let mut add = |file: String, content: String| {
        fs::write(folder.join(&file), content).expect("written");
        writeln!(text, "- {file}").expect("a string");
    };
    for number in 0..WORKLOADS {
        let name = format!("web-{number}");
        let image = format!("registry.example/{name}:0.0.0");
        add(format!("{name}.yaml"), manifest(&name, &image));
    }
    for number in 0..OTHERS {
        let content = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config-{number}\ndata:\n  key: value\n"
        );
        add(format!("config-{number}.yaml"), content);
    }
    text.push_str("images:\n");
    for number in 0..WORKLOADS {
        writeln!(
            text,
            "- name: registry.example/web-{number}\n  newTag: 1.1.0"
        )
        .expect("a string");
    }
    fs::write(folder.join("kustomization.yaml"), text).expect("written");
}
