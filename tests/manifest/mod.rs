//! Reads and edits manifests in texts and in files.

mod documents;
mod edit;
mod files;
mod marked_values;
mod markers;
mod quickstart;
mod quoted_lines;
mod rewrite;
mod shapes;
mod sops;
