//! What an image is called, and what a registry says of it.
//!
//! A name in a manifest has three parts, `name[:tag][@digest]`. The name is
//! kept as it was spelled ([`ImageName`]), because an update must not rewrite
//! it; where names are compared, the [`CanonicalName`] is used, in which
//! `nginx`, `docker.io/library/nginx` and `registry-1.docker.io/library/nginx`
//! are one.
//!
//! [`RepositoryMetadata`] holds the answers of a registry as far as they were
//! asked: each fact is [`Known`], has failed, or was never asked for.

mod build_time;
mod metadata;
mod name;
mod platform;
mod reference;
mod reference_error;
mod version;

pub(crate) use build_time::later;
pub use build_time::{BuildTimes, Created, CreatedFrom, created_by, is_believable, pushed_before};
pub use metadata::{
    Content, Fact, FetchFailure, FetchFailureKind, ImageMetadata, Known, Member,
    RepositoryMetadata, SourceKind,
};
pub use name::{CanonicalName, ImageName};
pub use platform::{Platform, PlatformError};
pub use reference::ImageReference;
pub use reference_error::ReferenceError;
pub use version::{Digest, DigestError, Tag, TagError, TagOrDigest};
