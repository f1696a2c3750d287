//! What others write into a file between a plan and its write, or at the same moment.

use std::fs;

use jiff::Timestamp;
use kubectl_imgpolicy::collect::from_files;
use kubectl_imgpolicy::evaluator::Settings;
use kubectl_imgpolicy::plan::{Authorship, Plan};
use kubectl_imgpolicy::write::{Done, DryRun, FileWriter, WrittenFiles, write_files};

use super::files::{deployment, folder, images, in_folder, read};

/// A workload that follows a policy, and a Kustomization that has one for its image.
const FOLLOWING: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    fluxcd.io/automated: \"true\"
    fluxcd.io/tag.app: semver:^1
spec:
  template:
    spec:
      containers:
      - name: app
        image: org/app:1
      - name: side
        image: org/side:1
";

const KUSTOMIZATION: &str = "\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: apps
spec:
  path: ./
  imagePolicies:
  - name: app
    policy:
      semver:
        range: ^1
    oci:
      image: org/app
";

/// What a colleague's edit of a file does to the write of a plan that was made before.
fn written_after(manifest: &str, edits: &[(&str, &str, &str)]) -> (String, bool) {
    let folder = folder(&[("web.yaml", manifest), ("apps.yaml", KUSTOMIZATION)]);
    let listing = in_folder(folder.path());
    let policy_files: Vec<String> = listing
        .objects
        .iter()
        .map(|(at, _)| at.file.clone())
        .collect();
    let snapshot = from_files(
        listing,
        "default",
        Settings::default(),
        Timestamp::UNIX_EPOCH,
    );
    let snapshot = snapshot.expect("a snapshot");
    let listing = in_folder(folder.path());
    let mut plan = images(&listing, "org/app:2");
    plan.rest_on(&snapshot.workloads, &snapshot.sources());
    for (file, old, new) in edits {
        let text = read(&folder, file);
        assert!(text.contains(old), "{text}");
        fs::write(folder.path().join(file), text.replace(old, new)).expect("a file");
    }
    let authorship = Authorship {
        by: "ada".to_owned(),
        at: Timestamp::UNIX_EPOCH,
        overrides: Vec::new(),
        is_recorded: true,
    };
    let writer = FileWriter {
        dry_run: DryRun::None,
        authorship: &authorship,
        default_namespace: "shop",
        stdin: None,
        policy_files: &policy_files,
        locks: None,
        journal: None,
    };
    let WrittenFiles { applied, .. } = write_files(&plan, Vec::new(), &writer);
    let result = match &applied[0].result {
        Ok(done) => format!("{done:?}"),
        Err(error) => error.to_string(),
    };
    (result, read(&folder, "web.yaml").contains("org/app:2"))
}

#[test]
fn decision_written_to_a_file_after_the_plan_is_not_overwritten() {
    let by_entry = FOLLOWING.replace("    fluxcd.io/tag.app: semver:^1\n", "");
    let since = "has changed since the plan was made: now";
    for (manifest, edit, why) in [
        (
            FOLLOWING,
            ("web.yaml", "semver:^1", "digest:1.1.2"),
            format!("container app: the policy {since} digest:1.1.2"),
        ),
        (
            FOLLOWING,
            ("web.yaml", "automated: \"true\"", "automated: \"false\""),
            format!("container app: the state {since} manual"),
        ),
        (
            FOLLOWING,
            (
                "web.yaml",
                "  annotations:\n",
                "  annotations:\n    imgpolicy.dev/min-age: 72h\n",
            ),
            format!("container app: the minimum age {since} 72h"),
        ),
        (
            FOLLOWING,
            (
                "web.yaml",
                "automated:",
                "ignore: \"true\"\n    fluxcd.io/automated:",
            ),
            "it has been marked as ignored since the plan was made".to_owned(),
        ),
        (
            &by_entry,
            ("apps.yaml", "range: ^1", "range: ~0.9"),
            format!("container app: the policy {since} semver:~0.9"),
        ),
        (
            &by_entry,
            ("apps.yaml", "imagePolicies:", "policies:"),
            format!("container app: the policy {since} glob:*"),
        ),
    ] {
        assert_eq!(written_after(manifest, &[edit]), (why, false), "{edit:?}");
    }
}

#[test]
fn unrelated_edit_of_a_file_after_the_plan_is_no_obstacle() {
    let by_entry = FOLLOWING.replace("    fluxcd.io/tag.app: semver:^1\n", "");
    for (manifest, edit) in [
        (FOLLOWING, ("web.yaml", "org/side:1", "org/side:2")),
        (
            FOLLOWING,
            (
                "web.yaml",
                "  annotations:\n",
                "  annotations:\n    fluxcd.io/tag.side: semver:~2\n",
            ),
        ),
        (
            FOLLOWING,
            ("web.yaml", "fluxcd.io/tag.app", "flux.weave.works/tag.app"),
        ),
        (FOLLOWING, ("apps.yaml", "range: ^1", "range: ~0.9")),
        (&by_entry, ("apps.yaml", "name: app\n", "name: other\n")),
    ] {
        let written = ("Written".to_owned(), true);
        assert_eq!(written_after(manifest, &[edit]), written, "{edit:?}");
    }
}

/// Two runs that write one file at the same time, each its own workload.
#[test]
fn edits_of_two_runs_at_the_same_time_are_both_kept() {
    for round in 0..100 {
        let text = format!("{}---\n{}", deployment("one"), deployment("two"));
        let folder = folder(&[("web.yaml", &text)]);
        let locks = folder.path().join("locks");
        let listing = in_folder(folder.path());
        let all = images(&listing, "org/app:2");
        let barrier = std::sync::Barrier::new(2);
        let run = |which: usize| {
            let plan = Plan {
                changes: vec![all.changes[which].clone()],
                ..Plan::default()
            };
            let authorship = Authorship {
                by: "ada".to_owned(),
                at: Timestamp::UNIX_EPOCH,
                overrides: Vec::new(),
                is_recorded: true,
            };
            let writer = FileWriter {
                dry_run: DryRun::None,
                authorship: &authorship,
                default_namespace: "shop",
                stdin: None,
                policy_files: &[],
                locks: Some(&locks),
                journal: None,
            };
            barrier.wait();
            let WrittenFiles { applied, .. } = write_files(&plan, Vec::new(), &writer);
            applied[0]
                .result
                .as_ref()
                .map_err(ToString::to_string)
                .copied()
        };
        let (one, two) = std::thread::scope(|scope| {
            let other = scope.spawn(|| run(1));
            (run(0), other.join().expect("no panic"))
        });
        assert_eq!(
            (one, two),
            (Ok(Done::Written), Ok(Done::Written)),
            "{round}"
        );
        let written = read(&folder, "web.yaml");
        assert_eq!(
            written.matches("image: 'org/app:2'").count(),
            2,
            "{round}: {written}"
        );
    }
}
