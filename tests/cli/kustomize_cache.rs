//! What is kept of the search for the places of images.
//!
//! The program here prints the files of the folder in order, and counts its starts.
//! `tests/live/kustomize.rs` does the same with kustomize itself.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::deployment;
use crate::support::program::{Outcome, TestEnvironment};

const NOT_MODELLED: &str = "resources: [deploy.yaml]\nconfigurations: [none.yaml]\n";

/// An environment with the kustomizations `prod` and `test`, which have the same texts.
struct Counted {
    environment: TestEnvironment,
}

impl Counted {
    fn new() -> Self {
        let environment = TestEnvironment::new();
        for root in ["prod", "test"] {
            environment.write(&format!("{root}/deploy.yaml"), web());
            environment.write(&format!("{root}/none.yaml"), "{}\n");
            environment.write(&format!("{root}/kustomization.yaml"), NOT_MODELLED);
        }
        let counted = Self { environment };
        counted.program("exec /bin/cat \"$2/deploy.yaml\"");
        counted
    }

    /// Replaces the program.
    fn program(&self, script: &str) {
        let script = format!("#!/bin/sh\necho \"$1\" >> \"$0.starts\"\n{script}\n");
        let program = self.environment.write("bin/kustomize", script);
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("executable");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.environment.home().join(name)
    }

    /// A run, and how often it has started the program.
    fn run(&self, root: &str, flags: &[&str]) -> (Outcome, usize) {
        let starts = self.path("bin/kustomize.starts");
        let _ = fs::remove_file(&starts);
        let args = ["status", "-k", root, "-o", "json"];
        let outcome = self.environment.run(args.iter().chain(flags)).expect(0);
        let starts = fs::read_to_string(starts).expect("it was started");
        (outcome, starts.lines().count())
    }

    /// Where the image is written, and how often the program was started.
    fn place(&self, root: &str, flags: &[&str]) -> (String, usize) {
        let (outcome, starts) = self.run(root, flags);
        (place(&outcome), starts)
    }
}

fn web() -> String {
    deployment("web", &["a: b"], &[("app", "reg.example/app:1.0.0")])
}

/// The place of the only image.
fn place(outcome: &Outcome) -> String {
    let items: Value = outcome.json()["items"].clone();
    match items[0]["writtenAt"].as_array().map(Vec::as_slice) {
        Some([place]) => format!("{}:{}", place["file"].as_str().unwrap_or(""), place["line"]),
        places => format!("{places:?}"),
    }
}

const PROD: &str = "prod/deploy.yaml:12";

#[test]
fn second_run_builds_a_root_once_and_finds_the_same_places() {
    let counted = Counted::new();
    let (first, starts) = counted.run("prod", &[]);
    assert_eq!((place(&first).as_str(), starts), (PROD, 2));
    let (second, starts) = counted.run("prod", &[]);
    assert_eq!(starts, 1);
    assert_eq!(second.json()["items"], first.json()["items"]);
    assert_eq!(second.stderr, first.stderr);
    let info = counted.environment.run(["cache", "info", "-o", "json"]);
    let entries = info.json()["file"]["entries"].clone();
    assert_eq!(entries[3]["kind"], json!("places"));
    assert_eq!(entries[3]["count"], json!(1));
    for flags in [&["--cache", "off"][..], &["--cache", "other"]] {
        assert_eq!(counted.place("prod", flags), (PROD.to_owned(), 2));
    }
    counted.environment.run(["cache", "clear"]).expect(0);
    assert_eq!(counted.place("prod", &[]), (PROD.to_owned(), 2));
}

#[test]
fn other_commands_use_the_places_of_a_run() {
    let counted = Counted::new();
    counted.run("prod", &[]);
    let starts = counted.path("bin/kustomize.starts");
    fs::remove_file(&starts).expect("removed");
    counted.environment.run(["images", "-k", "prod"]).expect(0);
    let count = fs::read_to_string(&starts).expect("started");
    assert_eq!(count.lines().count(), 1);
    fs::remove_file(&starts).expect("removed");
    counted
        .environment
        .run(["status", "-f", ".", "-R"])
        .expect(0);
    let count = fs::read_to_string(&starts).expect("started");
    assert_eq!(count.lines().count(), 3, "prod is known, test is not");
}

#[test]
fn changed_file_has_places_of_its_own() {
    let counted = Counted::new();
    counted.run("prod", &[]);
    let moved = format!("# a comment\n{}", web());
    counted.environment.write("prod/deploy.yaml", moved);
    let below = "prod/deploy.yaml:13".to_owned();
    assert_eq!(counted.place("prod", &[]), (below.clone(), 2));
    assert_eq!(counted.place("prod", &[]), (below, 1));
    counted.environment.write("prod/deploy.yaml", web());
    assert_eq!(counted.place("prod", &[]), (PROD.to_owned(), 1));
    // A file that the program may read, although it decides nothing.
    counted
        .environment
        .write("prod/none.yaml", "# changed\n{}\n");
    assert_eq!(counted.place("prod", &[]), (PROD.to_owned(), 2));
}

#[test]
fn another_program_has_places_of_its_own() {
    let counted = Counted::new();
    let other = "prod/other.yaml";
    counted.environment.write(other, web());
    let text = NOT_MODELLED.replace("none.yaml", "none.yaml, other.yaml");
    counted.environment.write("prod/kustomization.yaml", text);
    assert_eq!(counted.place("prod", &[]), (PROD.to_owned(), 2));
    // It prints the same from another file.
    counted.program("exec /bin/cat \"$2/other.yaml\"");
    assert_eq!(counted.place("prod", &[]), (format!("{other}:12"), 2));
    assert_eq!(counted.place("prod", &[]), (format!("{other}:12"), 1));
}

#[test]
fn another_root_with_the_same_texts_has_places_of_its_own() {
    let counted = Counted::new();
    counted.run("prod", &[]);
    let test = "test/deploy.yaml:12".to_owned();
    assert_eq!(counted.place("test", &[]), (test.clone(), 2));
    assert_eq!(counted.place("test", &[]), (test, 1));
    assert_eq!(counted.place("prod", &[]), (PROD.to_owned(), 1));
}

#[test]
fn clone_elsewhere_uses_the_places_of_the_first_one() {
    let counted = Counted::new();
    for clone in ["first", "second-one"] {
        for name in ["deploy.yaml", "none.yaml", "kustomization.yaml"] {
            let text = fs::read_to_string(counted.path("prod").join(name)).expect("a file");
            counted
                .environment
                .write(&format!("{clone}/prod/{name}"), text);
        }
    }
    let starts = counted.path("bin/kustomize.starts");
    for (clone, expected) in [("first", 2), ("second-one", 1)] {
        let _ = fs::remove_file(&starts);
        let run = counted
            .environment
            .program(["status", "-k", "prod", "-o", "json"]);
        let outcome = run.dir(&counted.path(clone)).run().expect(0);
        assert_eq!(place(&outcome), PROD);
        let count = fs::read_to_string(&starts)
            .expect("started")
            .lines()
            .count();
        assert_eq!(count, expected, "{clone}");
    }
}

/// The values of all entries become what `change` makes of them.
fn change_entries(file: &Path, change: &str) -> usize {
    let connection = rusqlite::Connection::open(file).expect("a database");
    connection
        .execute(&format!("UPDATE entry SET value = {change}"), [])
        .expect("changed")
}

#[test]
fn damaged_entries_are_ignored_and_replaced() {
    let counted = Counted::new();
    let flags = ["--cache", "kept"];
    counted.run("prod", &flags);
    let file = counted.path("kept/metadata.db");
    for change in [
        "x''",
        "substr(value, 1, 20)",
        "CAST(value || x'00' AS BLOB)",
        "zeroblob(40)",
    ] {
        assert_eq!(change_entries(&file, change), 1, "{change}");
        let (outcome, starts) = counted.run("prod", &flags);
        assert_eq!((place(&outcome).as_str(), starts), (PROD, 2), "{change}");
        assert!(!outcome.stderr.contains("warning"), "{outcome:#?}");
        assert_eq!(counted.place("prod", &flags), (PROD.to_owned(), 1));
    }
    fs::write(&file, "damage ".repeat(2000)).expect("written");
    assert_eq!(counted.place("prod", &flags), (PROD.to_owned(), 2));
    assert_eq!(counted.place("prod", &flags), (PROD.to_owned(), 1));
}

#[test]
fn cache_that_cannot_be_written_is_no_error() {
    let counted = Counted::new();
    counted.environment.write("file", "");
    for _ in 0..2 {
        let (outcome, starts) = counted.run("prod", &["--cache", "file/below"]);
        assert_eq!((place(&outcome).as_str(), starts), (PROD, 2));
        let warning = "warning: what is read with credentials, and the places of images that \
                       kustomize builds, are not cached: file/below/metadata.key: ";
        assert!(outcome.stderr.contains(warning), "{outcome:#?}");
    }
}

#[test]
fn cache_contains_no_text_of_a_file_and_no_hash_that_can_be_guessed() {
    let counted = Counted::new();
    counted
        .environment
        .write("prod/none.yaml", "# hunter2\n{}\n");
    counted.run("prod", &["--cache", "kept"]);
    let mut read = 0;
    for entry in fs::read_dir(counted.path("kept")).expect("a folder") {
        let bytes = fs::read(entry.expect("an entry").path()).expect("a file");
        let text = String::from_utf8_lossy(&bytes);
        for secret in ["hunter2", "reg.example", "deploy.yaml", "prod", "image"] {
            let found = text.replace("cache", "").contains(secret);
            assert!(!found, "{secret}: {text}");
        }
        read += bytes.len();
    }
    assert!(read > 4096, "{read}");
    // Without its secret, the cache does not even know whether it has an entry.
    fs::write(counted.path("kept/metadata.key"), [7; 32]).expect("written");
    let flags = ["--cache", "kept"];
    assert_eq!(counted.place("prod", &flags), (PROD.to_owned(), 2));
}

#[test]
fn search_in_which_a_build_has_failed_is_repeated() {
    let counted = Counted::new();
    counted.program(
        "while read -r line; do case $line in *imgp0licy*) [ ! -e \"$0.fails\" ] || exit 1;; \
         esac; done < \"$2/deploy.yaml\"\nexec /bin/cat \"$2/deploy.yaml\"",
    );
    counted.environment.write("bin/kustomize.fails", "");
    let (not_found, _) = counted.place("prod", &[]);
    assert_eq!(not_found, "None");
    fs::remove_file(counted.path("bin/kustomize.fails")).expect("removed");
    assert_eq!(counted.place("prod", &[]), (PROD.to_owned(), 2));
    assert_eq!(counted.place("prod", &[]), (PROD.to_owned(), 1));
}

#[test]
fn runs_at_the_same_time_find_the_same_places() {
    let counted = Counted::new();
    let args = ["status", "-k", "prod", "-o", "json"];
    for _ in 0..2 {
        let runs: Vec<_> = (0..6)
            .map(|_| counted.environment.program(args).start())
            .collect();
        for run in runs {
            let outcome = run.wait().expect(0);
            assert_eq!(place(&outcome), PROD);
            assert!(!outcome.stderr.contains("warning"), "{outcome:#?}");
        }
    }
    assert_eq!(counted.place("prod", &[]), (PROD.to_owned(), 1));
}
