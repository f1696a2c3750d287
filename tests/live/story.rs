//! The complete example from README.md.

use serde_json::json;

use crate::objects::workload;
use crate::shop::{Shop, said};

/// The commands in the first block of a section of README.md, each as its words.
fn readme_commands() -> Vec<Vec<String>> {
    let readme = include_str!("../../README.md");
    let section = readme.split("## Update and roll back").nth(1);
    let block = section.and_then(|text| text.split("```").nth(1));
    let lines = block.expect("a block").lines();
    lines
        .filter_map(|line| line.split('#').next()?.strip_prefix("kubectl imgpolicy "))
        .map(words)
        .collect()
}

/// The words of a line; single quotes are removed.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in line.trim().chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            c => words.last_mut().expect("one at least").push(c),
        }
    }
    words
}

#[tokio::test]
async fn automate_status_update_status_rollback_status() {
    let shop = Shop::open("story").await;
    let image = format!("{}:1.0.0", shop.image);
    let mut web = workload("Deployment", shop.namespace, "web", &image);
    web["spec"]["template"]["spec"]["initContainers"] = json!([]);
    shop.plane.apply(&[web]).await;
    let row = |policy: &str, state: &str, current: &str, update: &str, why: &str| {
        let run = shop.run(&["status", "deployment/web", "--no-headers"]);
        assert_eq!(run.code, 0, "{run:?}");
        let expected = format!("deployment/web app {state} {policy} {current} {update} {why}");
        assert_eq!(run.table(), [expected], "{run:?}");
    };
    row("<none>", "manual", "1.0.0", "<none>", "<none>");
    let template = shop.get("Deployment", "web").await["spec"]["template"].clone();

    let mut story = readme_commands().into_iter();
    let mut next = |command: &str| {
        let words = story.next().expect("the example has another command");
        assert_eq!(words[0], command, "{words:?}");
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        // There is no terminal.
        shop.run(&[&words[..], &["--yes"]].concat())
    };
    let run = next("automate");
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "deployment.apps/web annotated\n"),
        "{run:?}"
    );
    let annotated = shop.get("Deployment", "web").await;
    assert_eq!(annotated["spec"]["template"], template);
    row("semver:~1.0", "automated", "1.0.0", "1.0.1", "<none>");

    let run = next("update");
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "deployment.apps/web image updated\n"),
        "{run:?}"
    );
    row("semver:~1.0", "automated", "1.0.1", "<none>", "up-to-date");
    // The record of the written tag is not mistaken for a policy.
    assert_eq!(
        shop.annotation("web", "fluxcd.io/tag.app").await,
        "semver:~1.0"
    );
    let cause = shop.annotation("web", "kubernetes.io/change-cause").await;
    assert!(cause.to_string().contains("1.0.1"), "{cause}");

    let run = next("rollback");
    assert_eq!(run.code, 0, "{run:?}");
    row(
        "semver:~1.0",
        "locked",
        "1.0.0",
        "1.0.1",
        "locked by admin: login fails",
    );
    let run = shop.run(&["update", "deployment/web", "--yes"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
    assert_eq!(said(&run, "--override-lock").len(), 1, "{run:?}");

    let run = next("unlock");
    assert_eq!(run.code, 0, "{run:?}");
    row("semver:~1.0", "automated", "1.0.0", "1.0.1", "<none>");
    assert_eq!(story.next(), None);
}
