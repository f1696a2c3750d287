//! Errors of reading and writing files.

use std::io;
use std::path::PathBuf;

use crate::manifest::{BuildError, DocumentError};
use crate::workload::{DecodeError, ManifestSource};

/// The maximum size of one file, in bytes.
pub const MAX_BYTES: u64 = 64 << 20;

/// A file, or a document in it, that is left out.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The path does not exist: a user error.
    #[error("the path {path:?} does not exist")]
    NotFound {
        /// As given.
        path: String,
    },
    /// A URL instead of a file. Files are never downloaded.
    #[error(
        "{url:?} is a URL, but only local files are read; \
         download it first: curl -sSfL {url} | kubectl imgpolicy status -f -"
    )]
    Url {
        /// As given.
        url: String,
    },
    /// A folder without manifests. The message is kubectl's.
    #[error(
        "error reading [{path}]: recognized file extensions are [.json .yaml .yml]{}",
        if *.has_folders { "; -R also reads its subfolders" } else { "" }
    )]
    EmptyFolder {
        /// As given.
        path: String,
        /// Whether it has subfolders, which may contain manifests.
        has_folders: bool,
    },
    /// Standard input was empty, for example because the program before the pipe failed.
    #[error("standard input contains no manifests")]
    EmptyStdin,
    /// The operating system cannot read the file.
    #[error("cannot read {file}: {source}")]
    Unreadable {
        /// Its path.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// The file is larger than [`MAX_BYTES`], so it is unlikely to be a manifest.
    #[error("{file} is larger than {} MiB; split it", MAX_BYTES >> 20)]
    TooLarge {
        /// Its path.
        file: String,
    },
    /// The name of the file is not UTF-8, so it could not be found again to be written.
    #[error("{file:?}: the file's name is not UTF-8; rename the file")]
    NameNotUtf8 {
        /// Its path.
        file: PathBuf,
    },
    /// The file is not UTF-8.
    #[error("{}:{}: not UTF-8; save the file as UTF-8", at.file, at.line)]
    NotUtf8 {
        /// The line of the first invalid byte.
        at: ManifestSource,
    },
    /// A document in the file is not an object.
    #[error("{file}:{}: {error}", error.line)]
    Document {
        /// Its path.
        file: String,
        /// What is wrong, and on which line.
        error: DocumentError,
    },
    /// A kustomization that cannot be built.
    #[error("{error}")]
    Kustomization {
        /// The folder that was to be built.
        root: String,
        /// Why not.
        error: Box<BuildError>,
    },
    /// An object in the file is a workload that cannot be decoded.
    #[error("{}:{}: {error}", at.file, at.line)]
    Workload {
        /// Where the object begins.
        at: ManifestSource,
        /// What is wrong with it.
        error: DecodeError,
    },
}

/// Why a file was not replaced. The file is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    /// The operating system does not allow writing the file.
    #[error("cannot write {file}: {source}; nothing was changed")]
    Unwritable {
        /// Its path.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// The operating system does not allow writing a new file next to it.
    #[error(
        "cannot write {file}, because its folder {folder} does not allow it: {source}; nothing was \
         changed"
    )]
    FolderUnwritable {
        /// Its path.
        file: String,
        /// The folder of the file, after following links.
        folder: String,
        /// Why.
        source: io::Error,
    },
    /// The file was changed after it was read.
    #[error(
        "{file} was changed by someone else in the meantime, so it was left unchanged; run the \
         command again"
    )]
    Changed {
        /// Its path.
        file: String,
    },
}
