//! Reads objects of files with everything that is needed to edit them.

use std::collections::BTreeMap;
use std::path::Path;

use super::text::read_text;
use crate::manifest;
use crate::workload::{ManifestSource, Observed, Workload};

/// The whole objects that workloads were read from, in the workloads' order. An object
/// that is no longer in its place is left out. Standard input cannot be read again, so its
/// text is passed in.
#[must_use]
pub fn observe(
    workloads: &[Workload],
    stdin: Option<&str>,
    default_namespace: &str,
) -> Vec<Observed> {
    let mut files: BTreeMap<&str, BTreeMap<usize, Vec<Observed>>> = BTreeMap::new();
    let sources: Vec<(&Workload, &ManifestSource)> = workloads
        .iter()
        .filter_map(|workload| Some((workload, workload.source.as_ref()?)))
        .collect();
    for (_, source) in &sources {
        let file = source.file.as_str();
        files.entry(file).or_insert_with(|| {
            let text = match file {
                "-" => stdin.map(str::to_owned),
                path => read_text(Path::new(path)).ok(),
            };
            by_line(file, &text.unwrap_or_default(), default_namespace)
        });
    }
    sources
        .into_iter()
        .filter_map(|(workload, source)| {
            let objects = files.get(source.file.as_str())?.get(&source.line)?;
            objects
                .iter()
                .find(|observed| observed.workload.id == workload.id)
                .cloned()
        })
        .collect()
}

fn by_line(file: &str, text: &str, default_namespace: &str) -> BTreeMap<usize, Vec<Observed>> {
    let mut found: Vec<(usize, Observed)> = Vec::new();
    for (position, object) in manifest::objects(text).into_iter().enumerate() {
        let Ok(object) = object else { continue };
        if let Ok(Some(mut observed)) = object.observed(default_namespace) {
            observed.workload.source = Some(ManifestSource {
                file: file.to_owned(),
                line: object.line,
            });
            found.push((position, observed));
        }
    }
    let mut workloads: Vec<(usize, &mut Workload)> = found
        .iter_mut()
        .map(|(position, observed)| (*position, &mut observed.workload))
        .collect();
    manifest::mark_unwritable(file, text, &mut workloads);
    let mut lines: BTreeMap<usize, Vec<Observed>> = BTreeMap::new();
    for (_, observed) in found {
        let line = observed.workload.source.as_ref().map(|source| source.line);
        lines
            .entry(line.unwrap_or_default())
            .or_default()
            .push(observed);
    }
    lines
}
