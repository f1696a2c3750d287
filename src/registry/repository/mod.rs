//! The facts of one repository: its tags, its images, and their push times.

pub(crate) mod described_tags;
pub(crate) mod facts;
pub(crate) mod images;
pub(crate) mod layout;
pub(crate) mod metadata_cache;
pub(crate) mod once;
pub(crate) mod providers;
pub(crate) mod push_times;
pub(crate) mod sources;
pub(crate) mod tags;
