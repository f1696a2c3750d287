//! The cache between runs, and the commands about it.

use std::fs;
use std::net::TcpListener;

use super::with_manifest;
use crate::support::content::Image;
use crate::support::program::{Outcome, TestEnvironment};
use crate::support::registry::TestRegistry;

/// The default path.
#[cfg(target_os = "linux")]
const FILE: &str = ".cache/kubectl-imgpolicy/metadata.db";
#[cfg(target_os = "macos")]
const FILE: &str = "Library/Caches/kubectl-imgpolicy/metadata.db";

/// A registry with an image whose newest tag is found by creation time.
fn served() -> TestRegistry {
    let registry = TestRegistry::start();
    for (day, tag) in ["dev-a", "dev-b", "dev-c"].iter().enumerate() {
        let image = Image::built(&format!("2024-01-0{}T00:00:00Z", day + 1)).label(tag);
        registry.push("org/app", tag, image);
    }
    registry
}

/// Lists the newest tag with these flags and expects exit code 0.
fn newest(environment: &TestEnvironment, registry: &TestRegistry, flags: &[&str]) -> Outcome {
    let image = registry.image("org/app:dev-a");
    let args = ["test", &image, "--policy", "glob:dev-*", "-o", "json"];
    let outcome = environment.run(args.iter().chain(flags)).expect(0);
    assert!(outcome.stdout.contains("dev-c"), "{outcome:#?}");
    outcome
}

fn counts(environment: &TestEnvironment, flags: &[&str]) -> Vec<(String, u64)> {
    let args = ["cache", "info", "-o", "json"];
    let info = environment.run(args.iter().chain(flags)).expect(0).json();
    let entries = info["file"]["entries"].as_array().expect("entries");
    let count = |entry: &serde_json::Value| {
        let kind = entry["kind"].as_str().expect("a kind").to_owned();
        (kind, entry["count"].as_u64().expect("a count"))
    };
    entries.iter().map(count).collect()
}

fn none() -> Vec<(String, u64)> {
    ["tag-list", "tag", "image", "places"]
        .map(|kind| (kind.to_owned(), 0))
        .to_vec()
}

#[test]
fn info_counts_the_cached_entries_and_clear_removes_them() {
    let registry = served();
    let environment = TestEnvironment::new();
    let file = environment.home().join(FILE);
    assert_eq!(counts(&environment, &[]), none());
    assert!(!file.exists(), "reading creates no file");

    newest(&environment, &registry, &[]);
    assert!(file.is_file());
    let found = counts(&environment, &[]);
    let images = found.iter().find(|(kind, _)| kind == "image");
    assert_eq!(images, Some(&("image".to_owned(), 3)), "{found:?}");

    let info = environment.run(["cache", "info", "-o", "json"]).json();
    assert_eq!(info["kind"], "CacheInfo");
    assert_eq!(info["cache"], "auto");
    assert_eq!(info["file"]["path"], file.display().to_string());
    assert_eq!(info["file"]["limitBytes"], 256 << 20);
    assert!(info["file"]["bytes"].as_u64() > Some(4096));
    assert!(info["file"]["oldest"].is_string());
    assert!(info["file"]["problem"].is_null());
    let text = environment.run(["cache", "info"]).expect(0).stdout;
    assert!(
        text.starts_with(&format!("Cache:    {}\n", file.display())),
        "{text}"
    );
    assert!(text.contains("3 image"), "{text}");
    let yaml = environment.run(["cache", "info", "-o", "yaml"]).expect(0);
    assert!(yaml.stdout.contains("kind: CacheInfo"), "{yaml:#?}");

    let cleared = environment.run(["cache", "clear"]).expect(0).stdout;
    assert!(
        cleared.starts_with(&format!("cleared {} (", file.display())),
        "{cleared}"
    );
    assert_eq!(counts(&environment, &[]), none());
    environment.run(["cache", "clear"]).expect(0);
    newest(&environment, &registry, &[]);
    assert_eq!(counts(&environment, &[]), found);
}

#[test]
fn second_run_requests_no_image_again() {
    let registry = served();
    let environment = TestEnvironment::new();
    newest(&environment, &registry, &[]);
    assert_eq!(registry.count("/blobs/"), 3);
    registry.forget();
    let outcome = newest(&environment, &registry, &[]);
    assert_eq!(registry.count("/blobs/"), 0, "{:?}", registry.paths());
    assert_eq!(outcome.stderr, "");
}

#[test]
fn commands_without_a_registry_create_no_cache() {
    let environment = with_manifest("");
    environment.write("tags", "1.0.0\n1.0.1\n");
    let args = ["test", "org/app:1.0.0", "--policy", "semver:*"];
    environment
        .run(args.iter().chain(&["--tags-from", "tags"]))
        .expect(0);
    assert!(!environment.home().join(".cache").exists());
}

#[test]
fn cache_off_stores_nothing() {
    let registry = served();
    let environment = TestEnvironment::new();
    newest(&environment, &registry, &["--cache", "off"]);
    assert!(!environment.home().join(".cache").exists());
    let info = environment.run(["cache", "info", "--cache", "off"]);
    assert_eq!(info.expect(0).stdout, "Cache:    off\n");
    let cleared = environment.run(["cache", "clear", "--cache=off"]);
    assert_eq!(cleared.expect(0).stdout, "nothing to clear\n");
}

#[test]
fn cache_directory_can_be_set_by_flag_or_environment() {
    let registry = served();
    let environment = TestEnvironment::new();
    newest(&environment, &registry, &["--cache", "mine/of/old"]);
    assert!(environment.home().join("mine/of/old/metadata.db").is_file());
    assert!(!environment.home().join(FILE).exists());
    assert_ne!(counts(&environment, &["--cache", "./mine/of/old"]), none());

    let info = |directory: &str| {
        let run = environment.program(["cache", "info", "-o", "json"]);
        let run = run.env("XDG_CACHE_HOME", directory);
        let info = run.run().expect(0).json();
        info["file"]["path"].as_str().expect("a path").to_owned()
    };
    assert_eq!(
        info("/elsewhere"),
        "/elsewhere/kubectl-imgpolicy/metadata.db"
    );
    let own = environment.home().join(FILE).display().to_string();
    assert_eq!(info("relative"), own, "as its specification says");
    assert_eq!(info(""), own);
}

#[test]
fn invalid_cache_setting_is_a_usage_error() {
    for (value, message) in [
        ("memcached://", "a server is missing"),
        ("redis://localhost", "\"redis://\" is not a supported cache"),
        (
            "memcached://u:hunter2@host",
            "without a user name and password",
        ),
    ] {
        for command in [&["cache", "info"][..], &["status", "-f", "x.yaml"]] {
            let flag = ["--cache", value];
            let outcome = TestEnvironment::new()
                .run(command.iter().chain(&flag))
                .expect(2);
            assert!(outcome.stderr.contains(message), "{outcome:#?}");
        }
    }
}

#[test]
fn damaged_cache_is_reported_and_can_be_cleared() {
    let environment = TestEnvironment::new();
    let file = environment.write(FILE, "damage ".repeat(1000));
    let outcome = environment.run(["cache", "info"]).expect(1);
    assert!(
        outcome.stdout.contains("Problem:  it is damaged\n"),
        "{outcome:#?}"
    );
    let outcome = environment.run(["cache", "info", "-o", "json"]).expect(1);
    assert_eq!(outcome.json()["file"]["problem"], "it is damaged");
    let before = fs::read(&file).expect("the file is unchanged");
    assert!(before.starts_with(b"damage "));
    environment.run(["cache", "clear"]).expect(0);
    let left = fs::read_dir(file.parent().expect("parent")).expect("directory");
    let left: Vec<String> = left
        .map(|entry| {
            entry
                .expect("entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| !name.ends_with(".lock"))
        .collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn damaged_cache_does_not_affect_results() {
    let registry = served();
    let environment = TestEnvironment::new();
    environment.write(FILE, "damage ".repeat(1000));
    let outcome = newest(&environment, &registry, &[]);
    assert_eq!(
        outcome.stderr.matches("was damaged").count(),
        1,
        "{outcome:#?}"
    );
    let outcome = newest(&environment, &registry, &[]);
    assert_eq!(outcome.stderr, "");
}

#[test]
fn file_of_another_program_is_not_cleared() {
    let environment = TestEnvironment::new();
    fs::create_dir_all(environment.home().join(FILE)).expect("directory");
    let outcome = environment.run(["cache", "clear"]).expect(1);
    assert!(
        outcome
            .stderr
            .contains("was not cleared: it is not a regular file"),
        "{outcome:#?}"
    );
    assert!(environment.home().join(FILE).is_dir());
}

#[test]
fn eight_concurrent_runs_on_one_cache_agree() {
    let registry = served();
    let environment = TestEnvironment::new();
    let image = registry.image("org/app:dev-a");
    let args = ["test", &image, "--policy", "glob:dev-*"];
    let runs: Vec<_> = (0..8).map(|_| environment.program(args).start()).collect();
    let outcomes: Vec<Outcome> = runs.into_iter().map(|run| run.wait().expect(0)).collect();
    for outcome in &outcomes {
        assert_eq!(outcome.stdout, outcomes[0].stdout);
        assert_eq!(outcome.stderr, "");
    }
    assert_eq!(counts(&environment, &[])[2], ("image".to_owned(), 3));
}

/// A `memcached://` URL of a closed port.
fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("memcached://{}", listener.local_addr().expect("an address"))
}

#[test]
fn dead_memcached_causes_one_warning_and_does_not_affect_results() {
    let registry = served();
    let environment = TestEnvironment::new();
    let dead = closed_port();
    let outcome = newest(&environment, &registry, &["--cache", &dead]);
    assert_eq!(
        outcome.stderr.matches("is not used in this run").count(),
        1,
        "{outcome:#?}"
    );
    assert!(!environment.home().join(".cache").exists());

    let outcome = environment
        .run(["cache", "info", "--cache", &dead])
        .expect(1);
    assert!(
        outcome.stdout.contains("Problem:  Connection refused"),
        "{outcome:#?}"
    );
    let args = ["cache", "info", "--cache", &dead, "-o", "json"];
    let info = environment.run(args).expect(1).json();
    assert!(info["file"].is_null());
    let server = &info["servers"][0];
    assert_eq!(
        format!("memcached://{}", server["server"].as_str().expect("server")),
        dead
    );
    assert!(
        server["version"].is_null() && server["problem"].is_string(),
        "{info:#}"
    );
}

#[test]
fn memcached_is_cleared_entirely_or_not_at_all() {
    let environment = TestEnvironment::new();
    let dead = closed_port();
    let outcome = environment
        .run(["cache", "clear", "--cache", &dead])
        .expect(1);
    assert!(
        outcome.stderr.contains("--all removes everything"),
        "{outcome:#?}"
    );
    let args = ["cache", "clear", "--all", "--cache", &dead];
    let outcome = environment.run(args).expect(1);
    assert!(
        outcome.stderr.contains("not cleared: 127.0.0.1:"),
        "{outcome:#?}"
    );
}
