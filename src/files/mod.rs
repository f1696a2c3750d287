//! Manifests on disk: reads the files of `-f` into workloads, and rewrites files.
//!
//! [`read`] accepts what kubectl accepts: files, folders (with or without subfolders) and
//! `-` for standard input. One file is in memory at a time. Only its workloads are kept,
//! and the objects that define policies. An error about one file or document does not
//! hide the rest: errors are returned next to the workloads.
//!
//! [`rewrite`] replaces a file's text with an edited one. It is safe against crashes and
//! concurrent changes.

mod built;
mod error;
mod find;
mod folder_tree;
mod kustomize;
mod kustomize_tree;
mod observe;
mod read;
mod replace;
mod roots;
mod secret;
mod text;
mod uncovered;

pub use error::{FileError, MAX_BYTES, RewriteError};
pub use find::PathOrStdin;
pub use folder_tree::{has_kustomization, read_applied_folder};
pub use kustomize_tree::{KustomizationReach, TreeScope, read_kustomization};
pub use observe::observe;
pub use read::{FileListing, FileScope, read, read_from};
pub use replace::{Journal, RewriteTurn, UnfinishedWrites, rewrite, rewrite_in_turn};
pub use secret::{CONNECTION_KEYS, SecretInFile};
pub use text::read_text;
pub use uncovered::{ImagesWithoutRow, UncoveredImage};
