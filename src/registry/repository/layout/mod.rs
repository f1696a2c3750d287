//! OCI image layouts: images in a directory, for air-gapped use and the quick
//! start (<https://github.com/opencontainers/image-spec/blob/main/image-layout.md>).
//!
//! Tags are the `org.opencontainers.image.ref.name` annotations of `index.json`,
//! and of the indexes it names that have no such annotation of their own.
//! Everything read is verified against its digest, as over the network.

mod option;
mod read;

pub use self::option::{OciLayout, OciLayoutError};

pub(crate) use self::option::find;
pub(crate) use self::read::LayoutReader;
