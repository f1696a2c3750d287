//! Links resolve, and lines of prose are short.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use regex::Regex;

use super::{documents, root, taken_apart};

/// The maximum length of a line of prose, in characters. Tables and code may be longer.
const PROSE: usize = 100;

/// The anchor of a heading.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

fn anchors(document: &Path) -> BTreeSet<String> {
    let name = document.strip_prefix(root()).expect("inside");
    let (_, prose) = taken_apart(name.to_str().expect("a name"));
    let headings = prose.iter().filter(|(_, line)| line.starts_with('#'));
    headings.map(|(_, line)| anchor(line)).collect()
}

#[test]
fn every_link_within_the_repository_resolves() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").expect("a pattern");
    for document in documents() {
        let (_, prose) = taken_apart(&document);
        let folder = root().join(&document).parent().map(Path::to_path_buf);
        for (line, text) in prose {
            for found in link.captures_iter(&text) {
                let target = &found[1];
                if target.contains("://") {
                    continue;
                }
                let (path, section) = target.split_once('#').unwrap_or((target, ""));
                let file: PathBuf = match path {
                    "" => root().join(&document),
                    path => folder.clone().expect("a folder").join(path),
                };
                assert!(file.exists(), "{document}:{line}: {target}");
                assert!(
                    section.is_empty()
                        || anchors(&file.canonicalize().expect("a file")).contains(section),
                    "{document}:{line}: {target} is not a section"
                );
            }
        }
    }
}

#[test]
fn lines_of_prose_are_short() {
    let mut long = Vec::new();
    for document in documents() {
        let (_, prose) = taken_apart(&document);
        for (line, text) in prose {
            let may_be_long = text.starts_with('|') || text.starts_with("![");
            if !may_be_long && text.chars().count() > PROSE {
                long.push(format!("{document}:{line}"));
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}
