//! One file per command: its flags and the calls that it makes.

pub(crate) mod annotations;
pub(crate) mod cache;
pub(crate) mod completion;
pub(crate) mod controller;
pub(crate) mod explain;
pub(crate) mod history;
pub(crate) mod images;
pub(crate) mod options;
pub(crate) mod rollback;
pub(crate) mod status;
pub(crate) mod test;
pub(crate) mod update;
pub(crate) mod version;
