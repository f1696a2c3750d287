//! OCI image layouts: images in a directory, for air-gapped use and the quick start
//! (<https://github.com/opencontainers/image-spec/blob/main/image-layout.md>).
//!
//! Tags are the `org.opencontainers.image.ref.name` annotations in `index.json`, and
//! in the indexes it lists that do not have this annotation themselves. Everything is
//! verified against its digest, as over the network.

mod find;
mod option;
mod read;

pub use self::option::{OciLayout, OciLayoutError};

pub(crate) use self::find::find;
pub(crate) use self::read::LayoutReader;
