//! The record of an update: who changed what, when, and from which image.

pub(crate) mod admitted;
pub(crate) mod authorship;
pub(crate) mod change_cause;
pub(crate) mod commit;
pub(crate) mod commit_parts;
pub(crate) mod committed_annotations;
pub(crate) mod message_template;
pub(crate) mod record;
pub(crate) mod record_name;
pub(crate) mod recorded_change;
