//! Architecture rules: which modules may use which, what pure code must not use, and
//! where files are. To break a rule deliberately, change it here, and its reason in
//! docs/design.md.

#[path = "../../examples/structure/circles.rs"]
mod circles;
mod layers;
#[path = "../../examples/structure/source.rs"]
mod source;
mod structure;
#[path = "../../examples/structure/style.rs"]
mod style;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use layers::MAY_USE;

/// Modules that may use all others. `fuzzing` exists only in tests and under a fuzzer.
const ON_TOP: &[&str] = &["cli", "fuzzing", "lib", "main"];

/// Modules without access to the clock, environment, files, network, or terminal.
const PURE: &[&str] = &[
    "image",
    "workload",
    "policy",
    "evaluator",
    "plan",
    "manifest",
    "output",
];

/// Folders of other modules that are as pure.
const PURE_FOLDERS: &[&str] = &["src/controller/brakes/"];

/// What a pure module must not use.
const IMPURE: &str = r"\b(?:kube::|tokio::|reqwest::|walkdir::|std::fs\b|std::env\b|std::net\b|std::process\b|Timestamp::now|Zoned::now|SystemTime\b|Instant::now|async fn|async move|println!|eprintln!)|\bstd::\{[^}]*\b(?:fs|env|net|process)\b";

/// The files that start programs, with the programs. Nothing that comes from a cluster, a
/// manifest or a registry may become one.
const STARTS_PROGRAMS: &[&str] = &[
    // Credential plugins of the kubeconfig.
    "src/cluster/connect/plugin.rs",
    // Credential helpers.
    "src/registry/keychain/program.rs",
    // git, everywhere.
    "src/git/program.rs",
    // kustomize, for what the model of it cannot build.
    "src/kustomize/program.rs",
    // `id`, for the name of the user.
    "src/cli/apply/author.rs",
];

/// A start of a program. clap has a `Command` too.
const STARTS: &str = r"\b(?:std|tokio)::process::(?:\{[^}]*\b)?Command\b";

/// File names that say nothing about the content.
const NO_NAMES: &[&str] = &[
    "util", "utils", "helper", "helpers", "common", "misc", "manager", "managers",
];

const MAX_LINES: usize = 500;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files below a folder of the package, by their paths from the root; none if
/// the folder does not exist.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path: PathBuf = entry.expect("a folder's entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file");
                let name = path.strip_prefix(root()).expect("below the root");
                found.push((name.to_string_lossy().replace('\\', "/"), text));
            }
        }
    }
    found.sort();
    found
}

/// The code of a file, without comments and without unit tests, which may use more
/// than the code.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or("");
    let lines = text.lines().map(|line| {
        let is_comment = line.trim_start().starts_with("//");
        if is_comment { "" } else { line }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The top-level module of a file (`image` for `src/image/name.rs`), and the number of
/// `super` from there to the crate root.
fn module(file: &str) -> (&str, usize) {
    let path = file.strip_prefix("src/").unwrap_or(file);
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    let top = path.split('/').next().unwrap_or(path);
    (top, path.split('/').count())
}

/// The top-level modules that a file uses.
fn used(file: &str, text: &str) -> BTreeSet<String> {
    let (_, depth) = module(file);
    let from_root = format!(r"\b(?:crate|(?:super::){{{}}}super)::", depth - 1);
    let start = Regex::new(&from_root).expect("a regex");
    let code = code(text);
    let mut names = BTreeSet::new();
    for at in start.find_iter(&code) {
        // With one more `super`, the path would begin elsewhere.
        if code[..at.start()].ends_with("super::") {
            continue;
        }
        let rest = &code[at.end()..];
        match rest.strip_prefix('{') {
            Some(group) => names.extend(group_heads(group)),
            None => names.extend(head(rest)),
        }
    }
    names
}

/// The first names in `{a::b, c::{d, e}}`, given the text after the opening brace.
fn group_heads(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut heads = Vec::new();
    let mut at_head = true;
    for (index, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_head = true,
            _ if at_head && !letter.is_whitespace() => {
                heads.extend(head(&group[index..]));
                at_head = false;
            }
            _ => {}
        }
    }
    heads
}

fn head(path: &str) -> Option<String> {
    let end = path
        .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .unwrap_or(path.len());
    (end > 0).then(|| path[..end].to_owned())
}

/// The uses that the table does not allow.
fn forbidden_uses(file: &str, text: &str) -> Vec<String> {
    let (own, _) = module(file);
    if ON_TOP.contains(&own) {
        return Vec::new();
    }
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == own) else {
        return vec![format!("{file}: the module {own} has no line in MAY_USE")];
    };
    used(file, text)
        .into_iter()
        .filter(|name| name != own && !allowed.contains(&name.as_str()))
        .map(|name| format!("{file}: {own} may not use {name}"))
        .collect()
}

/// The forbidden names that a pure module uses.
fn impurities(file: &str, text: &str) -> Vec<String> {
    let (own, _) = module(file);
    let is_in_pure_folder = PURE_FOLDERS.iter().any(|folder| file.starts_with(folder));
    if !PURE.contains(&own) && !is_in_pure_folder {
        return Vec::new();
    }
    let impure = Regex::new(IMPURE).expect("a regex");
    impure
        .find_iter(&code(text))
        .map(|found| format!("{file}: {own} is pure but uses {}", found.as_str()))
        .collect()
}

/// Whether the file is mounted by a `mod` line in its parent module.
fn is_mounted(file: &str, all: &[(String, String)]) -> bool {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    let Some((folder, name)) = path.rsplit_once('/') else {
        return true;
    };
    let line =
        Regex::new(&format!(r"(?m)^\s*(?:pub(?:\([^)]*\))? )?mod {name};")).expect("a regex");
    let by_path = format!("{name}.rs\"]");
    let by_folder = format!("{name}/mod.rs\"]");
    all.iter().any(|(other, text)| {
        let stands_for = [format!("{folder}/mod.rs"), format!("{folder}/main.rs")];
        (stands_for.contains(other) || *other == format!("{folder}.rs"))
            && line.is_match(&code(text))
            || text.contains("#[path = ") && (text.contains(&by_path) || text.contains(&by_folder))
    })
}

fn none(violations: Vec<String>) {
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn modules_use_only_modules_listed_before_them() {
    let files = sources("src");
    none(
        files
            .iter()
            .flat_map(|(f, t)| forbidden_uses(f, t))
            .collect(),
    );
}

#[test]
fn pure_modules_have_no_side_effects() {
    let files = sources("src");
    none(files.iter().flat_map(|(f, t)| impurities(f, t)).collect());
}

/// Whether the code of a file starts a program.
fn starts_program(text: &str) -> bool {
    let starts = Regex::new(STARTS).expect("a regex");
    // Tests may be for one system only.
    let text = text.split("\nmod tests {").next().unwrap_or_default();
    starts.is_match(&code(text))
}

#[test]
fn programs_are_started_in_named_files_only() {
    let files = sources("src");
    let is_test = |file: &str| file.ends_with("_tests.rs") || file.ends_with("/tests.rs");
    let starting: Vec<&str> = files
        .iter()
        .filter(|(file, text)| !is_test(file) && starts_program(text))
        .map(|(file, _)| file.as_str())
        .collect();
    let mut allowed = STARTS_PROGRAMS.to_vec();
    allowed.sort_unstable();
    assert_eq!(starting, allowed);
    let git = files.iter().filter(|(file, text)| {
        !file.starts_with("src/git/") && starts_program(text) && code(text).contains("\"git\"")
    });
    none(git.map(|(file, _)| format!("{file} starts git")).collect());
}

#[test]
fn start_of_a_program_is_detected_in_every_notation() {
    for text in [
        "use std::process::Command;",
        "use tokio::process::{Child, Command};",
        "std::process::Command::new(\"x\")",
    ] {
        assert!(starts_program(text), "{text}");
    }
    for text in ["use clap::{Args, Command};", "use std::process::ExitCode;"] {
        assert!(!starts_program(text), "{text}");
    }
}

#[test]
fn files_are_short_and_named_for_their_content() {
    let mut violations = Vec::new();
    for (file, text) in ["src", "tests", "benches", "examples"]
        .into_iter()
        .flat_map(sources)
    {
        let lines = text.lines().count();
        if lines > MAX_LINES {
            violations.push(format!("{file} has {lines} lines, more than {MAX_LINES}"));
        }
        let names = file.trim_end_matches(".rs").split('/');
        for name in names.filter(|name| NO_NAMES.contains(name)) {
            violations.push(format!("{file}: {name} says nothing about its content"));
        }
    }
    none(violations);
}

#[test]
fn every_test_file_is_mounted() {
    let files = sources("tests");
    let roots = ["tests/main.rs", "tests/live/main.rs"];
    let forgotten = files
        .iter()
        .map(|(file, _)| file)
        .filter(|file| !roots.contains(&file.as_str()) && !is_mounted(file, &files))
        .map(|file| format!("{file} is not mounted, so its tests never run"));
    none(forgotten.collect());
}

#[test]
fn module_table_has_no_cycles() {
    for (index, (name, allowed)) in MAY_USE.iter().enumerate() {
        for used in *allowed {
            let place = MAY_USE.iter().position(|(other, _)| other == used);
            assert!(
                place < Some(index),
                "{name} may use {used}, which is listed below it"
            );
        }
    }
}

#[test]
fn forbidden_use_is_detected_in_every_notation() {
    for text in [
        "use crate::policy::Policy;",
        "use crate::{\n    image::{Tag, Digest},\n    policy,\n};",
        "fn f() -> crate::policy::X { todo() }",
        "use super::super::policy::X;",
    ] {
        let found = forbidden_uses("src/workload/id.rs", text);
        assert_eq!(
            found,
            ["src/workload/id.rs: workload may not use policy"],
            "{text}"
        );
    }
    for text in [
        "use crate::image::{policy, Tag};",
        "use crate::workload::policy;",
        "use super::policy::X;",
        "//! See [`crate::policy`].",
        "#[cfg(test)]\nmod tests { use crate::policy::X; }",
    ] {
        assert_eq!(
            forbidden_uses("src/workload/id.rs", text),
            [""; 0],
            "{text}"
        );
    }
    assert_eq!(
        forbidden_uses("src/workload/mod.rs", "use super::plan::Plan;"),
        ["src/workload/mod.rs: workload may not use plan"]
    );
    assert_eq!(
        forbidden_uses("src/surprise.rs", ""),
        ["src/surprise.rs: the module surprise has no line in MAY_USE"]
    );
}

#[test]
fn impurity_is_detected_only_in_pure_modules() {
    for text in [
        "use std::fs;",
        "use std::{env, fmt};",
        "let now = jiff::Timestamp::now();",
        "pub async fn f() {}",
        "use kube::Api;",
    ] {
        assert_eq!(impurities("src/policy/glob.rs", text).len(), 1, "{text}");
        assert_eq!(impurities("src/cluster/list.rs", text), [""; 0], "{text}");
    }
    assert_eq!(
        impurities("src/policy/glob.rs", "use std::{fmt, str};"),
        [""; 0]
    );
}

#[test]
fn unmounted_test_file_is_detected() {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let files = [
        file("tests/main.rs", "mod cli;\n// mod gone;\n"),
        file("tests/cli/mod.rs", "mod status;\n"),
    ];
    for (name, mounted) in [
        ("tests/cli/mod.rs", true),
        ("tests/cli/status.rs", true),
        ("tests/cli/update.rs", false),
        ("tests/gone.rs", false),
        ("tests/git/mod.rs", false),
    ] {
        assert_eq!(is_mounted(name, &files), mounted, "{name}");
    }
}
