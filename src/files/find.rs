//! Resolves the arguments of `-f` to the files to read.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fs, io};

use walkdir::{DirEntry, WalkDir};

use super::error::FileError;

/// One argument of `-f`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathOrStdin {
    /// A file or a folder.
    Path(PathBuf),
    /// `-`.
    Stdin,
}

/// The same text as on the command line.
impl fmt::Display for PathOrStdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("-"),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

impl From<OsString> for PathOrStdin {
    fn from(word: OsString) -> Self {
        if word == "-" {
            Self::Stdin
        } else {
            Self::Path(PathBuf::from(word))
        }
    }
}

impl FromStr for PathOrStdin {
    type Err = Infallible;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Ok(Self::from(OsString::from(word)))
    }
}

/// A file to read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FoundFile {
    /// Standard input.
    Stdin,
    /// A file that the user named.
    Named(PathBuf),
    /// A file in a folder. It may not be a manifest.
    InFolder(PathBuf),
}

/// The files to read, and what was skipped.
pub(crate) struct Found {
    /// The files, each once, in the given order and by name within a folder.
    pub(crate) files: Vec<Result<FoundFile, FileError>>,
    /// How many folders of Helm charts were skipped.
    pub(crate) charts: usize,
}

/// Lists the files.
pub(crate) fn find(paths: &[PathOrStdin], recursive: bool, exclude: &[PathBuf]) -> Found {
    let mut finder = Finder {
        recursive,
        exclude: Vec::new(),
        seen: BTreeSet::new(),
        found: Vec::new(),
        charts: 0,
    };
    for path in exclude {
        match fs::canonicalize(path) {
            Ok(path) => finder.exclude.push(path),
            // A misspelled path would exclude nothing.
            Err(error) => finder.found.push(Err(unreadable(path, error))),
        }
    }
    let mut stdin_is_read = false;
    for path in paths {
        match path {
            PathOrStdin::Stdin if stdin_is_read => {}
            PathOrStdin::Stdin => {
                stdin_is_read = true;
                finder.found.push(Ok(FoundFile::Stdin));
            }
            PathOrStdin::Path(path) => finder.path(path),
        }
    }
    Found {
        files: finder.found,
        charts: finder.charts,
    }
}

fn unreadable(path: &Path, error: io::Error) -> FileError {
    let name = path.display().to_string();
    if error.kind() == io::ErrorKind::NotFound {
        FileError::NotFound { path: name }
    } else {
        FileError::Unreadable {
            file: name,
            source: error,
        }
    }
}

struct Finder {
    recursive: bool,
    /// Files and folders to leave out, without links.
    exclude: Vec<PathBuf>,
    seen: BTreeSet<PathBuf>,
    found: Vec<Result<FoundFile, FileError>>,
    charts: usize,
}

impl Finder {
    fn path(&mut self, path: &Path) {
        let name = path.display().to_string();
        if name.starts_with("http://") || name.starts_with("https://") {
            self.found.push(Err(FileError::Url { url: name }));
            return;
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.folder(path, name),
            Ok(_) => self.file(path.to_owned(), FoundFile::Named),
            Err(error) => self.found.push(Err(unreadable(path, error))),
        }
    }

    /// Adds the manifests of a folder. As in kubectl, links to files are followed and links
    /// to folders are not, so that the walk always ends. The templates of a Helm chart are not
    /// manifests, so a folder with a chart is skipped.
    fn folder(&mut self, folder: &Path, name: String) {
        let depth = if self.recursive { usize::MAX } else { 1 };
        let walk = WalkDir::new(folder)
            .min_depth(1)
            .max_depth(depth)
            .follow_links(false)
            .sort_by_file_name();
        let mut has_manifests = false;
        let mut has_folders = false;
        let (mut charts, mut has_excluded) = (0, false);
        let (recursive, exclude) = (self.recursive, self.exclude.clone());
        let walk = walk.into_iter().filter_entry(|entry| {
            let is_excluded = is_excluded(entry.path(), &exclude);
            let is_chart = recursive && !is_excluded && is_chart(entry);
            charts += usize::from(is_chart);
            has_excluded |= is_excluded;
            !is_excluded && !is_chart && !is_git(entry)
        });
        for entry in walk {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => has_folders = true,
                Ok(entry) if is_manifest(entry.path()) => match fs::metadata(entry.path()) {
                    // A folder, a pipe or a device may also have such a name.
                    Ok(metadata) if !metadata.is_file() => {}
                    _ => {
                        has_manifests = true;
                        self.file(entry.into_path(), FoundFile::InFolder);
                    }
                },
                Ok(_) => {}
                Err(error) => {
                    has_manifests = true;
                    let file = error.path().unwrap_or(folder).display().to_string();
                    let source = error.into_io_error().unwrap_or_else(|| {
                        io::Error::other("the links in this folder form a loop")
                    });
                    self.found.push(Err(FileError::Unreadable { file, source }));
                }
            }
        }
        self.charts += charts;
        if !has_manifests && !has_excluded && charts == 0 {
            let has_folders = has_folders && !self.recursive;
            self.found.push(Err(FileError::EmptyFolder {
                path: name,
                has_folders,
            }));
        }
    }

    fn file(&mut self, path: PathBuf, found: fn(PathBuf) -> FoundFile) {
        // A file with two names would give two rows for one workload.
        let real = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        if is_excluded(&real, &self.exclude) {
            return;
        }
        if self.seen.insert(real) {
            self.found.push(Ok(found(path)));
        }
    }
}

pub(crate) fn is_git(entry: &DirEntry) -> bool {
    entry.depth() > 0 && entry.file_name() == ".git" && entry.file_type().is_dir()
}

/// Whether an entry of a folder is the folder of a Helm chart.
pub(crate) fn is_chart(entry: &DirEntry) -> bool {
    entry.depth() > 0 && entry.file_type().is_dir() && entry.path().join("Chart.yaml").is_file()
}

fn is_excluded(path: &Path, exclude: &[PathBuf]) -> bool {
    // Most runs exclude nothing, and need not resolve any link.
    !exclude.is_empty()
        && fs::canonicalize(path).is_ok_and(|real| exclude.iter().any(|out| real.starts_with(out)))
}

/// Whether a file in a folder is read: those that kubectl reads, and kustomize's file
/// without an extension.
fn is_manifest(path: &Path) -> bool {
    if path.file_name().is_some_and(|name| name == "Kustomization") {
        return true;
    }
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("yaml" | "yml" | "json"))
}
