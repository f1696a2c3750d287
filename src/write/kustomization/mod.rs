//! Writes plans into the files of a kustomization.

mod kustomization_writer;

pub use kustomization_writer::{KustomizationWriter, write_kustomizations};
