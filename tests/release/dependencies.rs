//! How dependencies stay current and free of known faults.

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;
use walkdir::WalkDir;

use super::{list, read, text, yaml};

/// The folders with a file of this name, from the root with a slash.
fn folders_with(name: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = WalkDir::new(root).into_iter().filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        name != "target" && name != ".git"
    });
    let files = entries.filter_map(|entry| {
        let path = entry.expect("an entry").into_path();
        let is_it = path.file_name().is_some_and(|file| file == name);
        let folder = path.parent()?.strip_prefix(root).ok()?;
        is_it.then(|| format!("/{}", folder.to_string_lossy().replace('\\', "/")))
    });
    files.collect()
}

#[test]
fn dependabot_updates_every_action_crate_and_module() {
    let config = yaml(&read(".github/dependabot.yml"));
    let mut ecosystems = BTreeSet::new();
    for update in list(&config, "/updates") {
        let ecosystem = text(update, "/package-ecosystem");
        ecosystems.insert(ecosystem);
        assert_eq!(text(update, "/schedule/interval"), "weekly", "{ecosystem}");
        let file = match ecosystem {
            "cargo" => "Cargo.toml",
            "gomod" => "go.mod",
            _ => continue,
        };
        let listed = list(update, "/directories").iter();
        let patterns = listed.map(|folder| {
            let folder = regex::escape(folder.as_str().expect("a folder"));
            Regex::new(&format!("^{}$", folder.replace(r"\*", "[^/]+"))).expect("a pattern")
        });
        let patterns: Vec<Regex> = patterns.collect();
        let folders = folders_with(file);
        for folder in &folders {
            let is_listed = patterns.iter().any(|listed| listed.is_match(folder));
            assert!(is_listed, "{ecosystem}: {folder} is not listed");
        }
        for listed in patterns {
            let is_there = folders.iter().any(|folder| listed.is_match(folder));
            assert!(is_there, "{ecosystem}: {listed} does not exist");
        }
    }
    assert_eq!(
        ecosystems,
        BTreeSet::from(["cargo", "github-actions", "gomod"])
    );
}

#[test]
fn advisories_are_checked_every_day() {
    let workflow = yaml(&read(".github/workflows/deny.yaml"));
    let times = list(&workflow, "/on/schedule");
    let daily = Regex::new(r"^\d+ \d+ \* \* \*$").expect("a pattern");
    assert!(daily.is_match(text(&times[0], "/cron")), "{times:?}");
    assert!(workflow["on"].get("pull_request").is_some());
    let steps = list(&workflow, "/jobs/deny/steps");
    assert!(steps.iter().any(|step| step["run"] == "make deny"));
}

#[test]
fn tools_have_their_versions_in_one_place() {
    let makefile = read("Makefile");
    for tool in ["CARGO_FUZZ", "CARGO_CYCLONEDX"] {
        let version = Regex::new(&format!(r"(?m)^{tool}_VERSION = (\d+\.\d+\.\d+)$"));
        let version = version.expect("a pattern");
        let found = version.captures(&makefile).expect(tool);
        for file in [
            ".ci/sbom",
            ".github/workflows/release.yaml",
            "CONTRIBUTING.md",
        ] {
            assert!(!read(file).contains(&found[1]), "{file}: {tool}");
        }
        assert!(
            makefile.contains(&format!("--version $({tool}_VERSION)")),
            "{tool}"
        );
    }
    let locked = makefile.matches("$(CARGO) install --locked ").count();
    assert_eq!(locked, makefile.matches("$(CARGO) install").count());
}
