//! The output in the documents is what the program prints.

use std::fs;
use std::os::unix::fs::symlink;

use regex::Regex;
use tempfile::TempDir;
use walkdir::WalkDir;

use super::{Block, documents, root, shell_in, taken_apart};

/// The commands of a session with the output of each. A command continues on the next
/// line after a backslash or a pipe.
fn session(block: &Block) -> Vec<(String, Vec<String>)> {
    let mut steps: Vec<(String, Vec<String>)> = Vec::new();
    let mut goes_on = false;
    for line in &block.lines {
        let command = line.strip_prefix("$ ").or(goes_on.then_some(line));
        match (command, steps.last_mut()) {
            (Some(command), Some((last, _))) if goes_on => {
                last.push('\n');
                last.push_str(command);
            }
            (Some(command), _) => steps.push((command.to_owned(), Vec::new())),
            (None, Some((_, shown))) => shown.push(line.clone()),
            (None, None) => panic!(
                "{}:{}: a session begins with a command",
                block.document, block.line
            ),
        }
        goes_on = command.is_some_and(|c| c.ends_with('\\') || c.trim_end().ends_with('|'))
            || (command.is_some() && has_open_quote(&steps[steps.len() - 1].0));
    }
    steps
}

fn has_open_quote(command: &str) -> bool {
    command.matches('\'').count() % 2 == 1
}

/// Whether a printed line matches the documented one; `…` matches any text.
fn is_shown(printed: &str, shown: &str) -> bool {
    let parts: Vec<String> = shown.split('…').map(regex::escape).collect();
    let pattern = format!("^{}$", parts.join(".*"));
    Regex::new(&pattern).expect("escaped").is_match(printed)
}

/// The folder where a document's sessions run, one after the other; they may write
/// there. Paths of a checkout work in it. For the quick start, so do the paths of the
/// copy that the reader makes.
fn folder_of(document: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    symlink(root().join("docs"), folder.path().join("docs")).expect("a link");
    if document == "docs/quickstart.md" {
        let quickstart = root().join("docs/quickstart");
        for name in ["manifests", "images"] {
            for entry in WalkDir::new(quickstart.join(name)) {
                let entry = entry.expect("an entry");
                let path = entry.path().strip_prefix(&quickstart).expect("inside");
                let copy = folder.path().join(path);
                if entry.file_type().is_dir() {
                    fs::create_dir(copy).expect("a folder");
                } else {
                    fs::copy(entry.path(), copy).expect("a copy");
                }
            }
        }
    }
    folder
}

#[test]
fn documented_sessions_match_the_program_output() {
    let home = tempfile::tempdir().expect("a folder");
    let mut sessions = 0;
    for document in documents() {
        let (blocks, _) = taken_apart(&document);
        let folder = folder_of(&document);
        for block in blocks.iter().filter(|b| b.language == "console") {
            sessions += 1;
            let steps = session(block);
            let mut script = String::from("exec 2>&1\n");
            for (command, _) in &steps {
                let command = command.replace("kubectl imgpolicy", "\"$IMGPOLICY\"");
                script.push_str(&command);
                script.push_str("\ncode=$?; printf '\\001'; (exit $code)\n");
            }
            let output = shell_in(folder.path(), &script, home.path());
            let text = String::from_utf8(output.stdout).expect("text");
            let mut answers = text.split('\u{1}');
            for (command, shown) in steps {
                let answer: Vec<&str> = answers.next().unwrap_or_default().lines().collect();
                let same = answer.len() == shown.len()
                    && answer.iter().zip(&shown).all(|(a, s)| is_shown(a, s));
                assert!(
                    same,
                    "{}:{}: $ {command}\nprints\n{}\n\nand the document shows\n{}\n",
                    block.document,
                    block.line,
                    answer.join("\n"),
                    shown.join("\n")
                );
            }
        }
    }
    assert!(sessions >= 8, "only {sessions} sessions found");
}
