//! Push times of tags, which registries offer in addition to the distribution API.
//!
//! An image is built before it is pushed. So the push time is an upper bound of the
//! creation time, and the creation time only has to be read, at two requests each,
//! for tags that may still be elected. A push time is used as this bound only.
//!
//! | file | registry | source | credentials |
//! |---|---|---|---|
//! | [`docker_hub`] | `docker.io` | `hub.docker.com` | anonymous |
//! | [`quay`] | `quay.io` | its own host | anonymous |
//! | [`harbor`] | any host whose challenge is Harbor's | its own host | the password that it accepted |
//! | [`artifact_registry`] | `gcr.io`, `pkg.dev` | the tag list itself | |
//!
//! A new provider is a file here and a variant of [`Provider`]. It must guarantee
//! that a tag never points to an image that is newer than its push time. For this
//! reason, caches of other registries (Harbor proxy projects) have no push times.
//!
//! A failure here never becomes a failure of a row: there are no push times then, and
//! the creation time of each tag is read. Registry tokens are never sent to these
//! APIs, and an API that hangs or returns errors does not affect the registry on the
//! same host.

mod artifact_registry;
mod docker_hub;
mod harbor;
mod option;
mod pages;
mod provider;
mod quay;
mod times;

pub use self::option::{Provider, PushTimeApi};

pub(crate) use self::artifact_registry::{TagFacts, describe};
pub(crate) use self::provider::Apis;
pub(crate) use self::times::PushTimes;
