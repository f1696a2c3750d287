//! Objects of files with all that an edit of them needs.

use std::collections::BTreeMap;
use std::path::Path;

use super::rewrite::read_text;
use crate::manifest;
use crate::workload::{ManifestSource, Observed, Workload};

/// The objects that workloads were read from, whole, in their order. One that
/// stands in its place no more is left out; standard input is not read again but
/// given.
#[must_use]
pub fn observe(
    workloads: &[Workload],
    stdin: Option<&str>,
    default_namespace: &str,
) -> Vec<Observed> {
    let mut files: BTreeMap<&str, BTreeMap<usize, Vec<Observed>>> = BTreeMap::new();
    let sources = || {
        workloads
            .iter()
            .filter_map(|w| Some((w, w.source.as_ref()?)))
    };
    for (_, source) in sources() {
        let file = source.file.as_str();
        files.entry(file).or_insert_with(|| {
            let text = match file {
                "-" => stdin.map(str::to_owned),
                path => read_text(Path::new(path)).ok(),
            };
            by_line(file, &text.unwrap_or_default(), default_namespace)
        });
    }
    sources()
        .filter_map(|(workload, source)| {
            let its_line = files.get(source.file.as_str())?.get(&source.line)?;
            let is_it = |observed: &&Observed| observed.workload.id == workload.id;
            its_line.iter().find(is_it).cloned()
        })
        .collect()
}

fn by_line(file: &str, text: &str, default_namespace: &str) -> BTreeMap<usize, Vec<Observed>> {
    let mut lines: BTreeMap<usize, Vec<Observed>> = BTreeMap::new();
    for object in manifest::objects(text).into_iter().flatten() {
        if let Ok(Some(mut observed)) = object.observed(default_namespace) {
            observed.workload.source = Some(ManifestSource {
                file: file.to_owned(),
                line: object.line,
            });
            lines.entry(object.line).or_default().push(observed);
        }
    }
    lines
}
