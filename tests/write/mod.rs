//! Writing plans.

mod files;
