//! Reads and edits manifests in texts and in files.

mod documents;
mod edit;
mod files;
mod markers;
mod quickstart;
mod rewrite;
mod shapes;
mod sops;
