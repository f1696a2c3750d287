//! `update --git`: what is committed, and what stays as it is.

use serde_json::{Value, json};

use super::{AUTOMATED, automated, deployment, root, text};
use crate::support::git::TestRepository;
use crate::support::program::{Outcome, Run};

pub(super) const OLD: &str = "docker.io/org/my-app:1.0.0";

/// An update of everything in `apps`.
pub(super) fn update(repository: &TestRepository, more: &[&str]) -> Run {
    let layout = root().join("docs/quickstart/images").display().to_string();
    let words = ["update", "-f", "apps", "-R", "--oci-layout", &layout];
    repository.program(&[&words[..], more].concat())
}

pub(super) fn commit(repository: &TestRepository) -> Outcome {
    update(repository, &["--git", ".", "--yes"]).run()
}

/// A repository with the workload `web` in `apps/web.yaml`, which has an update.
pub(super) fn with_update() -> TestRepository {
    TestRepository::with(&[
        ("apps/web.yaml", &automated("semver:~1.0", OLD)),
        ("other.yaml", "a: 1\n"),
        ("third.yaml", "a: 1\n"),
    ])
}

/// The data in the trailer of the last commit.
pub(super) fn trailer(repository: &TestRepository) -> Value {
    let format = "--format=%(trailers:key=Imgpolicy-Update,valueonly)";
    let line = repository.git(&["log", "-1", format]);
    serde_json::from_str(&line).expect(&line)
}

pub(super) fn files_of_last_commit(repository: &TestRepository) -> String {
    repository.git(&["show", "--format=", "--name-only", "HEAD"])
}

#[test]
fn update_is_committed_with_what_changed_and_why() {
    let repository = with_update();
    let outcome = commit(&repository).expect(0);
    let short = repository.git(&["rev-parse", "--short", "HEAD"]);
    assert_eq!(
        outcome.stdout,
        format!("deployment.apps/web image updated\ncommitted {short} on main\n")
    );
    let message = repository.git(&["log", "-1", "--format=%B"]);
    let words = message.split("\n\nImgpolicy-Update: ").next();
    insta::assert_snapshot!(words.expect("a message"), @r"
    Update deployment/web (app): docker.io/org/my-app:1.0.0 → 1.0.1

    deployment/web in namespace default, container app, apps/web.yaml
      docker.io/org/my-app:1.0.0 → docker.io/org/my-app:1.0.1
      digest: sha256:f611c1f7e35bd1bf6104cb1c9db124b1138a757cefb31a10a048ed5ac4246ebd
      policy: semver:~1.0
      why: 1.0.1 is the highest of 2 tags that match semver:~1.0
    ");
    let author = repository.git(&["log", "-1", "--format=%an <%ae>"]);
    assert_eq!(author, "Ada <ada@example.com>");
    assert_eq!(files_of_last_commit(&repository), "apps/web.yaml");
    assert_eq!(repository.git(&["status", "--porcelain"]), "");

    // The trailer says what the record in the manifest says.
    let after = repository.read("apps/web.yaml");
    let record = after
        .lines()
        .find_map(|line| line.trim().strip_prefix("imgpolicy.dev/last-update: "))
        .map(|record| record.trim_matches('\''))
        .expect("a record");
    let record: Value = serde_json::from_str(record).expect("JSON");
    let mut expected = record["changes"][0].clone();
    for (field, value) in [
        ("workload", "deployment/web"),
        ("namespace", "default"),
        ("file", "apps/web.yaml"),
    ] {
        expected[field] = json!(value);
    }
    assert_eq!(trailer(&repository), json!({"images": [expected]}));
    assert_eq!(record["by"], "Ada");

    let again = commit(&repository).expect(0);
    assert_eq!(again.stdout, "");
    assert_eq!(repository.git(&["rev-list", "--count", "HEAD"]), "2");
}

#[test]
fn marked_values_are_committed_with_their_place_and_policy() {
    let policy = "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata:\n  name: \
                  app\n  namespace: flux-system\nspec:\n  policy:\n    semver: {range: \
                  '*'}\nstatus:\n  latestRef:\n    name: org/app\n    tag: 1.10.0\n";
    let marked = "images:\n- name: app\n  newTag: 1.9.0 # {\"$imagepolicy\": \
                  \"flux-system:app:tag\"}\n";
    let repository = TestRepository::with(&[("apps/kustomization.yaml", marked)]);
    // The ImagePolicy is never written, so it may be anywhere.
    repository.environment.write("policies.yaml", policy);
    let more = [
        "-f",
        "../policies.yaml",
        "--elected=recorded",
        "--git=.",
        "--yes",
    ];
    let outcome = update(&repository, &more).run().expect(0);
    assert!(
        outcome
            .stdout
            .starts_with("apps/kustomization.yaml:3 updated\ncommitted ")
    );
    let message = repository.git(&["log", "-1", "--format=%B"]);
    insta::assert_snapshot!(message, @r#"
    Update apps/kustomization.yaml:3 (flux-system/app): 1.9.0 → 1.10.0

    apps/kustomization.yaml:3, tag
      1.9.0 → 1.10.0
      policy: flux-system/app
      why: ImagePolicy flux-system/app has recorded org/app:1.10.0

    Imgpolicy-Update: {"markers":[{"file":"apps/kustomization.yaml","line":3,"from":"1.9.0","to":"1.10.0","policy":"flux-system/app","part":"tag"}]}
    "#);
    assert!(
        repository
            .read("apps/kustomization.yaml")
            .contains("newTag: 1.10.0 #")
    );
}

#[test]
fn several_changes_are_one_commit() {
    let two = deployment(
        "two",
        &[
            AUTOMATED,
            "fluxcd.io/tag.a: semver:~1.0",
            "fluxcd.io/tag.b: semver:~1.0",
        ],
        &[("a", OLD), ("b", OLD)],
    );
    let repository = with_update();
    repository.write("apps/two.yaml", &two);
    repository.git(&["add", "."]);
    repository.git(&["commit", "-qm", "second"]);
    commit(&repository).expect(0);
    assert_eq!(
        repository.git(&["log", "-1", "--format=%s"]),
        "Update docker.io/org/my-app to 1.0.1 in 3 containers"
    );
    assert_eq!(
        files_of_last_commit(&repository),
        "apps/two.yaml\napps/web.yaml"
    );
    let images = trailer(&repository)["images"].clone();
    assert_eq!(images.as_array().map(Vec::len), Some(3));
}

#[test]
fn data_has_the_commit_and_the_branch() {
    let repository = with_update();
    let json = update(&repository, &["--git", ".", "--yes", "-o", "json"])
        .run()
        .expect(0)
        .json();
    assert_eq!(text(&json, "commit"), repository.head());
    assert_eq!(text(&json, "branch"), "main");
    let repository = with_update();
    let names = update(&repository, &["--git=.", "--yes", "-o", "name"]).run();
    let names = names.expect(0);
    assert_eq!(names.stdout, "deployment.apps/web\n");
    assert!(names.stderr.contains("committed "), "{names:#?}");
}

#[test]
fn other_changes_and_the_index_of_the_user_stay() {
    let repository = with_update();
    repository.write("other.yaml", "a: staged\n");
    repository.git(&["add", "other.yaml"]);
    repository.write("other.yaml", "a: staged and edited\n");
    repository.write("third.yaml", "a: edited\n");
    repository.write("new.yaml", "a: new\n");
    let before = repository.git(&["status", "--porcelain"]);
    let outcome = commit(&repository).expect(0);
    assert!(!outcome.stderr.contains("uncommitted"), "{outcome:#?}");
    assert_eq!(files_of_last_commit(&repository), "apps/web.yaml");
    assert_eq!(repository.git(&["status", "--porcelain"]), before);
    assert_eq!(repository.git(&["show", ":other.yaml"]), "a: staged");
}

#[test]
fn detached_head_gets_the_commit_and_a_note() {
    let repository = with_update();
    repository.git(&["checkout", "--quiet", "--detach"]);
    let outcome = commit(&repository).expect(0);
    assert!(
        outcome.stdout.ends_with(" on a detached HEAD\n"),
        "{outcome:#?}"
    );
    assert!(outcome.stderr.contains("git branch NAME"), "{outcome:#?}");
    assert_ne!(repository.head(), repository.git(&["rev-parse", "main"]));
    let repository = with_update();
    repository.git(&["checkout", "--quiet", "--detach"]);
    let json = update(&repository, &["--git=.", "--yes", "-o", "json"]).run();
    assert_eq!(json.expect(0).json()["branch"], Value::Null);
}

#[test]
fn dry_run_neither_writes_nor_commits() {
    let repository = with_update();
    let head = repository.head();
    let outcome = update(&repository, &["--git", ".", "--dry-run"])
        .run()
        .expect(0);
    assert_eq!(
        outcome.stdout,
        "deployment.apps/web image updated (dry run)\n"
    );
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
    assert_eq!(repository.head(), head);
}

#[test]
fn subfolder_stands_for_its_repository_and_names_are_no_flags_or_patterns() {
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n".to_owned();
    let repository = TestRepository::with(&[
        ("clusters/x/readme", "a"),
        ("apps/--force.yaml", &automated("semver:~1.0", OLD)),
        ("apps/:(glob)a.yaml", &automated("semver:~1.0", OLD)),
        ("apps/[ab].yaml", &automated("semver:~1.0", OLD)),
        ("apps/a.yaml", &config),
    ]);
    // The name in brackets, as a pattern, would also mean this file.
    repository.write("apps/a.yaml", &format!("# mine\n{config}"));
    update(&repository, &["--git", "clusters/x", "--yes"])
        .run()
        .expect(0);
    assert_eq!(
        files_of_last_commit(&repository),
        "apps/--force.yaml\napps/:(glob)a.yaml\napps/[ab].yaml"
    );
    // Named itself, and from within its folder.
    let repository = TestRepository::with(&[("--force.yaml", &automated("semver:~1.0", OLD))]);
    let layout = root().join("docs/quickstart/images").display().to_string();
    let words = [
        "update",
        "-f=--force.yaml",
        "--oci-layout",
        &layout,
        "--git=.",
        "--yes",
    ];
    repository.program(&words).run().expect(0);
    assert_eq!(files_of_last_commit(&repository), "--force.yaml");
}

#[test]
fn variables_of_a_calling_git_do_not_redirect_the_commit() {
    let repository = with_update();
    update(&repository, &["--git", ".", "--yes"])
        .env("GIT_DIR", "/nonexistent")
        .env("GIT_INDEX_FILE", "/nonexistent/index")
        .env("GIT_LITERAL_PATHSPECS", "1")
        .run()
        .expect(0);
    assert_eq!(files_of_last_commit(&repository), "apps/web.yaml");
}

#[test]
fn line_ends_are_converted_as_the_repository_is_set_up() {
    let repository = with_update();
    repository.git(&["config", "core.autocrlf", "true"]);
    repository.git(&["rm", "--quiet", "--cached", "apps/web.yaml"]);
    let windows = repository.read("apps/web.yaml").replace('\n', "\r\n");
    repository.write("apps/web.yaml", &windows);
    repository.git(&["add", "apps/web.yaml"]);
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
    commit(&repository).expect(0);
    let after = repository.read("apps/web.yaml");
    assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
    let committed = repository.git(&["show", "HEAD:apps/web.yaml"]);
    assert!(!committed.contains('\r'), "{committed}");
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
    let removed = repository.git(&["show", "--format=", "--numstat", "HEAD"]);
    assert!(removed.contains("\t1\tapps/web.yaml"), "{removed}");
}

#[cfg(unix)]
#[test]
fn link_is_committed_as_the_file_behind_it() {
    let repository = with_update();
    let link = repository.folder().join("apps/link.yaml");
    std::fs::rename(
        repository.folder().join("apps/web.yaml"),
        repository.folder().join("web.yaml"),
    )
    .expect("moved");
    std::os::unix::fs::symlink("../web.yaml", link).expect("a link");
    repository.git(&["add", "--all"]);
    repository.git(&["commit", "-qm", "link"]);
    commit(&repository).expect(0);
    assert_eq!(files_of_last_commit(&repository), "web.yaml");
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
}

#[test]
fn message_begins_with_the_users_template_and_keeps_the_trailer() {
    let repository = with_update();
    let template = "chore({{.Workload}}): {{.Image}} {{.Old}} -> {{ .New }}\n\n{{.Count}} by \
                    {{.Policy}} in {{.Namespace}}, {{.Container}}\n";
    repository.environment.write("template", template);
    let words = ["--git=.", "--yes", "--message-template=../template"];
    update(&repository, &words).run().expect(0);
    let message = repository.git(&["log", "-1", "--format=%B"]);
    let begin = "chore(deployment/web): docker.io/org/my-app 1.0.0 -> 1.0.1\n\n1 by semver:~1.0 in \
                 default, app\n\ndeployment/web in namespace default, container app, apps/web.yaml\n";
    assert!(message.starts_with(begin), "{message}");
    assert_eq!(trailer(&repository)["images"][0]["container"], "app");

    // Several images: each text once.
    let two = deployment(
        "two",
        &[
            AUTOMATED,
            "fluxcd.io/tag.a: semver:~1.0",
            "fluxcd.io/tag.b: semver:~1.0",
        ],
        &[("a", OLD), ("b", OLD)],
    );
    let repository = TestRepository::with(&[("apps/two.yaml", &two)]);
    repository.environment.write(
        "template",
        "{{.Count}}: {{.Workload}} {{.Container}} {{.New}} {{.Date}}",
    );
    update(&repository, &words).run().expect(0);
    let subject = repository.git(&["log", "-1", "--format=%s"]);
    let expected = "2: deployment/two a, b 1.0.1 ";
    let date = subject.strip_prefix(expected).expect(&subject);
    assert_eq!(date.len(), "2026-01-02".len(), "{subject}");
}

#[test]
fn template_with_an_unknown_field_is_refused_before_anything_is_cloned_or_written() {
    let repository = with_update();
    repository.environment.write("template", "x\n{{.Tag}}");
    let head = repository.head();
    for place in [".", "https://git.invalid/x.git"] {
        let git = format!("--git={place}");
        let words = [&*git, "--dry-run", "--message-template=../template"];
        let outcome = update(&repository, &words).run().expect(1);
        let said = "error: --message-template ../template: line 2: {{.Tag}} is not a field of the \
                    template; the fields are {{.Workload}}, ";
        assert!(outcome.stderr.starts_with(said), "{outcome:#?}");
    }
    let words = ["--git=.", "--yes", "--message-template=../gone"];
    let outcome = update(&repository, &words).run().expect(1);
    assert!(
        outcome.stderr.contains("--message-template ../gone: "),
        "{outcome:#?}"
    );
    assert_eq!(repository.head(), head);
}
