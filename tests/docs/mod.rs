//! Checks the documentation against the program: documented output matches, and lists
//! are complete.

mod commands;
mod examples;
mod lists;
mod metrics;
mod prose;
mod requests;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// The program under test.
pub(super) const BINARY: &str = env!("CARGO_BIN_EXE_kubectl-imgpolicy");

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect(path)
}

/// README.md, CHANGELOG.md, CONTRIBUTING.md and everything in docs/.
pub(super) fn documents() -> Vec<String> {
    let markdown = |folder: &str| -> Vec<String> {
        let entries = fs::read_dir(root().join(folder)).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let names = names.filter_map(|name| name.into_string().ok());
        let prefix = if folder == "." {
            String::new()
        } else {
            format!("{folder}/")
        };
        names
            .filter(|name| name.ends_with(".md"))
            .map(|name| format!("{prefix}{name}"))
            .collect()
    };
    let mut found = markdown(".");
    found.extend(markdown("docs"));
    found.sort();
    assert!(found.len() >= 8, "{found:?}");
    found
}

/// Runs a shell script in the root of the repository.
pub(super) fn shell(script: &str, home: &Path) -> Output {
    shell_in(root(), script, home)
}

/// Runs a shell script in a folder, with an environment without a user or a cluster.
pub(super) fn shell_in(folder: &Path, script: &str, home: &Path) -> Output {
    let mut command = Command::new("sh");
    command
        .args(["-c", script])
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", home)
        .env("TZ", "UTC")
        .env("LANG", "C.UTF-8")
        .env("IMGPOLICY", BINARY);
    command.output().expect("sh")
}

/// The standard output of the program.
pub(super) fn printed(words: &str) -> String {
    let home = tempfile::tempdir().expect("a folder");
    let output = shell(&format!("\"$IMGPOLICY\" {words}"), home.path());
    String::from_utf8(output.stdout).expect("text")
}

/// A fenced block of a document.
pub(super) struct Block {
    pub(super) document: String,
    pub(super) line: usize,
    pub(super) language: String,
    pub(super) lines: Vec<String>,
}

/// The blocks of a document, and its other lines with their numbers.
pub(super) fn taken_apart(document: &str) -> (Vec<Block>, Vec<(usize, String)>) {
    let (mut blocks, mut prose) = (Vec::new(), Vec::new());
    let mut open: Option<Block> = None;
    for (at, line) in read(document).lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), open.take()) {
            (Some(_), Some(block)) => blocks.push(block),
            (Some(language), None) => {
                open = Some(Block {
                    document: document.to_owned(),
                    line: at + 1,
                    language: language.to_owned(),
                    lines: Vec::new(),
                });
            }
            (None, Some(mut block)) => {
                block.lines.push(line.to_owned());
                open = Some(block);
            }
            (None, None) => prose.push((at + 1, line.to_owned())),
        }
    }
    assert!(open.is_none(), "{document}: a block is not closed");
    (blocks, prose)
}

/// Asserts that a document names each word as code.
pub(super) fn assert_named<'w>(document: &str, words: impl IntoIterator<Item = &'w str>) {
    let text = read(document);
    let missing: Vec<&str> = words
        .into_iter()
        .filter(|word| !text.contains(&format!("`{word}`")))
        .collect();
    assert!(missing.is_empty(), "{document} does not name {missing:?}");
}
