//! Output as text and as data.

mod builder;
mod explain;
mod images;
mod json;
mod names;
mod narrow;
mod plan;
mod policy_effect;
mod properties;
mod status;
mod tags;
mod test_report;
