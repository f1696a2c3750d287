//! The shape of a tag, and the policy that only elects tags of the same shape.

pub(crate) mod fitted;
mod tag_shape;
