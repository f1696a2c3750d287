//! `history --git`: which updates of a workload the commits of a repository record.

use serde_json::{Value, json};

use super::git::{OLD, commit, with_update};
use super::{automated, deployment, text};
use crate::support::git::TestRepository;
use crate::support::program::Run;

/// A run without a cluster.
fn history(repository: &TestRepository, more: &[&str]) -> Run {
    let words = ["history", "deployment/web", "--git", "."];
    repository.program(&[&words[..], more].concat())
}

fn items(repository: &TestRepository, more: &[&str]) -> Vec<Value> {
    let outcome = history(repository, &[&["-o", "json"], more].concat()).run();
    outcome.expect(0).items()
}

/// Commits a change of one file with a message.
fn commit_by_hand(repository: &TestRepository, file: &str, content: &str, message: &str) {
    repository.write(file, content);
    repository.git(&["add", file]);
    repository.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
}

/// A trailer that claims an update of `web`.
fn claim(from: &str, to: &str) -> String {
    let image = |tag: &str| format!("docker.io/org/my-app:{tag}");
    let data = json!({"images": [{"workload": "deployment/web", "namespace": "default",
        "file": "apps/web.yaml", "container": "app", "from": image(from), "to": image(to),
        "digest": null, "policy": "semver:~1.0"}]});
    format!("Update\n\nImgpolicy-Update: {data}")
}

#[test]
fn commit_of_an_update_is_shown_without_a_cluster() {
    let repository = with_update();
    commit(&repository).expect(0);
    let outcome = history(&repository, &[]).run().expect(0);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let [heading, line] = lines[..] else {
        panic!("{outcome:#?}");
    };
    let words: Vec<&str> = heading.split_whitespace().collect();
    assert_eq!(
        words,
        [
            "TIME",
            "CONTAINER",
            "OLD",
            "→",
            "NEW",
            "POLICY",
            "BY",
            "SOURCE"
        ]
    );
    let short = &repository.head()[..9];
    let words: Vec<&str> = line.split_whitespace().skip(2).collect();
    assert_eq!(
        words,
        [
            "app",
            "1.0.0",
            "→",
            "1.0.1",
            "semver:~1.0",
            "Ada",
            "commit",
            short
        ]
    );
    assert!(
        outcome
            .stderr
            .starts_with("note: only commits are shown, because the cluster was not read: "),
        "{outcome:#?}"
    );

    let item = items(&repository, &[]).remove(0);
    assert_eq!(text(&item, "from"), OLD);
    assert_eq!(text(&item, "to"), "docker.io/org/my-app:1.0.1");
    assert!(text(&item, "digest").starts_with("sha256:"));
    assert_eq!(item["rollback"], false);
    assert_eq!(
        item["sources"],
        json!([{"type": "commit", "commit": repository.head()}])
    );
    let time = repository.git(&["log", "-1", "--format=%at"]);
    let shown: jiff::Timestamp = text(&item, "time").parse().expect("a time");
    assert_eq!(shown.as_second().to_string(), time);
}

#[test]
fn trailer_that_the_files_do_not_show_is_not_believed() {
    let repository = with_update();
    commit(&repository).expect(0);
    let file = repository.read("apps/web.yaml");
    let later = file.replace("my-app:1.0.1", "my-app:1.1.0");
    for (content, message, why) in [
        (&file, claim("1.0.0", "1.0.1"), "no change at all"),
        (&later, claim("1.0.1", "9.9.9"), "another new image"),
        (&file, claim("1.0.0", "1.0.1"), "another old image"),
    ] {
        commit_by_hand(&repository, "apps/web.yaml", content, &message);
        let short = repository.git(&["rev-parse", "--short", "HEAD"]);
        let outcome = history(&repository, &[]).run().expect(0);
        assert_eq!(outcome.stdout.lines().count(), 2, "{why}: {outcome:#?}");
        assert!(outcome.stderr.contains(&short), "{why}: {outcome:#?}");
        let said = "do not show the update that the message claims";
        assert!(outcome.stderr.contains(said), "{why}: {outcome:#?}");
    }
    // A true one is believed, whoever wrote it.
    commit_by_hand(
        &repository,
        "apps/web.yaml",
        &later,
        &claim("1.0.1", "1.1.0"),
    );
    assert_eq!(items(&repository, &[]).len(), 2);
    // What is no data at all is not even mentioned.
    commit_by_hand(
        &repository,
        "x",
        "x",
        "x\n\nImgpolicy-Update: {\"images\": 1}",
    );
    commit_by_hand(&repository, "x", "y", "x\n\nImgpolicy-Update: nonsense");
    let outcome = history(&repository, &[]).run().expect(0);
    assert!(
        outcome
            .stderr
            .contains("the files of 3 commits do not show"),
        "{outcome:#?}"
    );
}

#[test]
fn newest_update_comes_first_and_the_limit_counts_updates() {
    let repository = with_update();
    let file = repository.read("apps/web.yaml");
    for minor in 0..4 {
        let new = file.replace(OLD, &format!("docker.io/org/my-app:1.0.{}", minor + 1));
        let from = format!("1.0.{minor}");
        let to = format!("1.0.{}", minor + 1);
        commit_by_hand(&repository, "apps/web.yaml", &new, &claim(&from, &to));
    }
    let tags = |more: &[&str]| -> Vec<String> {
        let items = items(&repository, more);
        let tags = items
            .iter()
            .map(|item| text(item, "to").rsplit(':').next().map(str::to_owned));
        tags.flatten().collect()
    };
    assert_eq!(tags(&[]), ["1.0.4", "1.0.3", "1.0.2", "1.0.1"]);
    assert_eq!(tags(&["--limit=2"]), ["1.0.4", "1.0.3"]);
    assert_eq!(tags(&["--limit=0"]).len(), 4);
    assert_eq!(tags(&["-c", "other"]), [""; 0]);
    assert_eq!(tags(&["-c", "app", "--limit=1"]), ["1.0.4"]);
}

#[test]
fn other_workloads_and_namespaces_are_left_out() {
    let shop = deployment("web", &[], &[("app", OLD)])
        .replace("name: web\n", "name: web\n  namespace: shop\n");
    let repository = TestRepository::with(&[
        ("apps/web.yaml", &automated("semver:~1.0", OLD)),
        ("apps/shop.yaml", &shop),
    ]);
    commit(&repository).expect(0);
    let new = shop.replace("my-app:1.0.0", "my-app:1.0.1");
    let message = claim("1.0.0", "1.0.1")
        .replace("apps/web.yaml", "apps/shop.yaml")
        .replace("default", "shop");
    commit_by_hand(&repository, "apps/shop.yaml", &new, &message);
    let of_shop = items(&repository, &["-n", "shop"]);
    assert_eq!(
        of_shop.len(),
        2,
        "a manifest without a namespace may belong to any: {of_shop:#?}"
    );
    let of_default = items(&repository, &[]);
    assert_eq!(of_default.len(), 1);
    for words in [
        &["history", "deployment/api", "--git=."][..],
        &["history", "sts/web", "--git=."],
    ] {
        let outcome = repository.program(words).run().expect(0);
        assert_eq!(outcome.stdout, "");
        assert!(outcome.stderr.contains("No updates of "), "{outcome:#?}");
        assert!(!outcome.stderr.contains("do not show"), "{outcome:#?}");
    }
}

#[test]
fn marked_image_of_a_workload_is_part_of_its_history() {
    let marked = deployment(
        "web",
        &[],
        &[(
            "app",
            "org/app:1.9.0 # {\"$imagepolicy\": \"flux-system:app\"}",
        )],
    );
    let repository = TestRepository::with(&[("apps/web.yaml", &marked)]);
    let policy = "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata:\n  name: \
                  app\n  namespace: flux-system\nspec:\n  policy:\n    semver: {range: \
                  '*'}\nstatus:\n  latestRef:\n    name: org/app\n    tag: 1.10.0\n";
    repository.environment.write("policies.yaml", policy);
    let words = [
        "update",
        "-f",
        "apps",
        "-f",
        "../policies.yaml",
        "--elected=recorded",
        "--git=.",
        "--yes",
    ];
    repository.program(&words).run().expect(0);
    let item = items(&repository, &[]).remove(0);
    assert_eq!(text(&item, "from"), "org/app:1.9.0");
    assert_eq!(text(&item, "to"), "org/app:1.10.0");
    assert_eq!(text(&item, "policy"), "flux-system/app");
}

#[test]
fn words_that_name_no_single_workload_are_usage_errors() {
    let repository = with_update();
    for words in [
        &["history", "deployment", "--git=."][..],
        &["history", "deploy/a", "deploy/b", "--git=."],
        &["history"],
    ] {
        repository.program(words).run().expect(2);
    }
    let outcome = repository
        .program(&["history", "deployment/web", "--git=.."])
        .run()
        .expect(1);
    assert!(
        outcome.stderr.contains("not a git repository"),
        "{outcome:#?}"
    );
    // Without a repository, the cluster is needed.
    let outcome = repository
        .program(&["history", "deployment/web"])
        .run()
        .expect(1);
    assert!(!outcome.stderr.contains("only commits"), "{outcome:#?}");
}
