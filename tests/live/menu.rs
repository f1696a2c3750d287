//! The menus on a terminal, with a real cluster.

use serde_json::json;

use crate::binary;
use crate::objects::workload;
use crate::pty::{Left, Pty, key};
use crate::shop::Shop;

/// Waits for each text, presses the keys that follow it, and runs to the end.
fn walk(shop: &Shop, words: &[&str], steps: &[(&str, &str)]) -> Left {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = binary::command(&binary::path(), home.path(), &shop.kubeconfig);
    command.env("TERM", "xterm-256color").args(words);
    let mut pty = Pty::start(&command, 24, 80, "");
    for (seen, pressed) in steps {
        pty.wait(seen).press(pressed);
    }
    pty.end(home.path())
}

#[tokio::test(flavor = "multi_thread")]
async fn workload_is_automated_from_a_menu() {
    let shop = Shop::open("menu-automate").await;
    let mut web = workload(
        "Deployment",
        shop.namespace,
        "web",
        &format!("{}:1.0.0", shop.image),
    );
    web["spec"]["template"]["spec"]["initContainers"] = json!([]);
    shop.plane.apply(&[web]).await;
    let before = shop.get("Deployment", "web").await;
    let question = "Automate deployment/web in namespace menu-automate";
    let steps = [
        ("Which workloads do you want to automate?", " "),
        ("1 of 1 checked", key::ENTER),
        ("Which policy should deployment/web app follow?", key::ENTER),
        ("Holds back 2.0.0", key::ENTER),
        (question, "y\r"),
    ];
    for at in 0..steps.len() {
        let mut steps = steps[..=at].to_vec();
        steps[at].1 = key::CTRL_C;
        let left = walk(&shop, &["automate"], &steps).expect(130);
        assert!(left.screen.ends_with("nothing changed"), "{}", left.screen);
        assert_eq!(shop.get("Deployment", "web").await, before);
    }
    let left = walk(&shop, &["automate"], &steps).expect(0);
    let command =
        "kubectl imgpolicy automate deployment/web --tag 'app=semver:^1.0' -n menu-automate";
    assert!(left.screen.contains(command), "{}", left.screen);
    let after = shop.get("Deployment", "web").await;
    let annotations = &after["metadata"]["annotations"];
    assert_eq!(annotations["fluxcd.io/automated"], "true");
    assert_eq!(annotations["fluxcd.io/tag.app"], "semver:^1.0");
    assert_eq!(after["spec"], before["spec"]);
    let managers = after["metadata"]["managedFields"].to_string();
    assert!(managers.contains("\"manager\":\"imgpolicy\""), "{managers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_updated_from_a_menu() {
    let shop = Shop::open("menu-update").await;
    shop.deploy(&["web", "db"]).await;
    let steps = [
        ("2 of 2 checked", " "),
        ("1 of 2 checked", key::ENTER),
        ("Update deployment/web in namespace menu-update", "y\r"),
    ];
    for at in 0..steps.len() {
        let mut steps = steps[..=at].to_vec();
        steps[at].1 = key::CTRL_C;
        let left = walk(&shop, &["update", "-i"], &steps).expect(130);
        assert!(left.screen.ends_with("nothing changed"), "{}", left.screen);
        assert_eq!(shop.tag("web").await, "1.0.0");
    }
    let left = walk(&shop, &["update", "-i"], &steps).expect(0);
    let command = "kubectl imgpolicy update deployment/web -n menu-update";
    assert!(left.screen.contains(command), "{}", left.screen);
    assert_eq!(shop.tag("web").await, "1.0.1");
    assert_eq!(shop.tag("db").await, "1.0.0");
}
