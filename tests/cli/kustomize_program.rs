//! When the kustomize program is started, and that nothing outside the tree reaches it.
//!
//! The program here only notes that it was started. `tests/live/kustomize.rs` runs kustomize
//! itself.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::Value;

use super::deployment;
use crate::support::program::{Outcome, TestEnvironment};

/// A field that the model does not know, and that has no effect.
const NOT_MODELLED: &str = "configurations: [none.yaml]\n";

/// An environment with a kustomization in `prod`, and a kustomize that notes its start.
struct Watched {
    environment: TestEnvironment,
}

impl Watched {
    fn new() -> Self {
        let environment = TestEnvironment::new();
        let web = deployment("web", &["team: shop"], &[("app", "reg.example/app:1.0.0")]);
        environment.write("prod/deploy.yaml", web);
        environment.write("prod/none.yaml", "{}\n");
        environment.write("secret/x.yaml", "kind: Secret\n");
        let program = environment.write("bin/kustomize", "#!/bin/sh\n: > \"$0.started\"\nexit 7\n");
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("executable");
        Self { environment }
    }

    fn status(&self, kustomization: &str) -> Outcome {
        let _ = fs::remove_file(self.mark());
        self.environment
            .write("prod/kustomization.yaml", kustomization);
        self.environment
            .program(["status", "-k", "prod", "-o", "json"])
            .env(
                "PATH",
                &self.environment.home().join("bin").display().to_string(),
            )
            .run()
    }

    fn mark(&self) -> PathBuf {
        self.environment.home().join("bin/kustomize.started")
    }

    /// The error of a run that must not start the program.
    #[track_caller]
    fn refused(&self, kustomization: &str) -> Value {
        let outcome = self.status(kustomization);
        assert!(
            !self.mark().exists(),
            "started: {kustomization}\n{outcome:#?}"
        );
        error(&outcome)
    }
}

#[track_caller]
fn error(outcome: &Outcome) -> Value {
    let status: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    assert_eq!(status["items"], serde_json::json!([]));
    assert_eq!(status["errors"].as_array().map(Vec::len), Some(1));
    status["errors"][0].clone()
}

#[test]
fn program_is_started_only_for_what_the_model_cannot_build() {
    let watched = Watched::new();
    let outcome = watched.status("resources: [deploy.yaml]\n");
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert!(!watched.mark().exists());
    let outcome = watched.status(&format!("resources: [deploy.yaml]\n{NOT_MODELLED}"));
    assert!(watched.mark().exists(), "{outcome:#?}");
    let error = error(&outcome);
    assert_eq!(error["reason"], "KustomizeFailed");
    assert!(
        error["message"]
            .to_string()
            .contains("it failed without a message"),
        "{error}"
    );
}

#[test]
fn entries_without_effect_are_reported_for_what_the_program_builds() {
    let watched = Watched::new();
    let home = watched.environment.home();
    // What kustomize prints for each of these: the entry `other` gives a new name.
    let web = deployment("web", &["team: shop"], &[("app", "reg.example/new:1.0.0")]);
    watched.environment.write("bin/printed.yaml", web);
    let printed = home.join("bin/printed.yaml").display().to_string();
    let script = format!("#!/bin/sh\nexec /bin/cat '{printed}'\n");
    watched.environment.write("bin/kustomize", script);
    for (entries, dead) in [
        ("- {name: reg.example/app, newTag: '2'}", &[][..]),
        // It is typed wrong.
        (
            "- {name: reg.example/ap, newTag: '2'}",
            &["\"reg.example/ap\""],
        ),
        // Its own new name is not an image that it matches.
        (
            "- {name: reg.example/ap, newName: reg.example/ap, newTag: '2'}",
            &["\"reg.example/ap\""],
        ),
        // Another entry gives the name.
        (
            "- {name: reg.example/app, newName: x}\n- {name: x, newTag: '2'}",
            &[],
        ),
        // Only the result has the image, as if a chart contained it.
        ("- {name: reg.example/new, newTag: '2'}", &[]),
        ("- {name: reg.example/ap, newName: reg.example/new}", &[]),
        ("- {name: 'reg.example/.*', newTag: '2'}", &[]),
        // A container and a label have this name, but no image.
        (
            "- {name: app, newTag: '2'}\n- {name: shop, newTag: '2'}",
            &["\"app\"", "\"shop\""],
        ),
    ] {
        let kustomization = format!("{NOT_MODELLED}resources: [deploy.yaml]\nimages:\n{entries}\n");
        let outcome = watched.status(&kustomization);
        assert_eq!(outcome.code, Some(0), "{outcome:#?}");
        let lines = outcome.stderr.lines();
        let reported: Vec<&str> = lines
            .filter(|line| line.contains("the images entry"))
            .collect();
        assert_eq!(reported.len(), dead.len(), "{entries}: {outcome:#?}");
        for (number, (line, name)) in reported.iter().zip(dead).enumerate() {
            let expected = format!(
                "prod/kustomization.yaml:{}: the images entry {name} matches no image",
                number + 4
            );
            assert!(line.contains(&expected), "{entries}: {line}");
        }
    }
}

#[test]
fn no_url_in_any_field_reaches_the_program_or_the_network() {
    let watched = Watched::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a listener");
    let url = format!("http://{}/x", listener.local_addr().expect("an address"));
    let plugin = |kind: &str, field: &str| {
        format!("apiVersion: builtin\nkind: {kind}\nmetadata: {{name: p}}\n{field}\n")
    };
    watched.environment.write(
        "prod/plugin.yaml",
        plugin("PatchTransformer", &format!("path: {url}")),
    );
    let generator = plugin("ConfigMapGenerator", &format!("files: [a={url}]"));
    watched.environment.write("prod/generator.yaml", generator);
    let inline = plugin(
        "ReplacementTransformer",
        &format!("replacements: [{{path: '{url}'}}]"),
    );
    let inline = inline.replace('\n', "\n    ");
    for (field, line) in [
        (format!("resources: ['{url}']"), 2),
        (format!("Resources:\n- '{url}'"), 3),
        (format!("bases: ['{url}']"), 2),
        (format!("components: ['{url}']"), 2),
        (format!("crds: ['{url}']"), 2),
        (format!("CONFIGURATIONS: [none.yaml, '{url}']"), 2),
        (format!("patches: [{{path: '{url}'}}]"), 2),
        (format!("patchesStrategicMerge: ['{url}']"), 2),
        (format!("patchesStrategicMerge: ['{url}: y']"), 2),
        (
            format!("patchesJson6902: [{{path: '{url}', target: {{kind: Pod}}}}]"),
            2,
        ),
        (format!("replacements: [{{path: '{url}'}}]"), 2),
        (format!("transformers: ['{url}']"), 2),
        (format!("generators: ['{url}']"), 2),
        (format!("validators: ['{url}']"), 2),
        (format!("openapi: {{path: '{url}'}}"), 2),
        (
            format!("configMapGenerator: [{{name: a, files: ['{url}']}}]"),
            2,
        ),
        (
            format!("configMapGenerator: [{{name: a, files: ['k={url}']}}]"),
            2,
        ),
        (
            format!("configMapGenerator: [{{name: a, envs: ['{url}']}}]"),
            2,
        ),
        (format!("secretGenerator: [{{name: a, ENV: '{url}'}}]"), 2),
        (format!("helmCharts: [{{name: a, repo: '{url}'}}]"), 2),
        (
            format!("helmChartInflationGenerator: [{{chartRepoUrl: '{url}'}}]"),
            2,
        ),
        ("transformers: [plugin.yaml]".to_owned(), 4),
        ("generators: [generator.yaml]".to_owned(), 4),
        (format!("transformers:\n- |-\n    {inline}"), 7),
        ("resources: ['github.com/org/repo']".to_owned(), 2),
        ("resources: ['me@127.0.0.1/org/repo']".to_owned(), 2),
        ("resources: ['git@127.0.0.1:org/repo.git']".to_owned(), 2),
        ("resources: ['sub/_git/x']".to_owned(), 2),
        ("components: ['../prod/a?ref=main']".to_owned(), 2),
    ] {
        let is_own = field.to_lowercase().contains("configurations");
        let rest = if is_own { "" } else { NOT_MODELLED };
        let error = watched.refused(&format!("namePrefix: a-\n{field}\n{rest}"));
        let message = error["message"].to_string();
        assert!(
            message.contains(&format!(":{line}: ")),
            "{field}: {message}"
        );
        assert!(message.contains(".yaml:"), "{field}: {message}");
    }
    assert!(listener.accept().is_err(), "something was requested");
}

#[test]
fn nothing_outside_the_tree_reaches_the_program() {
    let watched = Watched::new();
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("x.yaml"), "kind: Secret\n").expect("written");
    let home = watched.environment.home();
    for (name, target) in [
        ("out", outside.path().to_owned()),
        ("out.yaml", outside.path().join("x.yaml")),
        ("in", home.join("secret")),
    ] {
        std::os::unix::fs::symlink(target, home.join("prod").join(name)).expect("a link");
    }
    for (field, expected) in [
        ("crds: [../../../..]", "it is outside"),
        ("crds: [../../../../etc/passwd]", "it is outside"),
        ("crds: [/etc/passwd]", "absolute paths are not read"),
        ("crds: [gone.yaml]", "it does not exist"),
        ("crds: ['']", "the path is empty"),
        ("crds: [out.yaml]", "it is outside"),
        ("crds: [out/x.yaml]", "it is outside"),
        ("crds: [in/x.yaml]", "symbolic link"),
        ("openapi: {path: ../../../../etc/passwd}", "it is outside"),
        (
            "configMapGenerator: [{name: a, files: [../../../../etc/passwd]}]",
            "it is outside",
        ),
        (
            "configMapGenerator: [{name: a, envs: [out.yaml]}]",
            "it is outside",
        ),
        (
            "transformers: [../secret]",
            "a folder of plugins cannot be checked",
        ),
        ("futureField: [a]", "has no field \"futureField\""),
        ("patches: [{path: none.yaml, fileſ: [a]}]", "has no field"),
    ] {
        let kustomization = format!("namePrefix: a-\n{field}\n{NOT_MODELLED}");
        let message = watched.refused(&kustomization)["message"].to_string();
        assert!(
            message.contains(expected.replace('"', "\\\"").as_str()),
            "{field}: {message}"
        );
        assert!(
            message.contains("prod/kustomization.yaml:2"),
            "{field}: {message}"
        );
    }
}

#[test]
fn plugins_that_cannot_be_checked_are_named() {
    let watched = Watched::new();
    for (text, expected) in [
        (
            "apiVersion: example.com/v1\nkind: Gen\nmetadata: {name: g}\n",
            "Gen (example.com/v1)",
        ),
        (
            "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: g}\n",
            "HelmChartInflationGenerator (builtin)",
        ),
        (
            "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: g}\nfilePath: x\n",
            "has no field",
        ),
        ("[", "plugin.yaml:1"),
        ("", "the text is empty"),
    ] {
        watched.environment.write("prod/plugin.yaml", text);
        let message = watched.refused("transformers: [plugin.yaml]\n")["message"].to_string();
        assert!(message.contains(expected), "{text}: {message}");
    }
}

#[test]
fn without_a_program_its_absence_is_named() {
    let watched = Watched::new();
    let kustomization = format!("resources: [deploy.yaml]\n{NOT_MODELLED}");
    watched
        .environment
        .write("prod/kustomization.yaml", kustomization);
    for (flags, path, expected) in [
        (
            &[][..],
            "/nonexistent",
            "neither kustomize nor kubectl is on the PATH",
        ),
        (&[], "bin", "neither kustomize nor kubectl is on the PATH"),
        (
            &["--kustomize-program", "gone"],
            "/nonexistent",
            "--kustomize-program gone is not on the PATH",
        ),
        (
            &["--kustomize-program", "./prod/none.yaml"],
            "/nonexistent",
            "--kustomize-program ./prod/none.yaml is not an executable file",
        ),
    ] {
        let words = ["status", "-k", "prod", "-o", "json"];
        let run = watched.environment.program(words.iter().chain(flags));
        let outcome = run.env("PATH", path).run();
        let error = error(&outcome);
        assert_eq!(error["reason"], "NeedsKustomize");
        let message = format!(
            "error: needs kustomize: configurations at prod/kustomization.yaml:2, but {expected}"
        );
        let found = error["message"].as_str().unwrap_or_default();
        assert!(found.starts_with(&message), "{found}");
        assert!(!watched.mark().exists(), "{outcome:#?}");
    }
}

#[test]
fn program_that_the_user_names_is_started() {
    let watched = Watched::new();
    let kustomization = format!("resources: [deploy.yaml]\n{NOT_MODELLED}");
    watched
        .environment
        .write("prod/kustomization.yaml", kustomization);
    let words = [
        "status",
        "-k",
        "prod",
        "--kustomize-program",
        "bin/kustomize",
    ];
    let run = watched
        .environment
        .program(words)
        .env("PATH", "/nonexistent");
    let outcome = run.run().expect(1);
    assert!(watched.mark().exists(), "{outcome:#?}");
}
