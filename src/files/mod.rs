//! Manifests on disk: the files behind `-f` read into workloads.
//!
//! [`read`] takes what kubectl takes: files, folders (with or without the
//! folders below), `-` for standard input. One file is held in memory at a time,
//! and of that only the workloads are kept, with the objects that policies are
//! read from. What cannot be read is a value beside them; it hides nothing else.
//!
//! [`rewrite`] puts an edited text in the place of the old one, safe from crashes
//! and from others who write.

mod error;
mod find;
mod observe;
mod read;
mod rewrite;
mod text;

pub use error::{FileError, MAX_BYTES, RewriteError};
pub use find::PathOrStdin;
pub use observe::observe;
pub use read::{FileListing, read, read_from};
pub use rewrite::rewrite;
pub use text::read_text;
