//! The files' texts read into workloads.

use std::io::{self, Read};

use serde_json::Value;

use super::error::FileError;
use super::find::{Found, PathOrStdin, find};
use super::rewrite::read_text;
use crate::manifest::{self, Object, Problem};
use crate::workload::{ManifestSource, Workload};

/// The most bytes that one file may have.
pub const MAX_BYTES: u64 = 64 << 20;

/// What a set of files holds.
#[derive(Debug, Default)]
pub struct FileListing {
    /// The workloads, in the files' order, each with its [`ManifestSource`] and with
    /// Flux's markers at its containers.
    pub workloads: Vec<Workload>,
    /// The objects that policies are read from: Flux's Kustomization, ImagePolicy
    /// and ImageRepository. A namespace that they do not name is not filled in.
    pub objects: Vec<(ManifestSource, Value)>,
    /// The text of standard input, where it was read: an edit of it goes to
    /// standard output.
    pub stdin: Option<String>,
    /// What could not be read.
    pub errors: Vec<FileError>,
}

/// Reads files, folders and standard input. Objects of other kinds are passed
/// over, and so is what a folder holds beside manifests, such as a chart's
/// values; `default_namespace` is given to a workload that names none.
#[must_use]
pub fn read(paths: &[PathOrStdin], recursive: bool, default_namespace: &str) -> FileListing {
    read_from(paths, recursive, default_namespace, &mut io::stdin().lock())
}

/// As [`read`], with `stdin` in the place of standard input.
#[must_use]
pub fn read_from(
    paths: &[PathOrStdin],
    recursive: bool,
    default_namespace: &str,
    stdin: &mut dyn Read,
) -> FileListing {
    let mut listing = FileListing::default();
    for found in find(paths, recursive) {
        let outcome = match found {
            Ok(Found::Stdin) => text("-", stdin).and_then(|text| match text.trim() {
                "" => Err(FileError::EmptyStdin),
                _ => {
                    listing.add("-", &text, true, default_namespace);
                    listing.stdin = Some(text);
                    Ok(())
                }
            }),
            Ok(Found::Named(path)) => listing.file(&path, true, default_namespace),
            Ok(Found::InFolder(path)) => listing.file(&path, false, default_namespace),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            listing.errors.push(error);
        }
    }
    listing
}

impl FileListing {
    fn file(
        &mut self,
        path: &std::path::Path,
        is_named: bool,
        default_namespace: &str,
    ) -> Result<(), FileError> {
        let text = read_text(path)?;
        let name = path.display().to_string();
        self.add(&name, &text, is_named, default_namespace);
        Ok(())
    }

    fn add(&mut self, file: &str, text: &str, is_named: bool, default_namespace: &str) {
        let mut is_template = false;
        for object in manifest::objects(text) {
            match object {
                Ok(object) => self.object(file, object, default_namespace),
                Err(error) => {
                    match error.problem {
                        // Lists of patches and the like lie beside manifests.
                        Problem::NotAnObject(_) if !is_named => continue,
                        // Every document of a template is broken; once is enough.
                        Problem::Template(_) if is_template => continue,
                        Problem::Template(_) => is_template = true,
                        _ => {}
                    }
                    let file = file.to_owned();
                    self.errors.push(FileError::Document { file, error });
                }
            }
        }
    }

    fn object(&mut self, file: &str, object: Object, default_namespace: &str) {
        let at = ManifestSource {
            file: file.to_owned(),
            line: object.line,
        };
        match object.workload(default_namespace) {
            Ok(Some(mut workload)) => {
                workload.source = Some(at);
                self.workloads.push(workload);
            }
            Ok(None) if is_policy_source(&object.value) => self.objects.push((at, object.value)),
            Ok(None) => {}
            Err(error) => self.errors.push(FileError::Workload { at, error }),
        }
    }
}

/// Is it of a kind that policies are read from? The plain kustomize file, which
/// is a `Kustomization` of another group, is not.
fn is_policy_source(object: &Value) -> bool {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or("");
    let group = text("apiVersion")
        .split_once('/')
        .map_or("", |(group, _)| group);
    matches!(
        (group, text("kind")),
        ("kustomize.toolkit.fluxcd.io", "Kustomization")
            | ("image.toolkit.fluxcd.io", "ImagePolicy" | "ImageRepository")
    )
}

/// Reads a text to its end, or to the limit.
pub(crate) fn text(file: &str, from: &mut dyn Read) -> Result<String, FileError> {
    let mut bytes = Vec::new();
    let file = file.to_owned();
    if let Err(source) = from.take(MAX_BYTES + 1).read_to_end(&mut bytes) {
        return Err(FileError::Unreadable { file, source });
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(FileError::TooLarge { file });
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        FileError::NotUtf8 {
            at: ManifestSource { file, line },
        }
    })
}
