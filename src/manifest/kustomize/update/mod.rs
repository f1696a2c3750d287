//! Edits the scalars that decide images.

mod difference;
mod hidden_edits;
mod images;
mod scalar_edits;
mod settle;
mod shared_edits;
mod splice_files;

pub(crate) use scalar_edits::ScalarEdit;
pub use settle::{SettleDraft, SettleOptions, SettleRoot, Settler};
pub(crate) use splice_files::splice_files;
