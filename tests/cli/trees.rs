//! Trees of manifests: what is skipped, what another file overrides, and what has no row.

use std::fs;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt as _;

use super::{AUTOMATED, deployment, root};
use crate::support::program::{Outcome, TestEnvironment};

fn app(name: &str) -> String {
    let policy = "fluxcd.io/tag.app: 'semver:~1.0'";
    deployment(
        name,
        &[AUTOMATED, policy],
        &[("app", "docker.io/org/my-app:1.0.0")],
    )
}

/// A Helm chart with a template that is not YAML, and one that is.
fn write_chart(environment: &TestEnvironment, folder: &str) {
    environment.write(&format!("{folder}/Chart.yaml"), "apiVersion: v2\nname: c\n");
    environment.write(
        &format!("{folder}/values.yaml"),
        "image: docker.io/org/my-app:1.0.0\n",
    );
    let broken = "{{- if .Values.x }}\na: [\n{{- end }}\n";
    environment.write(&format!("{folder}/templates/a.yaml"), broken);
    environment.write(&format!("{folder}/templates/b.yaml"), app("in-chart"));
}

fn run(environment: &TestEnvironment, words: &str) -> Outcome {
    let layout = root().join("docs/quickstart/images").display().to_string();
    let words: Vec<&str> = words.split(' ').chain(["--oci-layout", &layout]).collect();
    environment.run(words)
}

fn workloads(outcome: &Outcome) -> Vec<String> {
    let items = outcome.items();
    let name = |item: &serde_json::Value| item["workload"]["name"].as_str().map(str::to_owned);
    items.iter().filter_map(name).collect()
}

#[test]
fn folders_of_helm_charts_are_skipped_unless_named() {
    let environment = TestEnvironment::new();
    environment.write("apps/web.yaml", app("web"));
    write_chart(&environment, "charts/one");
    write_chart(&environment, "charts/one/charts/sub");
    write_chart(&environment, "charts/two");
    let outcome = run(&environment, "status -f . -R -o json").expect(0);
    assert_eq!(workloads(&outcome), ["web"]);
    assert!(
        outcome
            .stderr
            .lines()
            .any(|line| line == "skipped 2 Helm charts"),
        "{outcome:?}"
    );
    run(&environment, "status -f . -R --exit-code").expect(10);
    let outcome = run(&environment, "update -f . -R --yes").expect(0);
    assert!(
        outcome.stderr.contains("skipped 2 Helm charts"),
        "{outcome:?}"
    );
    let template = environment.home().join("charts/one/templates/b.yaml");
    assert_eq!(
        fs::read_to_string(template).expect("a file"),
        app("in-chart")
    );
    let locked = environment
        .run(["lock", "--all", "--yes", "-f", ".", "-R"])
        .expect(0);
    assert!(
        locked.stderr.contains("skipped 2 Helm charts"),
        "{locked:?}"
    );

    // A chart that is named is read, and its subchart is skipped.
    let named = run(&environment, "status -f charts/one -R -o json").expect(1);
    assert_eq!(workloads(&named), ["in-chart"]);
    assert!(named.stderr.contains("skipped 1 Helm chart"), "{named:?}");
    assert!(!named.stderr.contains("Helm charts"), "{named:?}");
    let file = run(
        &environment,
        "status -f charts/two/templates/b.yaml -o json",
    )
    .expect(0);
    assert_eq!(workloads(&file), ["in-chart"]);

    // Nothing but charts is not an error.
    let only = run(&environment, "status -f charts -R --exit-code").expect(0);
    assert!(only.stderr.contains("skipped 2 Helm charts"), "{only:?}");
    assert!(
        only.stderr.contains("No workloads found in the files."),
        "{only:?}"
    );
}

#[test]
fn excluded_files_and_folders_are_left_out() {
    let environment = TestEnvironment::new();
    environment.write("a/web.yaml", app("web"));
    environment.write("a/old/gone.yaml", app("gone"));
    environment.write("a/broken.yaml", "a: [\n");
    let words = "status -f a -R --exclude a/old --exclude ./a/broken.yaml -o json";
    let outcome = run(&environment, words).expect(0);
    assert_eq!(workloads(&outcome), ["web"]);
    let outcome = run(&environment, "status -f a -R --exclude a -o json").expect(0);
    assert!(outcome.items().is_empty(), "{outcome:?}");
    let outcome = run(&environment, "status -f a -R --exclude a/nope -o json").expect(1);
    assert!(outcome.stderr.contains("a/nope"), "{outcome:?}");
    run(&environment, "status --exclude a").expect(2);
    // A suggested command repeats the flag.
    let words = "explain deployment/web -f a -R --exclude a/old --exclude a/broken.yaml";
    let outcome = run(&environment, words).expect(0);
    assert!(outcome.stdout.contains("--exclude a/old"), "{outcome:?}");
}

#[test]
fn image_that_a_kustomization_replaces_is_not_written() {
    for (overlay, line, sets) in [
        (
            "resources:\n- ../base\nimages:\n- name: docker.io/org/my-app\n  newTag: 1.0.0\n",
            5,
            "newTag: 1.0.0",
        ),
        (
            "bases: [../base]\nimages: [{newName: q/app, name: docker.io/org/my-app}]\n",
            2,
            "newName: q/app",
        ),
        (
            "resources: [../base/d.yaml]\nimages:\n- digest: sha256:0\n  name: docker.io/org/my-app\n",
            3,
            "digest: sha256:0",
        ),
    ] {
        let environment = TestEnvironment::new();
        environment.write("base/kustomization.yaml", "resources: [d.yaml]\n");
        environment.write("base/d.yaml", app("web"));
        environment.write("overlay/kustomization.yaml", overlay);
        let base = || fs::read_to_string(environment.home().join("base/d.yaml")).expect("a file");
        let item = run(&environment, "status -f . -R --no-kustomize -o json")
            .expect(0)
            .item();
        let warnings = item["warnings"].as_array().expect("a list");
        let warning = warnings
            .iter()
            .find(|warning| warning["code"] == "overridden-by-kustomization")
            .expect("a warning");
        let message = warning["message"].as_str().expect("a message");
        let place = format!("overlay/kustomization.yaml:{line} ");
        assert!(
            message.contains(&place) && message.contains(sets),
            "{message}"
        );
        let outcome = run(&environment, "update -f . -R --no-kustomize --yes").expect(1);
        assert_eq!(base(), app("web"), "{outcome:?}");
        assert!(outcome.stderr.contains(&place), "{outcome:?}");
        assert!(outcome.stderr.contains("--image"), "{outcome:?}");
        let words = "update -f . -R --no-kustomize --yes --image docker.io/org/my-app:1.0.1";
        run(&environment, words).expect(0);
        assert!(base().contains("my-app:1.0.1"));
    }
}

#[test]
fn kustomization_that_replaces_another_image_or_file_changes_nothing() {
    for (file, text) in [
        (
            "overlay/kustomization.yaml",
            "resources: [../base]\nimages: [{name: my-app, newTag: '1'}]\n",
        ),
        (
            "overlay/kustomization.yaml",
            "resources: [../other]\nimages: [{name: docker.io/org/my-app, newTag: '1'}]\n",
        ),
        (
            "overlay/kustomization.yaml",
            "resources: [../base]\nimages: [{name: docker.io/org/my-app}]\n",
        ),
        (
            "overlay/images.yaml",
            "resources: [../base]\nimages: [{name: docker.io/org/my-app, newTag: '1'}]\n",
        ),
    ] {
        let environment = TestEnvironment::new();
        environment.write("base/kustomization.yml", "resources: [d.yaml]\n");
        environment.write("base/d.yaml", app("web"));
        environment.write(file, text);
        let outcome = run(&environment, "update -f . -R --no-kustomize --yes").expect(0);
        assert!(
            outcome.stdout.contains("deployment.apps/web"),
            "{text}: {outcome:?}"
        );
    }
}

#[test]
fn images_without_a_row_are_listed_and_counted() {
    let environment = TestEnvironment::new();
    let rollout = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: api}\nspec:\n  \
                   template:\n    spec:\n      containers:\n      - {name: app, image: 'q/api:1'}\n      \
                   volumes:\n      - {name: model, image: {reference: 'q/model:2'}}\n";
    let web = format!(
        "{}      volumes:\n      - name: data\n        image: {{reference: q/data:3}}\n      - \
         name: none\n        emptyDir: {{}}\n",
        app("web")
    );
    environment.write("all.yaml", format!("{web}---\n{rollout}"));
    let outcome = run(&environment, "status -f all.yaml").expect(0);
    let line = "not covered: 1 Rollout, 2 image volumes";
    assert!(
        outcome.stderr.lines().any(|other| other == line),
        "{outcome:?}"
    );
    let outcome = environment.run(["images", "-f", "all.yaml"]).expect(0);
    assert!(
        outcome.stderr.lines().any(|other| other == line),
        "{outcome:?}"
    );
    for (image, user) in [
        ("q/api ", "rollout/api"),
        ("q/model ", "rollout/api"),
        ("q/data ", "deployment/web"),
        ("docker.io/org/my-app ", "deployment/web"),
    ] {
        let found = outcome
            .stdout
            .lines()
            .any(|line| line.starts_with(image) && line.contains(user));
        assert!(found, "{image} {user}: {outcome:?}");
    }
    // Only images without a row are not covered.
    environment.write("all.yaml", app("web"));
    let outcome = run(&environment, "status -f all.yaml").expect(0);
    assert!(!outcome.stderr.contains("not covered"), "{outcome:?}");
}

#[test]
fn namespaces_are_shown_where_images_span_several() {
    let environment = TestEnvironment::new();
    let in_namespace = |namespace: &str| {
        let name = format!("  name: web\n  namespace: {namespace}\n");
        app("web").replace("  name: web\n", &name)
    };
    environment.write(
        "two.yaml",
        format!("{}---\n{}", in_namespace("a"), in_namespace("b")),
    );
    let outcome = environment.run(["images", "-f", "two.yaml"]).expect(0);
    assert!(
        outcome.stdout.contains("a/deployment/web,b/deployment/web"),
        "{outcome:?}"
    );
    run(
        &environment,
        "status -f two.yaml --save-snapshot snapshot.json",
    )
    .expect(0);
    let outcome = environment
        .run(["images", "--from-snapshot", "snapshot.json"])
        .expect(0);
    assert!(
        outcome.stdout.contains("a/deployment/web,b/deployment/web"),
        "{outcome:?}"
    );
    environment.write("two.yaml", in_namespace("a"));
    let outcome = environment.run(["images", "-f", "two.yaml"]).expect(0);
    assert!(!outcome.stdout.contains("a/deployment"), "{outcome:?}");
}

#[test]
fn json_that_is_not_a_manifest_is_no_error_in_a_folder() {
    let environment = TestEnvironment::new();
    environment.write("web.yaml", app("web"));
    environment.write(".vscode/settings.json", "{\"a\": 1,} // ours\n");
    let outcome = run(&environment, "status -f . -R -o json").expect(0);
    assert_eq!(workloads(&outcome), ["web"]);
    run(&environment, "status -f .vscode/settings.json").expect(1);
    environment.write("broken.json", "{\"kind\": \"Deployment\",}\n");
    run(&environment, "status -f . -R").expect(1);
}

#[cfg(unix)]
#[test]
fn author_of_a_lock_in_a_file_is_the_one_of_a_commit() {
    let environment = TestEnvironment::new();
    environment.write("web.yaml", app("web"));
    environment.write(
        "bin/git",
        "#!/bin/sh\n[ \"$*\" = 'config --get user.name' ] && echo Ada L.\n",
    );
    let program = environment.home().join("bin/git");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("a mode");
    let words = ["lock", "--all", "--yes", "-m", "- x: y", "-f", "web.yaml"];
    environment.run(words).expect(0);
    let text = fs::read_to_string(environment.home().join("web.yaml")).expect("a file");
    assert!(text.contains("fluxcd.io/locked_user: Ada L.\n"), "{text}");
    assert!(
        text.contains("fluxcd.io/locked_msg: \"- x: y\"\n"),
        "{text}"
    );
    let outcome = run(&environment, "status -f web.yaml -o json").expect(0);
    let message = outcome.item()["message"].to_string();
    assert!(message.contains("locked by Ada L.: - x: y"), "{message}");
}

#[test]
fn snapshot_is_never_saved_over_its_own_input() {
    let environment = TestEnvironment::new();
    environment.write("m/web.yaml", app("web"));
    for words in [
        "status -f m/web.yaml --save-snapshot m/web.yaml",
        "status -f m --save-snapshot ./m/../m/web.yaml",
    ] {
        let outcome = run(&environment, words).expect(1);
        assert!(outcome.stderr.contains("not overwritten"), "{outcome:?}");
        let text = fs::read_to_string(environment.home().join("m/web.yaml"));
        assert_eq!(text.expect("a file"), app("web"));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn result_that_cannot_be_printed_is_a_failure() {
    let environment = TestEnvironment::new();
    environment.write("web.yaml", app("web"));
    let program = env!("CARGO_BIN_EXE_kubectl-imgpolicy");
    for words in [
        "images -f web.yaml",
        "images -f web.yaml -o json",
        "version",
        "--help",
        "status --help",
    ] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("a device");
        let output = std::process::Command::new(program)
            .args(words.split(' '))
            .current_dir(environment.home())
            .stdout(full)
            .output()
            .expect("it runs");
        let stderr = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{words}: {stderr}");
        let message = "error: cannot write to standard output: No space left on device";
        assert!(stderr.contains(message), "{words}: {stderr}");
        let outcome = environment.program(words.split(' ')).run_unread();
        assert!(!outcome.stderr.contains("error"), "{words}: {outcome:?}");
        assert_eq!(outcome.code, Some(0), "{words}: {outcome:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn snapshot_without_an_end_is_refused() {
    let environment = TestEnvironment::new();
    let outcome = environment
        .run(["status", "--from-snapshot", "/dev/zero"])
        .expect(1);
    assert!(outcome.stderr.contains("larger than"), "{outcome:?}");
}
