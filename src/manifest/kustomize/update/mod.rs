//! Edits the scalars that decide images.

mod difference;
mod images;
mod scalar_edits;
mod settle;
mod splice_files;

pub(crate) use scalar_edits::ScalarEdit;
pub use settle::{SettleDraft, SettleOptions, Settler};
pub(crate) use splice_files::splice_files;
