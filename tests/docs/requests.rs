//! The documented number of requests.

use std::fs;

use regex::Regex;

use super::{read, root, shell};
use crate::support::content::Image;
use crate::support::registry::TestRegistry;

/// The number of requests of `status` for one container with a policy.
fn requests_of(registry: &TestRegistry, tag: &str, policy: &str, flags: &str) -> usize {
    let image = format!("{}:{tag}", registry.image("org/app"));
    let manifest = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  annotations:\n    \
         fluxcd.io/automated: \"true\"\n    fluxcd.io/tag.app: {policy}\nspec:\n  template:\n    \
         spec:\n      containers:\n      - {{name: app, image: \"{image}\"}}\n"
    );
    let home = tempfile::tempdir().expect("a folder");
    fs::write(home.path().join("web.yaml"), manifest).expect("a file");
    registry.forget();
    let script = format!("\"$IMGPOLICY\" status -f \"$HOME/web.yaml\" --exit-code {flags}");
    let code = shell(&script, home.path()).status.code();
    assert!(matches!(code, Some(0 | 10)), "{policy}: {code:?}");
    registry.requests().len()
}

#[test]
fn run_costs_the_documented_requests() {
    let registry = TestRegistry::start();
    let tags: Vec<String> = (0..9).map(|n| format!("1.0.{n}")).collect();
    for tag in &tags {
        let image = Image::built("2024-01-01T00:00:00Z").label(tag);
        registry.push("org/app", tag, image);
    }
    let all = 1 + 2 * tags.len();
    for (running, policy, flags, expected) in [
        ("1.0.8", "semver:~1.0", "", 1),
        // The manifests and configs of the elected and the running image.
        ("1.0.0", "semver:~1.0", "", 1 + 4),
        ("1.0.0", "alphabetical", "", 1 + 4),
        ("1.0.0", "semver:~1.0", "--platform linux/amd64", 1 + 2),
        ("1.0.8", "semver:~1.0", "--platform linux/amd64", 1),
        ("1.0.0", "glob:*", "", all),
        ("1.0.0", "regex:[0-3]$", "", 1 + 2 * 4),
        ("1.0.0", "digest:1.0.8", "--platform linux/amd64", 1 + 2),
    ] {
        let requests = requests_of(&registry, running, policy, flags);
        assert_eq!(requests, expected, "{running} {policy} {flags}");
    }
}

#[test]
fn tests_named_in_the_documents_exist() {
    let mut source = String::new();
    for folder in ["tests", "src"] {
        for entry in walkdir::WalkDir::new(root().join(folder)) {
            let entry = entry.expect("an entry");
            if entry.path().extension().is_some_and(|end| end == "rs") {
                source.push_str(&fs::read_to_string(entry.path()).expect("a file"));
            }
        }
    }
    let name = Regex::new(r"`([a-z0-9]+(?:_[a-z0-9]+){3,})`").expect("a pattern");
    let text = read("docs/performance.md");
    let mut named = 0;
    for found in name.captures_iter(&text) {
        named += 1;
        let function = format!("fn {}(", &found[1]);
        assert!(source.contains(&function), "{} is not a test", &found[1]);
    }
    assert!(named > 5);
}
