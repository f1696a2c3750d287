//! The tests that need neither a network nor a cluster.
#![allow(
    missing_docs,
    unreachable_pub,
    reason = "tests are no API; what they share is documented where it helps"
)]

mod architecture;
mod cli;
mod collect;
mod docs;
mod evaluator;
mod manifest;
mod output;
mod plan;
mod policy;
mod registry;
mod release;
mod support;
mod write;
