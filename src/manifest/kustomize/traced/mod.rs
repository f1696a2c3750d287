//! Values that remember where they are written.

mod read;
mod text_lines;
mod value;

pub(crate) use read::{TracedObject, objects_in_scalar, traced_objects};
pub(crate) use text_lines::text_lines;
pub(crate) use value::{
    Decides, ScalarOrigin, ScalarPlace, ScalarSpot, TracedEntry, TracedScalar, TracedValue,
};
