//! Manifests read from texts and from files.

mod documents;
mod files;
mod markers;
mod quickstart;
mod shapes;
