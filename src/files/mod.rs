//! Manifests on disk: the files behind `-f` read into workloads.
//!
//! [`read`] takes what kubectl takes: files, folders (with or without the
//! folders below), `-` for standard input. One file is held in memory at a time,
//! and of that only the workloads are kept, with the objects that policies are
//! read from. What cannot be read is a value beside them; it hides nothing else.

mod error;
mod find;
mod read;

pub use error::FileError;
pub use find::PathOrStdin;
pub use read::{FileListing, MAX_BYTES, read, read_from};
