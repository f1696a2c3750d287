//! Reads files into workloads.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::error::FileError;
use super::find::{FoundFile, PathOrStdin, find};
use super::kustomize::Kustomizations;
use super::roots::Roots;
use super::secret::SecretInFile;
use super::text::{read_text, read_to_end};
use super::uncovered::ImagesWithoutRow;
use crate::manifest::{self, Object, Problem, SourceTree};
use crate::workload::{ManifestSource, MarkedValue, Workload};

/// The contents of a set of files.
#[derive(Debug, Default)]
pub struct FileListing {
    /// The workloads in the order of the files, each with its [`Source`] and with Flux's
    /// markers on its containers.
    pub workloads: Vec<Workload>,
    /// The objects that define policies: Flux's Kustomization, ImagePolicy,
    /// ImageRepository and ImageUpdateAutomation, and namespaces, by whose labels an
    /// ImageRepository may be open to them. A missing namespace is not filled in.
    pub objects: Vec<(ManifestSource, Value)>,
    /// The Applications of Argo CD.
    pub applications: Vec<(ManifestSource, Value)>,
    /// The Secrets with registry credentials.
    pub pull_secrets: Vec<SecretInFile>,
    /// The text of standard input, if it was read. An edit of it goes to standard output.
    pub stdin: Option<String>,
    /// How many folders of Helm charts were skipped.
    pub skipped_charts: usize,
    /// The images that no workload has.
    pub uncovered: ImagesWithoutRow,
    /// Every marker of Flux's image automation, whatever the document.
    pub markers: Vec<MarkedValue>,
    /// The folders of kustomizations that no other one includes, if they are to be built. What
    /// they include is not in this listing, except for its markers.
    pub roots: Vec<PathBuf>,
    /// What is strange, one sentence each.
    pub notes: Vec<String>,
    /// The errors of what could not be read.
    pub errors: Vec<FileError>,
}

/// Which files to read.
#[derive(Debug, Clone, Copy)]
pub struct FileScope<'a> {
    /// Files, folders and `-` for standard input.
    pub paths: &'a [PathOrStdin],
    /// Whether the subfolders are also read.
    pub recursive: bool,
    /// Files and folders to leave out.
    pub exclude: &'a [PathBuf],
    /// Whether kustomizations are to be built instead of reading what they include.
    pub builds_kustomizations: bool,
}

/// Reads files, folders and standard input. Objects of other kinds are skipped, and so are
/// other files in a folder. The folder of a Helm chart is skipped unless it is one of the
/// paths. A workload that names no namespace gets `default_namespace`.
#[must_use]
pub fn read(scope: FileScope<'_>, default_namespace: &str) -> FileListing {
    read_scope(scope, default_namespace, &mut io::stdin().lock())
}

/// Like [`read`], without exclusions, and with `stdin` instead of standard input.
#[must_use]
pub fn read_from(
    paths: &[PathOrStdin],
    recursive: bool,
    default_namespace: &str,
    stdin: &mut dyn Read,
) -> FileListing {
    let scope = FileScope {
        paths,
        recursive,
        exclude: &[],
        builds_kustomizations: false,
    };
    read_scope(scope, default_namespace, stdin)
}

fn read_scope(scope: FileScope<'_>, default_namespace: &str, stdin: &mut dyn Read) -> FileListing {
    let found = find(scope.paths, scope.recursive, scope.exclude);
    let mut listing = FileListing {
        skipped_charts: found.charts,
        ..FileListing::default()
    };
    let mut kustomizations = Kustomizations::default();
    let roots = if scope.builds_kustomizations {
        Roots::find(&found.files)
    } else {
        Roots::default()
    };
    for found in found.files {
        let outcome = match found {
            Ok(FoundFile::Stdin) => read_to_end("-", stdin).and_then(|text| match text.trim() {
                "" => Err(FileError::EmptyStdin),
                _ => {
                    listing.add("-", &text, true, default_namespace);
                    listing.stdin = Some(text);
                    Ok(())
                }
            }),
            Ok(FoundFile::Named(path) | FoundFile::InFolder(path)) if roots.reaches(&path) => {
                listing.markers_of(&path, default_namespace)
            }
            Ok(FoundFile::Named(path)) => {
                listing.file(&path, true, default_namespace, &mut kustomizations)
            }
            Ok(FoundFile::InFolder(path)) if is_of_argo_cd(&path) => {
                listing.markers_of(&path, default_namespace)
            }
            Ok(FoundFile::InFolder(path)) => {
                listing.file(&path, false, default_namespace, &mut kustomizations)
            }
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            listing.errors.push(error);
        }
    }
    kustomizations.mark(&mut listing.workloads);
    listing.roots = roots.tops;
    listing
}

impl FileListing {
    /// Adds what was built.
    pub fn append(&mut self, built: Self) {
        self.workloads.extend(built.workloads);
        self.objects.extend(built.objects);
        self.applications.extend(built.applications);
        self.uncovered.append(built.uncovered);
        self.notes.extend(built.notes);
        self.errors.extend(built.errors);
    }

    /// Removes what was read from files that a kustomization builds, except for their markers.
    pub fn remove_built(&mut self, tree: &SourceTree) {
        self.workloads.retain(|workload| {
            let source = workload.source.as_ref();
            source.is_none_or(|at| !tree.builds(&at.file))
        });
        self.objects.retain(|(at, _)| !tree.builds(&at.file));
        self.applications.retain(|(at, _)| !tree.builds(&at.file));
        let uncovered = &mut self.uncovered.images;
        uncovered.retain(|image| !tree.builds(&image.at.file));
    }

    /// Adds only the markers of a file, which a kustomization builds.
    fn markers_of(&mut self, path: &Path, default_namespace: &str) -> Result<(), FileError> {
        let text = read_text(path)?;
        let name = path.display().to_string();
        let markers = manifest::marked_values(&name, &text, default_namespace);
        self.markers.extend(markers);
        Ok(())
    }

    fn file(
        &mut self,
        path: &Path,
        is_named: bool,
        default_namespace: &str,
        kustomizations: &mut Kustomizations,
    ) -> Result<(), FileError> {
        let Some(name) = path.to_str() else {
            let file = path.to_owned();
            return Err(FileError::NameNotUtf8 { file });
        };
        let text = read_text(path)?;
        kustomizations.add(path, &text);
        self.add(name, &text, is_named, default_namespace);
        Ok(())
    }

    fn add(&mut self, file: &str, text: &str, is_named: bool, default_namespace: &str) {
        let mut is_template = false;
        let first = self.workloads.len();
        let mut positions = Vec::new();
        for (position, object) in manifest::objects(text).into_iter().enumerate() {
            match object {
                Ok(object) => {
                    self.object(file, object, default_namespace);
                    positions.resize(self.workloads.len() - first, position);
                }
                Err(error) => {
                    match error.problem {
                        // Folders also contain other YAML files, such as lists of patches.
                        Problem::NotAnObject(_) if !is_named => continue,
                        // So do other JSON files, such as the settings of an editor.
                        _ if !is_named && file.ends_with(".json") && !text.contains("\"kind\"") => {
                            continue;
                        }
                        // Every document of a template is broken; one error is enough.
                        Problem::Template(_) if is_template => continue,
                        Problem::Template(_) => is_template = true,
                        _ => {}
                    }
                    let file = file.to_owned();
                    self.errors.push(FileError::Document { file, error });
                }
            }
        }
        let added = self.workloads[first..].iter_mut();
        let mut added: Vec<(usize, &mut Workload)> = positions.into_iter().zip(added).collect();
        manifest::mark_unwritable(file, text, &mut added);
        let markers = manifest::marked_values(file, text, default_namespace);
        self.markers.extend(markers);
    }

    fn object(&mut self, file: &str, object: Object, default_namespace: &str) {
        let at = ManifestSource {
            file: file.to_owned(),
            line: object.line,
        };
        self.uncovered.add(&object.value, &at, default_namespace);
        let secret = SecretInFile::read(&object.value, default_namespace);
        self.pull_secrets.extend(secret);
        match object.workload(default_namespace) {
            Ok(Some(mut workload)) => {
                workload.source = Some(at);
                self.workloads.push(workload);
            }
            Ok(None) => self.other(at, object.value),
            Err(error) => self.errors.push(FileError::Workload { at, error }),
        }
    }
}

impl FileListing {
    /// Adds an object that is not a workload.
    pub(crate) fn other(&mut self, at: ManifestSource, object: Value) {
        if is_policy_source(&object) {
            self.objects.push((at, object));
        } else if is_application(&object) {
            self.applications.push((at, object));
        }
    }
}

/// Whether a file only changes an Application of Argo CD, so that it contains no objects.
fn is_of_argo_cd(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(".argocd-source"))
}

fn is_application(object: &Value) -> bool {
    let api_version = object["apiVersion"].as_str().unwrap_or_default();
    api_version.starts_with("argoproj.io/") && object["kind"] == "Application"
}

/// Whether an object is of a kind that defines policies. A plain kustomize file, which is
/// a `Kustomization` of another group, is not.
fn is_policy_source(object: &Value) -> bool {
    let api_version = object["apiVersion"].as_str().unwrap_or_default();
    let (group, _) = api_version.split_once('/').unwrap_or_default();
    matches!(
        (group, object["kind"].as_str().unwrap_or_default()),
        ("kustomize.toolkit.fluxcd.io", "Kustomization")
            | ("", "Namespace")
            | (
                "image.toolkit.fluxcd.io",
                "ImagePolicy" | "ImageRepository" | "ImageUpdateAutomation"
            )
    )
}
