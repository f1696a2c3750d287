//! Manifests read from texts and from files, and edited in both.

mod documents;
mod edit;
mod files;
mod markers;
mod quickstart;
mod rewrite;
mod shapes;
mod sops;
