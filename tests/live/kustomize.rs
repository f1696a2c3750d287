//! Kustomizations that the kustomize program builds, and the model of it beside the program.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::binary::Run;
use crate::home::Home;
use crate::kustomize_cases::{ExpectedImage, KustomizeCase, cases, image};
use crate::process::tool;

/// A field that has no effect, and that the model does not know, so that the program is used.
const NOT_MODELLED: &str = "configurations: [not-modelled.yaml]\n";

/// Runs the binary in a home, with the pinned kustomize and no other program.
fn run(home: &Home, arguments: &[&str]) -> Run {
    let program = ["--kustomize-program", tool("KUSTOMIZE")];
    home.run(&[arguments, &program].concat())
}

fn home(files: &BTreeMap<String, String>) -> Home {
    let home = Home::new();
    for (name, text) in files {
        home.write(name, text);
    }
    home
}

/// The items of `status -o json` in the form of the cases.
fn images(run: &Run) -> Vec<ExpectedImage> {
    let status: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let items = status["items"].as_array().expect("items");
    let mut images: Vec<ExpectedImage> = items.iter().map(image).collect();
    images.sort();
    images
}

/// The cases that kustomize can build, with a field that the model does not know in each root.
fn cases_for_the_program() -> Vec<KustomizeCase> {
    let mut all = cases();
    all.retain(|case| case.builds.values().all(|build| build.error.is_none()));
    for case in &mut all {
        for root in case.builds.keys() {
            let prefix = if root == "." {
                String::new()
            } else {
                format!("{root}/")
            };
            let names = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
            let name = names.map(|name| format!("{prefix}{name}"));
            let name = name.iter().find(|name| case.files.contains_key(*name));
            let text = name
                .and_then(|name| case.files.get_mut(name))
                .expect("a root");
            *text = with_field(text);
            case.files
                .insert(format!("{prefix}not-modelled.yaml"), "{}\n".to_owned());
        }
    }
    all
}

/// The text of a kustomization with another field at its end, so that no line number changes.
fn with_field(text: &str) -> String {
    match text.trim_end().strip_suffix('}') {
        Some(json) if text.starts_with('{') => {
            format!("{json}, \"configurations\": [\"not-modelled.yaml\"]}}\n")
        }
        _ => format!("{}\n{NOT_MODELLED}", text.trim_end()),
    }
}

#[test]
fn program_finds_the_images_and_the_places_that_the_model_finds() {
    let mut compared = 0;
    for mut case in cases_for_the_program() {
        let home = home(&case.files);
        for (root, expected) in &mut case.builds {
            let run = run(&home, &["status", "-k", root, "-o", "json"]);
            expected.images.sort();
            let (name, why) = (&case.name, &case.why);
            assert_eq!(images(&run), expected.images, "{name} ({why}): {run:#?}");
            compared += expected.images.len();
        }
    }
    assert!(compared > 25, "{compared}");
}

#[test]
fn program_gives_the_edits_that_the_model_gives() {
    for case in cases_for_the_program() {
        let Some(edit) = case.edit.filter(|edit| edit.refused.is_none()) else {
            continue;
        };
        let home = home(&case.files);
        let run = run(
            &home,
            &[
                "update",
                "-k",
                &edit.root,
                "--image",
                &edit.image,
                "--allow-unconfirmed",
                "--yes",
            ],
        );
        for (name, old) in &case.files {
            let found = fs::read_to_string(home.path().join(name)).expect("a file");
            let expected = match edit.files.get(name) {
                Some(new) if old.contains("not-modelled.yaml") => with_field(new),
                Some(new) => new.clone(),
                None => old.clone(),
            };
            assert_eq!(
                found, expected,
                "{} ({}) {name}: {run:#?}",
                case.name, case.why
            );
        }
    }
}

/// A Deployment `web` with the containers `app` and `side`.
fn web(app: &str, side: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      \
         containers:\n      - name: app\n        image: {app}\n      - name: side\n        image: {side}\n"
    )
}

/// What only the program can build: the files besides `prod/deploy.yaml`, the image of `app`
/// with its places, and the file and the line that an update to 1.10.0 changes.
struct ProgramCase {
    why: &'static str,
    kustomization: &'static str,
    files: &'static [(&'static str, &'static str)],
    app: &'static str,
    places: &'static [&'static str],
    edit: (&'static str, &'static str, &'static str),
}

const PROGRAM_CASES: &[ProgramCase] = &[
    ProgramCase {
        why: "a replacement copies a tag from another object, whose copy changes along",
        kustomization: "resources: [deploy.yaml, versions.yaml]\nreplacements:\n- source: {kind: ConfigMap, \
                        name: versions, fieldPath: data.APP}\n  targets:\n  - select: {kind: Deployment}\n    \
                        fieldPaths: ['spec.template.spec.containers.[name=app].image']\n    options: \
                        {delimiter: ':', index: 1}\n",
        files: &[(
            "versions.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: versions}\ndata:\n  APP: 1.9.0\n",
        )],
        app: "reg.example/app:1.9.0",
        places: &["prod/versions.yaml:5 APP (tag)"],
        edit: ("versions.yaml", "APP: 1.9.0", "APP: 1.10.0"),
    },
    ProgramCase {
        why: "a replacement in a file of its own copies a whole image",
        kustomization: "resources: [deploy.yaml, versions.yaml]\nreplacements: [{path: r.yaml}]\n",
        files: &[
            (
                "versions.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: versions}\ndata:\n  APP: \
                 \"reg.example/app:1.9.0\"\n",
            ),
            (
                "r.yaml",
                "- source: {kind: ConfigMap, name: versions, fieldPath: data.APP}\n  targets:\n  - select: \
                 {kind: Deployment}\n    fieldPaths: ['spec.template.spec.containers.[name=app].image']\n",
            ),
        ],
        app: "reg.example/app:1.9.0",
        places: &["prod/versions.yaml:5 APP (tag)"],
        edit: ("versions.yaml", "app:1.9.0", "app:1.10.0"),
    },
    ProgramCase {
        why: "a transformer in a file sets the tag",
        kustomization: "resources: [deploy.yaml]\ntransformers: [tag.yaml]\n",
        files: &[(
            "tag.yaml",
            "apiVersion: builtin\nkind: ImageTagTransformer\nmetadata: {name: tag}\nimageTag:\n  name: \
             reg.example/app\n  newTag: 1.9.0\nfieldSpecs:\n- path: \
             spec/template/spec/containers[]/image\n",
        )],
        app: "reg.example/app:1.9.0",
        places: &["prod/tag.yaml:6 newTag (tag)"],
        edit: ("tag.yaml", "newTag: 1.9.0", "newTag: 1.10.0"),
    },
    ProgramCase {
        why: "a transformer inside the kustomization patches the image",
        kustomization: "resources: [deploy.yaml]\ntransformers:\n- |-\n  apiVersion: builtin\n  \
                        kind: PatchTransformer\n  metadata: {name: p}\n  target: {kind: \
                        Deployment}\n  patch: |-\n    - op: replace\n      path: \
                        /spec/template/spec/containers/0/image\n      value: \
                        reg.example/app:1.9.0\n",
        files: &[],
        app: "reg.example/app:1.9.0",
        places: &["prod/kustomization.yaml:11 value (tag)"],
        edit: ("kustomization.yaml", "app:1.9.0", "app:1.10.0"),
    },
    ProgramCase {
        why: "a patch with options changes the image",
        kustomization: "resources: [deploy.yaml]\npatches:\n- target: {kind: Deployment}\n  options: \
                        {allowNameChange: true}\n  patch: |-\n    apiVersion: apps/v1\n    kind: \
                        Deployment\n    metadata: {name: web}\n    spec:\n      template:\n        spec:\n          \
                        containers:\n          - name: app\n            image: reg.example/app:1.9.0\n",
        files: &[],
        app: "reg.example/app:1.9.0",
        places: &["prod/kustomization.yaml:14 image (tag)"],
        edit: ("kustomization.yaml", "app:1.9.0", "app:1.10.0"),
    },
    ProgramCase {
        why: "a generated ConfigMap is the source of a replacement, as a part of a longer text",
        kustomization: "resources: [deploy.yaml]\nconfigMapGenerator: [{name: v, literals: \
                        ['APP=1.9.0']}]\ngeneratorOptions: {disableNameSuffixHash: \
                        true}\nreplacements:\n- source: {kind: ConfigMap, name: v, fieldPath: data.APP}\n  \
                        targets:\n  - select: {kind: Deployment}\n    fieldPaths: \
                        ['spec.template.spec.containers.[name=app].image']\n    options: {delimiter: ':', \
                        index: 1}\n",
        files: &[],
        app: "reg.example/app:1.9.0",
        places: &["prod/kustomization.yaml:2 literals (tag)"],
        edit: (
            "",
            "",
            "prod/kustomization.yaml:2: its text is only a part of the image's tag",
        ),
    },
    ProgramCase {
        why: "a file of variables is the source of a replacement",
        kustomization: "resources: [deploy.yaml]\nconfigMapGenerator: [{name: v, envs: \
                        [v.env]}]\ngeneratorOptions: {disableNameSuffixHash: \
                        true}\nreplacements:\n- source: {kind: ConfigMap, name: v, fieldPath: data.APP}\n  \
                        targets:\n  - select: {kind: Deployment}\n    fieldPaths: \
                        ['spec.template.spec.containers.[name=app].image']\n    options: {delimiter: ':', \
                        index: 1}\n",
        files: &[("v.env", "# APP=1.9.0\nOTHER=1.9.0\nAPP=1.9.0\nLAST='x'")],
        app: "reg.example/app:1.9.0",
        places: &["prod/v.env:3 APP (tag)"],
        edit: ("v.env", "\nAPP=1.9.0", "\nAPP=1.10.0"),
    },
    ProgramCase {
        why: "the name of a generated ConfigMap would change with a file of variables",
        kustomization: "resources: [deploy.yaml]\nconfigMapGenerator: [{name: v, envs: \
                        [v.env]}]\nreplacements:\n- source: {kind: ConfigMap, name: v, fieldPath: \
                        data.APP}\n  targets:\n  - select: {kind: Deployment}\n    fieldPaths: \
                        ['spec.template.spec.containers.[name=app].image']\n    options: {delimiter: ':', \
                        index: 1}\n",
        files: &[("v.env", "APP=1.9.0\n")],
        app: "reg.example/app:1.9.0",
        places: &["prod/v.env:1 APP (tag)"],
        edit: (
            "",
            "",
            "the edit of prod/v.env:1 (APP) would also change metadata.name of ConfigMap v-",
        ),
    },
];

fn home_of(case: &ProgramCase) -> Home {
    let home = Home::new();
    home.write(
        "prod/deploy.yaml",
        &web("reg.example/app:0.1.0", "reg.example/side:1.0"),
    );
    home.write("prod/kustomization.yaml", case.kustomization);
    for (name, text) in case.files {
        home.write(&format!("prod/{name}"), text);
    }
    home
}

#[test]
fn what_only_the_program_can_build_is_shown_and_edited() {
    for case in PROGRAM_CASES {
        let home = home_of(case);
        let status = run(&home, &["status", "-k", "prod", "-o", "json"]);
        let (why, shown) = (case.why, images(&status));
        let shown: Vec<_> = shown
            .iter()
            .map(|image| (image.image.as_str(), image.places.clone()))
            .collect();
        let places = case.places.iter().map(|place| (*place).to_owned());
        let side = vec!["prod/deploy.yaml:12 image (tag)".to_owned()];
        let expected = [(case.app, places.collect()), ("reg.example/side:1.0", side)];
        assert_eq!(shown, expected, "{why}: {status:#?}");
        let update = [
            "update",
            "-k",
            "prod",
            "--image",
            "reg.example/app:1.10.0",
            "--allow-unconfirmed",
            "--yes",
        ];
        let outcome = run(&home, &update);
        let (file, old, new) = case.edit;
        for name in ["deploy.yaml", "kustomization.yaml"]
            .into_iter()
            .chain(case.files.iter().map(|(name, _)| *name))
        {
            let found = fs::read_to_string(home.path().join("prod").join(name)).expect("a file");
            let before = match name {
                "deploy.yaml" => web("reg.example/app:0.1.0", "reg.example/side:1.0"),
                "kustomization.yaml" => case.kustomization.to_owned(),
                name => {
                    let mut files = case.files.iter();
                    let (_, text) = files.find(|(own, _)| *own == name).expect("a file");
                    (*text).to_owned()
                }
            };
            let expected = if name == file {
                before.replace(old, new)
            } else {
                before
            };
            assert_eq!(found, expected, "{why}: {outcome:#?}");
        }
        assert_eq!(outcome.code == 0, !file.is_empty(), "{why}: {outcome:#?}");
        assert!(
            !file.is_empty() || outcome.stderr.contains(new),
            "{why}: {outcome:#?}"
        );
    }
}

/// Kustomize itself requests what the guard keeps from it; otherwise the count of requests
/// would prove nothing.
#[test]
fn program_requests_urls_and_gets_none() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a listener");
    let address = listener.local_addr().expect("an address");
    let home = Home::new();
    home.write(
        "prod/deploy.yaml",
        &web("reg.example/app:1", "reg.example/side:1"),
    );
    home.write("prod/not-modelled.yaml", "{}\n");
    let fields = [
        format!("crds: ['http://{address}/x']"),
        format!("configurations: ['http://{address}/x']"),
        format!("openapi: {{path: 'http://{address}/x'}}"),
        format!("patches: [{{path: 'http://{address}/x'}}]"),
        format!("transformers: ['http://{address}/x']"),
        format!("replacements: [{{path: 'http://{address}/x'}}]"),
        format!("configMapGenerator: [{{name: a, files: ['http://{address}/x']}}]"),
    ];
    for field in fields {
        let is_enough = field.starts_with("configurations");
        let rest = if is_enough { "" } else { NOT_MODELLED };
        let text = format!("resources: [deploy.yaml]\n{field}\n{rest}");
        home.write("prod/kustomization.yaml", &text);
        let refused = run(&home, &["status", "-k", "prod"]);
        assert_eq!(refused.code, 1, "{field}: {refused:#?}");
        assert!(
            refused.stderr.contains("prod/kustomization.yaml:2: "),
            "{refused:#?}"
        );
        assert!(listener.accept().is_err(), "{field} was requested");
        let mut unguarded = std::process::Command::new(tool("KUSTOMIZE"))
            .args(["build", "prod"])
            .current_dir(home.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("kustomize runs");
        let is_requested = (0..1000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            listener.accept().is_ok()
        });
        let _ = unguarded.kill();
        unguarded.wait().expect("it ends");
        while listener.accept().is_ok() {}
        assert!(is_requested, "{field}");
    }
}

#[test]
fn refusal_of_the_program_names_its_version_and_the_own_paths() {
    let home = Home::new();
    home.write(
        "prod/kustomization.yaml",
        &format!("resources: [deploy.yaml]\n{NOT_MODELLED}"),
    );
    home.write("prod/not-modelled.yaml", "{}\n");
    home.write("prod/deploy.yaml", "kind: [\n");
    let refused = run(&home, &["status", "-k", "prod", "-o", "json"]);
    let status: Value = serde_json::from_str(&refused.stdout).expect("JSON");
    assert_eq!(status["errors"][0]["reason"], json!("KustomizeFailed"));
    let message = status["errors"][0]["message"].to_string();
    assert!(
        message.contains("kustomize v5.8.1 cannot build prod: "),
        "{message}"
    );
    assert!(!message.contains("imgpolicy-"), "{message}");
}

/// A script that starts kustomize and counts its starts.
fn counting(home: &Home) -> String {
    let path = home.write(
        "bin/kustomize",
        &format!(
            "#!/bin/sh\necho \"$1\" >> \"$0.starts\"\nexec '{}' \"$@\"\n",
            tool("KUSTOMIZE")
        ),
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    path
}

/// The images in the kustomizations of a home, how often kustomize was started, and how long it
/// took.
fn counted(home: &Home, program: &str) -> (Vec<ExpectedImage>, usize, Duration) {
    let starts = format!("{program}.starts");
    let _ = fs::remove_file(&starts);
    let begin = Instant::now();
    let words = ["status", "-f", "roots", "-R", "-o", "json"];
    let status = home.run(&[&words[..], &["--kustomize-program", program]].concat());
    let took = begin.elapsed();
    assert_eq!(status.code, 0, "{status:#?}");
    let starts = fs::read_to_string(starts).expect("it was started");
    (images(&status), starts.lines().count(), took)
}

/// With `--nocapture`, this prints the figures of docs/performance.md.
#[test]
fn later_run_searches_at_most_one_of_ten_roots_again() {
    const ROOTS: usize = 10;
    let home = Home::new();
    for (root, case) in PROGRAM_CASES.iter().cycle().take(ROOTS).enumerate() {
        let deploy = web("reg.example/app:0.1.0", "reg.example/side:1.0");
        let kustomization = case.kustomization.to_owned();
        let own = [
            ("deploy.yaml", deploy),
            ("kustomization.yaml", kustomization),
        ];
        let more = case
            .files
            .iter()
            .map(|(name, text)| (*name, (*text).to_owned()));
        for (name, text) in own.into_iter().chain(more) {
            home.write(&format!("roots/{root}/{name}"), &text);
        }
    }
    let program = counting(&home);
    let (found, first, took) = counted(&home, &program);
    assert_eq!(found.len(), 2 * ROOTS);
    assert!(
        found.iter().all(|image| !image.places.is_empty()),
        "{found:?}"
    );
    println!("first run: {first} starts of kustomize, {took:.2?}");
    assert!(first > 2 * ROOTS - 1, "{first}");
    for run in ["second", "third"] {
        let (again, starts, took) = counted(&home, &program);
        println!("{run} run: {starts} starts of kustomize, {took:.2?}");
        assert_eq!(again, found);
        // Each is built, and the search is repeated for one of them at most.
        assert!((ROOTS..=ROOTS + 1).contains(&starts), "{run}: {starts}");
    }
}
