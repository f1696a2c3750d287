//! What can be wrong with a file.

use std::io;

use crate::manifest::DocumentError;
use crate::workload::{DecodeError, ManifestSource};

/// A file, or a document in it, that is left out.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Nothing bears that name: the user's slip.
    #[error("the path {path:?} does not exist")]
    NotFound {
        /// As given.
        path: String,
    },
    /// An address in the place of a file: nothing is fetched here.
    #[error(
        "{url:?} is an address, and only files are read; \
         fetch it first: curl -sSfL {url} | kubectl imgpolicy status -f -"
    )]
    Url {
        /// As given.
        url: String,
    },
    /// A folder without a single manifest, as kubectl tells it.
    #[error(
        "error reading [{path}]: recognized file extensions are [.json .yaml .yml]{}",
        if *.has_folders { "; -R reads the folders below it too" } else { "" }
    )]
    EmptyFolder {
        /// As given.
        path: String,
        /// It holds folders, which may hold manifests.
        has_folders: bool,
    },
    /// Nothing came on standard input, as when the program before the pipe
    /// failed.
    #[error("no manifests came on standard input")]
    EmptyStdin,
    /// The system refuses to read it.
    #[error("cannot read {file}: {source}")]
    Unreadable {
        /// Its path.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// It is larger than [`MAX_BYTES`](super::MAX_BYTES), so hardly a manifest.
    #[error("{file} is larger than {} MiB; split it", super::MAX_BYTES >> 20)]
    TooLarge {
        /// Its path.
        file: String,
    },
    /// It is no UTF-8.
    #[error("{}:{}: not UTF-8; save the file in that encoding", at.file, at.line)]
    NotUtf8 {
        /// The line of the first byte that does not fit.
        at: ManifestSource,
    },
    /// A document in it is no object.
    #[error("{file}:{}: {error}", error.line)]
    Document {
        /// Its path.
        file: String,
        /// What is wrong, and on which line.
        error: DocumentError,
    },
    /// An object in it is a workload that cannot be read.
    #[error("{}:{}: {error}", at.file, at.line)]
    Workload {
        /// Where the object begins.
        at: ManifestSource,
        /// What is wrong with it.
        error: DecodeError,
    },
}

/// A file that was not replaced; it is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    /// The system refuses to write it.
    #[error("cannot write {file}: {source}; nothing was changed")]
    Unwritable {
        /// Its path.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// The system refuses to write a new file beside it.
    #[error(
        "cannot write {file}, since its folder {folder} refuses: {source}; nothing was changed"
    )]
    FolderUnwritable {
        /// Its path.
        file: String,
        /// The folder of the file that the path leads to.
        folder: String,
        /// Why.
        source: io::Error,
    },
    /// Somebody else wrote it after it was read.
    #[error(
        "{file} was changed by somebody else in the meantime, so it was left alone; run it again"
    )]
    Changed {
        /// Its path.
        file: String,
    },
}
