//! What registries tell of their tags besides the tag list of the distribution
//! API: when each was pushed.
//!
//! An image is built before it is pushed. So the push time bounds the creation
//! time from above, and only tags that may still win have to be dated, at two
//! requests each. A push time is believed as such a bound and as nothing else.
//!
//! | file | registry | from | asked |
//! |---|---|---|---|
//! | [`docker_hub`] | `docker.io` | `hub.docker.com` | anonymously |
//! | [`quay`] | `quay.io` | its own host | anonymously |
//! | [`harbor`] | any host whose challenge is Harbor's | its own host | with the password that it accepted |
//! | [`artifact_registry`] | `gcr.io`, `pkg.dev` | the tag list itself | |
//!
//! A new provider is a file here and a variant of [`Provider`]. It must hold for
//! it that a tag cannot begin to serve what is newer than its push time: that is
//! why what is cached from another registry (a Harbor proxy project) has none.
//!
//! No failure here is one of a row: then there are no push times, and each tag
//! is dated. Registry tokens are never shown to these APIs, and an API that
//! hangs or complains does not hinder the registry on the same host.

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
