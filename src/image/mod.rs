//! Image names, and the metadata that registries return for images.
//!
//! An image in a manifest has three parts, `name[:tag][@digest]`. The name is
//! kept as written ([`ImageName`]), because an update must not rewrite it. Names
//! are compared by their [`CanonicalName`], which is the same for `nginx`,
//! `docker.io/library/nginx` and `registry-1.docker.io/library/nginx`.
//!
//! [`RepositoryMetadata`] holds what a registry returned. Each fact is [`Known`],
//! could not be fetched, or was never requested.

mod build_time;
mod code_version;
mod metadata;
mod name;
mod platform;
mod reference;
mod reference_error;
mod version;

pub(crate) use build_time::later;
pub use build_time::{BuildTimes, Created, CreatedFrom, created_by, is_believable, pushed_before};
pub use code_version::{CodeVersion, is_shown_as_url};
pub use metadata::{
    Content, Fact, FetchFailure, FetchFailureKind, ImageMetadata, Known, Member,
    RepositoryMetadata, SourceKind,
};
pub(crate) use name::name_text;
pub use name::{CanonicalName, ImageName};
pub use platform::{Platform, PlatformError};
pub use reference::ImageReference;
pub use reference_error::ReferenceError;
pub use version::{Digest, DigestError, Tag, TagError, TagOrDigest};
