//! `--commit-per`: what each of several commits contains, and that they are made, pushed and
//! taken back together.

#![cfg(unix)]

use regex::Regex;
use serde_json::Value;

use super::git::{OLD, update};
use super::{AUTOMATED, deployment, root, text};
use crate::support::git::TestRepository;
use crate::support::program::Outcome;

pub(super) const PROXY: &str = "docker.io/org/my-proxy:stg-4s7bsgv";

pub(super) const PER_WORKLOAD: [&str; 3] = ["--git=.", "--yes", "--commit-per=workload"];

/// An automated Deployment with these images.
pub(super) fn automated(name: &str, containers: &[(&str, &str)]) -> String {
    let mut annotations = vec![AUTOMATED.to_owned()];
    annotations.extend(containers.iter().map(|(container, image)| {
        let policy = if *image == PROXY {
            "regex:^stg.*"
        } else {
            "semver:~1.0"
        };
        format!("fluxcd.io/tag.{container}: '{policy}'")
    }));
    let annotations: Vec<&str> = annotations.iter().map(String::as_str).collect();
    deployment(name, &annotations, containers)
}

/// Two workloads in one file, the first with two images, and one in another file.
fn with_three() -> TestRepository {
    let both = format!(
        "{}---\n{}",
        automated("api", &[("app", OLD), ("proxy", PROXY)]),
        automated("web", &[("app", OLD)])
    );
    TestRepository::with_remote(&[
        ("apps/both.yaml", &both),
        ("apps/job.yaml", &automated("job", &[("app", OLD)])),
        ("other.yaml", "a: 1\n"),
    ])
}

/// The subjects of the commits since the first one, the oldest first.
pub(super) fn subjects(repository: &TestRepository) -> Vec<String> {
    let lines = repository.git(&["log", "--reverse", "--format=%s"]);
    lines.lines().skip(1).map(str::to_owned).collect()
}

/// The images in the trailer of a commit, as workload and container.
fn claimed(repository: &TestRepository, commit: &str) -> Vec<String> {
    let format = "--format=%(trailers:key=Imgpolicy-Update,valueonly)";
    let trailer = repository.git(&["log", "-1", format, commit]);
    let trailer: Value = serde_json::from_str(&trailer).expect(&trailer);
    let images = trailer["images"].as_array().cloned().unwrap_or_default();
    let names = images
        .iter()
        .map(|image| format!("{} {}", text(image, "workload"), text(image, "container")));
    names.collect()
}

/// A text without the time of the update.
fn without_time(text: &str) -> String {
    let time = Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").expect("a regex");
    time.replace_all(text, "TIME").into_owned()
}

/// The files after an update with one commit.
fn files_after_one_commit() -> [String; 2] {
    let repository = with_three();
    update(&repository, &["--git=.", "--yes"]).run().expect(0);
    assert_eq!(subjects(&repository).len(), 1);
    ["apps/both.yaml", "apps/job.yaml"].map(|file| without_time(&repository.read(file)))
}

pub(super) fn updates_in_history(repository: &TestRepository, workload: &str) -> Vec<String> {
    let words = ["history", workload, "--git=.", "-o", "json"];
    let json = repository.program(&words).run().expect(0).json();
    // A commit whose files contradict its trailer would be named.
    let notes = json["notes"].as_array().expect("notes");
    assert!(
        notes
            .iter()
            .all(|note| !note.to_string().contains("do not show")),
        "{notes:#?}"
    );
    let items = json["items"].as_array().expect("items").clone();
    let entries = items.iter().map(|item| {
        let commit = text(&item["sources"][0], "commit");
        format!("{} {}", text(item, "container"), &commit[..9])
    });
    entries.collect()
}

#[test]
fn each_workload_gets_a_commit_of_its_own_changes() {
    let repository = with_three();
    repository.write("other.yaml", "a: mine\n");
    let outcome = update(&repository, &PER_WORKLOAD).run().expect(0);
    assert_eq!(
        subjects(&repository),
        [
            "Update 2 images of deployment/api",
            "Update deployment/job (app): docker.io/org/my-app:1.0.0 → 1.0.1",
            "Update deployment/web (app): docker.io/org/my-app:1.0.0 → 1.0.1",
        ]
    );
    let short = |commit: &str| repository.git(&["rev-parse", "--short", commit]);
    let expected = format!(
        "deployment.apps/api image updated\ndeployment.apps/job image updated\ndeployment.apps/web \
         image updated\ncommitted {} on main: Update 2 images of deployment/api\ncommitted {} on \
         main: Update deployment/job (app): docker.io/org/my-app:1.0.0 → 1.0.1\ncommitted {} on \
         main: Update deployment/web (app): docker.io/org/my-app:1.0.0 → 1.0.1\n",
        short("HEAD~2"),
        short("HEAD~1"),
        short("HEAD")
    );
    assert_eq!(outcome.stdout, expected);
    for (commit, images, file) in [
        (
            "HEAD~2",
            &["deployment/api app", "deployment/api proxy"][..],
            "apps/both.yaml",
        ),
        ("HEAD~1", &["deployment/job app"], "apps/job.yaml"),
        ("HEAD", &["deployment/web app"], "apps/both.yaml"),
    ] {
        assert_eq!(claimed(&repository, commit), images);
        let files = repository.git(&["show", "--format=", "--name-only", commit]);
        assert_eq!(files, file, "{commit}");
    }
    // The second workload of the file is as before in the first commit.
    let between = repository.git(&["show", "HEAD~2:apps/both.yaml"]);
    let documents: Vec<&str> = between.split("---\n").collect();
    let before = automated("web", &[("app", OLD)]);
    assert_eq!(documents[1], before.trim_end());
    assert!(documents[0].contains("my-app:1.0.1"), "{between}");
    // All together, it is what one commit would have written.
    let after =
        ["apps/both.yaml", "apps/job.yaml"].map(|file| without_time(&repository.read(file)));
    assert_eq!(after, files_after_one_commit());
    assert_eq!(repository.git(&["status", "--porcelain"]), " M other.yaml");

    let web = updates_in_history(&repository, "deployment/web");
    assert_eq!(web, [format!("app {}", &repository.head()[..9])]);
    assert_eq!(updates_in_history(&repository, "deployment/api").len(), 2);
}

#[test]
fn each_image_gets_a_commit_wherever_it_is() {
    let repository = with_three();
    let words = ["--git=.", "--yes", "--commit-per=image", "-o", "json"];
    let json = update(&repository, &words).run().expect(0).json();
    let both = "Update docker.io/org/my-app to 1.0.1 in 3 containers";
    let proxy = "Update deployment/api (proxy): docker.io/org/my-proxy:stg-4s7bsgv → stg-k2x9d1m";
    assert_eq!(subjects(&repository), [both, proxy]);
    assert_eq!(text(&json, "commit"), repository.head());
    let commits = json["commits"].as_array().expect("commits");
    let listed: Vec<_> = commits.iter().map(|one| text(one, "subject")).collect();
    assert_eq!(listed, [both, proxy]);
    assert_eq!(
        text(&commits[0], "commit"),
        repository.git(&["rev-parse", "HEAD~1"])
    );
    assert_eq!(
        commits[0]["files"],
        serde_json::json!(["apps/both.yaml", "apps/job.yaml"])
    );
    assert_eq!(
        claimed(&repository, "HEAD~1"),
        [
            "deployment/api app",
            "deployment/job app",
            "deployment/web app"
        ]
    );
    assert_eq!(claimed(&repository, "HEAD"), ["deployment/api proxy"]);
    let between = repository.git(&["show", "HEAD~1:apps/both.yaml"]);
    assert!(between.contains(PROXY), "{between}");
    assert_eq!(
        between.matches("image: docker.io/org/my-app:1.0.1").count(),
        2,
        "{between}"
    );
    // The record of the workload names both images, so that a rollback restores both.
    let after =
        ["apps/both.yaml", "apps/job.yaml"].map(|file| without_time(&repository.read(file)));
    assert_eq!(after, files_after_one_commit());
    let api = updates_in_history(&repository, "deployment/api");
    let (first, second) = (repository.git(&["rev-parse", "HEAD~1"]), repository.head());
    assert_eq!(
        api,
        [
            format!("proxy {}", &second[..9]),
            format!("app {}", &first[..9])
        ]
    );
}

#[test]
fn one_commit_is_listed_like_several() {
    let repository = with_three();
    let json = update(&repository, &["--git=.", "--yes", "-o", "json"]);
    let json = json.run().expect(0).json();
    let commits = json["commits"].as_array().expect("commits");
    assert_eq!(commits.len(), 1);
    assert_eq!(commits[0]["commit"], json["commit"]);
    assert_eq!(text(&commits[0], "subject"), "Update 4 images");
}

#[test]
fn workloads_that_share_a_line_are_in_one_commit() {
    let base = "resources: [all.yaml]\n";
    let all = format!(
        "{}---\n{}---\n{}",
        automated("api", &[("app", OLD)]),
        automated("edge", &[("app", PROXY)]),
        automated("web", &[("app", OLD)])
    );
    let prod = "resources: [../base]\nimages:\n- name: docker.io/org/my-app\n  newTag: 1.0.0\n- name: \
                docker.io/org/my-proxy\n  newTag: stg-4s7bsgv\n";
    let repository = TestRepository::with(&[
        ("base/kustomization.yaml", base),
        ("base/all.yaml", &all),
        ("prod/kustomization.yaml", prod),
    ]);
    let layout = root().join("docs/quickstart/images").display().to_string();
    let words = ["update", "--oci-layout", &layout, "-k", "prod"];
    let run = repository.program(&[&words[..], &PER_WORKLOAD].concat());
    run.run().expect(0);
    assert_eq!(
        subjects(&repository),
        [
            "Update docker.io/org/my-app to 1.0.1 in 2 containers",
            "Update deployment/edge (app): docker.io/org/my-proxy:stg-4s7bsgv → stg-k2x9d1m",
        ]
    );
    let first = prod.replace("1.0.0", "1.0.1");
    let between = repository.git(&["show", "HEAD~1:prod/kustomization.yaml"]);
    assert_eq!(between, first.trim_end());
    let second = first.replace("stg-4s7bsgv", "stg-k2x9d1m");
    assert_eq!(repository.read("prod/kustomization.yaml"), second);
    for workload in ["deployment/api", "deployment/edge", "deployment/web"] {
        assert_eq!(
            updates_in_history(&repository, workload).len(),
            1,
            "{workload}"
        );
    }
}

#[test]
fn several_commits_are_one_push() {
    let repository = with_three();
    repository.remote_hook("pre-receive", "cat >> pushes");
    let words = [&PER_WORKLOAD[..], &["--push"]].concat();
    let outcome = update(&repository, &words).run().expect(0);
    assert!(
        outcome
            .stdout
            .ends_with("pushed 3 commits to origin/main\n"),
        "{outcome:#?}"
    );
    assert_eq!(repository.remote(&["rev-parse", "main"]), repository.head());
    let pushes = repository.environment.home().join("remote.git/pushes");
    let pushes = std::fs::read_to_string(pushes).expect("pushes");
    assert_eq!(pushes.lines().count(), 1, "{pushes}");
}

/// Everything that a run which fails must leave alone.
fn state(repository: &TestRepository) -> Vec<String> {
    vec![
        repository.read("apps/both.yaml"),
        repository.read("apps/job.yaml"),
        repository.head(),
        repository.git(&["status", "--porcelain"]),
        repository.git(&["diff", "--cached"]),
        repository.remote(&["rev-parse", "main"]),
    ]
}

#[test]
fn refused_push_takes_all_commits_back() {
    let repository = with_three();
    repository.write("other.yaml", "a: staged\n");
    repository.git(&["add", "other.yaml"]);
    repository.remote_hook("pre-receive", "echo protected; exit 1");
    let before = state(&repository);
    let words = [&PER_WORKLOAD[..], &["--push"]].concat();
    let outcome = update(&repository, &words).run().expect(1);
    assert_eq!(state(&repository), before);
    let said = "were taken back, and the branch and the files are as before; to keep them on a \
                branch: git branch NAME ";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
    // The suggested command keeps all of them.
    let kept = outcome.stderr.rsplit("git branch NAME ").next();
    let kept = kept.and_then(|kept| kept.lines().next());
    repository.git(&["branch", "kept", kept.expect("a commit")]);
    assert_eq!(repository.git(&["rev-list", "--count", "main..kept"]), "3");
    for workload in ["api", "job", "web"] {
        let said = format!("error: deployment/{workload}: not pushed: ");
        assert!(outcome.stderr.contains(&said), "{outcome:#?}");
    }
}

#[test]
fn hook_that_refuses_a_later_commit_leaves_nothing() {
    let repository = with_three();
    let refusal = "grep -q '^deployment/job' \"$1\" && { echo 'no jobs'; exit 1; }; exit 0";
    repository.hook("commit-msg", refusal);
    let before = state(&repository);
    let outcome = update(&repository, &PER_WORKLOAD).run().expect(1);
    assert_eq!(state(&repository), before);
    assert_eq!(outcome.stdout, "");
    for said in [
        "error: nothing was committed: no jobs\n",
        "error: deployment/api: not committed: no jobs; apps/both.yaml was restored\n",
        "error: deployment/web: not committed: no jobs; apps/both.yaml was restored\n",
    ] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome:#?}");
    }
}

#[test]
fn commit_that_cannot_be_taken_back_after_a_later_refusal_is_reported() {
    let repository = with_three();
    let refusal = "grep -q '^deployment/job' \"$1\" && { echo '# mine' >> apps/both.yaml; echo no; \
                   exit 1; }; exit 0";
    repository.hook("commit-msg", refusal);
    let outcome = update(&repository, &PER_WORKLOAD).run().expect(1);
    for said in [
        "error: not everything was committed: no\n",
        "is on the local branch, because it could not be taken back: ",
        "error: deployment/api: not committed: no; apps/both.yaml was committed locally\n",
        "error: deployment/job: not committed: no; apps/job.yaml was restored\n",
    ] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome:#?}");
    }
    assert_eq!(subjects(&repository), ["Update 2 images of deployment/api"]);
    assert!(repository.read("apps/both.yaml").ends_with("# mine\n"));
}

/// A run whose process is killed by a hook, as the system does when it runs out of memory.
fn killed(repository: &TestRepository, hook: &str, words: &[&str]) -> Outcome {
    let kill = "program=$(sed -n 's/^PPid:[[:space:]]*//p' /proc/$PPID/status)\nkill -9 $program \
                $PPID";
    repository.hook(hook, kill);
    let outcome = update(repository, words).run();
    assert_eq!(outcome.code, None, "{outcome:#?}");
    std::fs::remove_file(repository.folder().join(format!(".git/hooks/{hook}"))).expect("removed");
    outcome
}

#[cfg(target_os = "linux")]
#[test]
fn run_that_is_killed_between_commits_is_finished_by_the_next_one() {
    let repository = with_three();
    killed(&repository, "post-commit", &PER_WORKLOAD);
    assert_eq!(subjects(&repository), ["Update 2 images of deployment/api"]);
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
    update(&repository, &PER_WORKLOAD).run().expect(0);
    assert_eq!(subjects(&repository).len(), 3);
    let after =
        ["apps/both.yaml", "apps/job.yaml"].map(|file| without_time(&repository.read(file)));
    assert_eq!(after, files_after_one_commit());
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
}

#[test]
fn annotations_are_committed_per_workload() {
    let repository = with_three();
    let words = ["lock", "-f", "apps", "-R", "-m", "freeze", "--by", "ada"];
    let run = repository.program(&[&words[..], &PER_WORKLOAD, &["-o", "json"]].concat());
    let json = run.run().expect(0).json();
    let expected = [
        "Lock deployment/api",
        "Lock deployment/job",
        "Lock deployment/web",
    ];
    assert_eq!(subjects(&repository), expected);
    let commits = json["commits"].as_array().expect("commits");
    let listed: Vec<_> = commits.iter().map(|one| text(one, "subject")).collect();
    assert_eq!(listed, expected);
    let words = [
        "unlock",
        "-f",
        "apps",
        "--git=.",
        "--commit-per=image",
        "--yes",
    ];
    let outcome = repository.program(&words).run().expect(2);
    let said = "use --commit-per workload";
    assert!(outcome.stderr.contains(said), "{outcome:#?}");
}

#[test]
fn unit_has_to_be_known_and_needs_a_repository() {
    let repository = with_three();
    for (words, said) in [
        (&["--commit-per=workload"][..], "--git"),
        (
            &["--git=.", "--commit-per=file"],
            "[possible values: run, workload, image]",
        ),
    ] {
        let outcome = update(&repository, words).run().expect(2);
        assert!(outcome.stderr.contains(said), "{outcome:#?}");
    }
}
