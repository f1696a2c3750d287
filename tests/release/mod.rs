//! Release files: the krew manifest, the workflows, and the packing script agree on
//! platforms and names.

mod dependencies;
mod workflows;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::krew_manifest::{TEMPLATE, filled_in};

const TAG: &str = "v1.2.3";

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).expect("YAML")
}

fn manifest() -> Value {
    yaml(&filled_in(TEMPLATE, TAG, |_| "0a".repeat(32)))
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("{pointer} of {value}"))
}

fn list<'v>(value: &'v Value, pointer: &str) -> &'v Vec<Value> {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.unwrap_or_else(|| panic!("{pointer} of {value}"))
}

/// The platforms of the manifest, for example `linux-amd64`.
fn of_manifest(manifest: &Value) -> BTreeSet<String> {
    let platform = |platform: &Value| {
        let labels = "/selector/matchLabels";
        let os = text(platform, &format!("{labels}/os"));
        let arch = text(platform, &format!("{labels}/arch"));
        format!("{os}-{arch}")
    };
    let platforms = list(manifest, "/spec/platforms");
    let names: BTreeSet<String> = platforms.iter().map(platform).collect();
    assert_eq!(names.len(), platforms.len(), "a platform is listed twice");
    names
}

#[test]
fn manifest_and_workflow_have_the_same_platforms() {
    let workflow = yaml(&read(".github/workflows/release.yaml"));
    let built = list(&workflow, "/jobs/build/strategy/matrix/include");
    let of_workflow: BTreeSet<String> = built
        .iter()
        .map(|row| text(row, "/platform").to_owned())
        .collect();
    assert_eq!(of_manifest(&manifest()), of_workflow);
    let checked = read("deny.toml");
    for row in built {
        let (platform, target) = (text(row, "/platform"), text(row, "/target"));
        // The names that `.ci/dist` uses.
        let system = match platform.split('-').next() {
            Some("linux") => "unknown-linux-musl",
            Some("darwin") => "apple-darwin",
            _ => "pc-windows-msvc",
        };
        let processor = if platform.ends_with("-arm64") {
            "aarch64"
        } else {
            "x86_64"
        };
        assert_eq!(target, format!("{processor}-{system}"), "{platform}");
        assert!(
            checked.contains(&format!("\"{target}\"")),
            "deny.toml: {target}"
        );
    }
}

#[test]
fn archive_is_named_for_its_platform_and_has_a_checksum() {
    let manifest = manifest();
    for (name, platform) in of_manifest(&manifest).iter().zip({
        let mut platforms = list(&manifest, "/spec/platforms").clone();
        platforms.sort_by_key(|platform| text(platform, "/uri").to_owned());
        platforms
    }) {
        let releases = "https://github.com/kubectl-imgpolicy/kubectl-imgpolicy/releases/download";
        let uri = format!("{releases}/{TAG}/kubectl-imgpolicy-{name}.tar.gz");
        assert_eq!(text(&platform, "/uri"), uri);
        assert_eq!(text(&platform, "/sha256"), "0a".repeat(32));
        let end = if name.starts_with("windows-") {
            ".exe"
        } else {
            ""
        };
        assert_eq!(text(&platform, "/bin"), format!("kubectl-imgpolicy{end}"));
    }
}

#[test]
fn manifest_follows_the_rules_of_the_krew_index() {
    let manifest = manifest();
    assert_eq!(text(&manifest, "/metadata/name"), "imgpolicy");
    assert_eq!(text(&manifest, "/spec/version"), TAG);
    let short = text(&manifest, "/spec/shortDescription");
    assert!(short.len() <= 55 && !short.ends_with('.'), "{short}");
    for word in ["kubectl", "plugin", "krew"] {
        assert!(!short.to_lowercase().contains(word), "{short}");
    }
    let lines = text(&manifest, "/spec/description").lines();
    assert_eq!(lines.filter(|line| line.chars().count() > 80).count(), 0);
}
