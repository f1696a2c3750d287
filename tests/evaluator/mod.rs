//! What the evaluator decides.

mod age;
mod asked;
mod assume;
mod bad_input;
mod conformance;
mod decisions;
mod digests;
mod failures;
mod gate;
mod image_policies;
mod image_scope;
mod judgements;
mod locks;
mod moved_tags;
mod platforms;
mod properties;
mod push_order;
mod reach;
mod records;
mod remembered;
mod seeds;
mod sentences;
mod states;
mod tag_filters;
mod undone;
mod variants;
