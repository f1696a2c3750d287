//! The images of one repository, and the requests that answer their facts.
//!
//! Each manifest and each config is fetched once per run, no matter how many tags
//! point to it and how many facts need it. With a cache, later runs do not fetch it
//! again.

mod answer;
mod describe;
mod images;
mod recall;

pub(crate) use images::{
    FetchResult, Freshness, ImageSource, ObservedTag, RepositoryImages, ServedManifest,
};
