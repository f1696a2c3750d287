//! Which folders Kustomizations of Flux apply.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::flux_markers::{inside, roots};
use crate::files::PathOrStdin;
use crate::workload::ManifestSource;

/// A folder, without links, and where the Kustomization of Flux is that applies it.
pub type FluxApplication = (PathBuf, ManifestSource);

/// The folders that the Kustomizations of Flux among these objects apply. A path begins where
/// that of an automation begins. `paths` are those of `-f`.
#[must_use]
pub fn flux_applications<'o>(
    objects: impl Iterator<Item = &'o (ManifestSource, Value)>,
    paths: &[PathOrStdin],
) -> Vec<FluxApplication> {
    let roots = roots(paths);
    let applications = objects.filter_map(|(at, object)| {
        let api_version = object["apiVersion"].as_str()?;
        let is_flux = api_version.starts_with("kustomize.toolkit.fluxcd.io/");
        if !is_flux || object["kind"] != "Kustomization" {
            return None;
        }
        let path = object["spec"]["path"].as_str().unwrap_or_default();
        let mut folders = roots.iter().map(|root| inside(root, path));
        let folder = folders.find_map(|folder| fs::canonicalize(folder).ok())?;
        Some((folder, at.clone()))
    });
    applications.collect()
}
