//! Edits the scalars that decide images.

mod difference;
mod images;
mod scalar_edits;
mod settle;
mod splice_files;

pub use settle::{SettleOptions, settle};
