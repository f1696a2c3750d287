//! Manifests read from texts and from files.

mod documents;
mod edit;
mod files;
mod markers;
mod quickstart;
mod shapes;
