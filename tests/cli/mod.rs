//! The whole program: arguments in, two streams and an exit code out.

mod annotate;
mod cache;
mod commands;
mod compare;
mod completion;
mod controller_manifests;
mod controllers;
mod elected_now;
mod faults;
mod files;
mod flux_connections;
mod flux_live;
mod flux_markers;
mod formats;
mod gate;
mod git;
mod git_annotations;
mod git_commit_markers;
mod git_commits;
mod git_faults;
mod git_kills;
mod git_kustomize;
mod git_push;
mod git_refusals;
mod git_signatures;
mod git_url;
mod groups;
mod helm;
mod helm_images;
mod history;
mod honesty;
mod image_policies;
mod image_scope;
mod input;
mod kubeconfig;
mod kustomize;
mod kustomize_argo;
#[cfg(unix)]
mod kustomize_cache;
mod kustomize_conformance;
mod kustomize_flux;
#[cfg(unix)]
mod kustomize_program;
mod kustomize_trees;
#[cfg(unix)]
mod live_image_policies;
mod menu;
#[cfg(unix)]
mod menu_updates;
mod next_commands;
mod no_record;
mod pipeline;
mod planted;
mod plugins;
mod pulls;
mod quickstart;
mod recorded;
mod repositories;
mod requests;
mod secrets;
mod snapshot;
mod sops;
mod status;
mod streams;
mod test_command;
mod trees;
mod unsteady;
mod update;
mod usage;
#[cfg(unix)]
mod user_files;
mod warm;
mod windows;
mod writable;

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::program::TestEnvironment;

/// A Deployment with annotations (YAML lines) and containers.
fn deployment(name: &str, annotations: &[&str], containers: &[(&str, &str)]) -> String {
    let mut text = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  annotations:\n"
    );
    for line in annotations {
        let _ = writeln!(text, "    {line}");
    }
    text.push_str("spec:\n  template:\n    spec:\n      containers:\n");
    for (container, image) in containers {
        let _ = writeln!(text, "      - name: {container}\n        image: {image}");
    }
    text
}

/// The annotation that automates a workload.
const AUTOMATED: &str = "fluxcd.io/automated: \"true\"";
/// The annotation that locks a workload.
const LOCKED: &str = "fluxcd.io/locked: \"true\"";

/// An automated Deployment `web` with one container `app`.
fn automated(policy: &str, image: &str) -> String {
    let policy = format!("fluxcd.io/tag.app: '{policy}'");
    deployment("web", &[AUTOMATED, &policy], &[("app", image)])
}

/// A test environment with one manifest, `web.yaml`.
fn with_manifest(text: &str) -> TestEnvironment {
    let environment = TestEnvironment::new();
    environment.write("web.yaml", text);
    environment
}

/// The root of the repository.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The names of an object's fields, in order.
fn fields(value: &Value) -> Vec<&str> {
    let object = value.as_object().expect("object");
    object.keys().map(String::as_str).collect()
}

/// A text field of a row.
fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} is not a text in {value}"))
}
