//! `history` of a Deployment whose controller makes revisions and copies annotations.

use std::time::Duration;

use serde_json::Value;

use crate::binary::Run;
use crate::shop::{Shop, said};

/// Each update: the tags, the policy, who made it, and its sources.
fn updates(run: &Run) -> Vec<String> {
    let list: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let items = list["items"].as_array().expect("items").iter();
    let tag = |image: &Value| {
        let image = image.as_str().unwrap_or_default();
        image.rsplit(':').next().unwrap_or_default().to_owned()
    };
    let words = items.map(|item| {
        let sources = item["sources"].as_array().expect("sources").iter();
        let sources: Vec<&str> = sources
            .filter_map(|source| source["type"].as_str())
            .collect();
        format!(
            "{} {} {} {} {}",
            tag(&item["from"]),
            tag(&item["to"]),
            item["policy"].as_str().unwrap_or("-"),
            item["by"].as_str().unwrap_or("-"),
            sources.join(",")
        )
    });
    words.collect()
}

/// Waits until the controller has made a revision, with its copy of the annotations.
async fn has_revision(shop: &Shop, number: &str) {
    let path = format!("/apis/apps/v1/namespaces/{}/replicasets", shop.namespace);
    for _ in 0..300 {
        let list = shop.plane.get(&path).await.expect("ReplicaSets");
        let mut sets = list["items"].as_array().expect("a list").iter();
        let revision = "deployment.kubernetes.io/revision";
        if sets.any(|set| set["metadata"]["annotations"][revision] == number) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("there is no revision {number}");
}

#[tokio::test]
async fn updates_of_all_sources_are_one_history() {
    let shop = Shop::open_rolling("history").await;
    shop.deployed(&[shop.workload("Deployment", "web")]).await;
    let history = || shop.run(&["history", "deployment/web", "-o", "json"]);
    assert_eq!(updates(&history()), [""; 0]);
    let run = shop.run(&["update", "--all", "--yes", "--wait=2m"]);
    assert_eq!(run.code, 0, "{run:?}");
    has_revision(&shop, "2").await;
    let first = "1.0.0 1.0.1 semver:~1.0 admin record,revision,event";
    assert_eq!(updates(&history()), [first]);

    // Another tool, which knows nothing of records.
    let web = shop.get("Deployment", "web").await;
    let image = web["spec"]["template"]["spec"]["containers"][0]["image"].as_str();
    let image = image.expect("an image").replace(":1.0.1", ":1.0.0");
    let run = shop.kubectl(&["set", "image", "deployment/web", &format!("app={image}")]);
    assert_eq!(run.code, 0, "{run:?}");
    has_revision(&shop, "3").await;
    let run = history();
    assert_eq!(
        updates(&run),
        ["1.0.1 1.0.0 - - revision", first],
        "{run:?}"
    );

    // The controller went back to the first ReplicaSet, which does not say when.
    let run = shop.run(&["history", "deployment/web"]);
    assert_eq!(run.stdout.lines().count(), 3, "{run:?}");
    assert!(run.stdout.contains("\n> 2"), "{run:?}");
    assert!(run.stdout.starts_with("TIME "), "{run:?}");
    let run = shop.run(&["history", "deployment/gone"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(said(&run, "not found").len(), 1, "{run:?}");
}
