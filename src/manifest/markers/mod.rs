//! The markers of Flux image automation.
//!
//! `image: org/app:1 # {"$imagepolicy": "ns:name"}` means that Flux writes this value, and
//! which ImagePolicy it follows. `ns:name:name`, `ns:name:tag` and `ns:name:digest` mark
//! parts of an image. Any scalar of any document may be marked.
//!
//! ```text
//! text ── scan ──> values and comments ── attach ──> marked values, dead markers
//!                                                       │
//!                        containers: mark() <───────────┤
//!                        values: MarkedValue <──────────┤
//!                        edit: the value's bytes <──────┘
//! ```
//!
//! Which comment belongs to which value follows Flux's parser, and not the eye: a comment
//! behind a value counts, or the single comment line above a scalar in a list, unless
//! there is also a comment behind it. Every other marker has no effect. Flux says nothing
//! then, and [`marked_values`] says why.

mod attach;
mod comment;
mod containers;
mod edit;
mod find;
mod quoting;
mod scan;
mod values;

pub use containers::{Marker, mark};
pub use edit::{MarkerEdit, edit_markers};
pub(crate) use find::find;
pub use values::marked_values;
