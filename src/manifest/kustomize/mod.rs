//! A model of kustomize: the objects that a kustomization builds, and where their images are
//! written.
//!
//! Modelled are the fields on which images usually depend: `resources`, `bases`, `components`,
//! patches, names, namespaces, labels, annotations and `images`. A kustomization with any
//! other field that could change an image or the set of containers is not built: the error
//! says that kustomize is needed, and names the field.
//!
//! Each scalar remembers where it is written, so the places that decide an image are known
//! after all changes. Files are read before, into a [`SourceTree`].

mod argo;
mod build;
mod containers;
mod error;
mod flux;
mod guard;
mod owner;
mod probe;
mod result;
mod source;
mod spec;
mod traced;
mod update;

pub use build::{Built, build_objects, printed_objects};
pub use error::BuildError;
pub use flux::change_built;
pub use guard::{
    LocalReference, ProgramInput, ReferenceTarget, all_references, plugin_references, program_input,
};
pub use owner::owner_references;
pub use probe::Probing;
pub use result::{BuiltManifest, KustomizeResult, built_objects, references};
pub use source::{SourcePath, SourceTree, join_path};
pub use spec::KustomizationType;
pub use update::{SettleDraft, SettleOptions, SettleRoot, Settler};
