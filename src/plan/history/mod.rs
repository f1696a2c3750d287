//! What updates were made to a workload: from its records, from commits, from Events and from
//! revisions. The same update is in several of these sources, and becomes one entry.

pub(crate) mod entry;
pub(crate) mod event_note;
pub(crate) mod merge;
pub(crate) mod revisions;
