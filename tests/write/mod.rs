//! Plans written.

mod files;
