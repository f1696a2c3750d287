//! The images of one repository: which requests answer which facts.
//!
//! Each manifest and each config is fetched once a run, however many tags point
//! at it and however many questions need it; and never again where a cache keeps
//! what it said.

mod answer;
mod describe;
mod images;
mod recall;

pub(crate) use images::{
    FetchResult, Freshness, ImageSource, ObservedTag, RepositoryImages, ServedManifest,
};
