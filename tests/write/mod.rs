//! Writing plans.

mod changed_files;
mod files;
mod recheck;
