//! What the user asked for: annotations and `imagePolicies` in, one
//! [`ContainerPolicy`] for each container out.
//!
//! ```text
//! annotations ─┐
//!              ├─ resolve ─> state, lock, ContainerPolicy { rule, filter, … }, warnings
//! imagePolicies┘                               │
//!                              Rule: semver · glob · regex · alphabetical · numerical · digest
//! ```
//!
//! Nothing here knows a registry: a policy that cannot be read is a value, a
//! [`PolicyError`], and elects nothing.

mod annotations;
mod assume;
mod beside;
mod constraint;
mod container_policy;
mod decimal;
mod glob;
mod go_regex;
mod image_policies;
mod keys;
mod min_age;
mod order;
mod other_updaters;
mod records;
mod rejection;
mod resolve;
mod rule;
mod state;
mod tag_filter;
mod template;
mod version;
mod warning;

pub use annotations::{is_ignored, lock_on};
pub use assume::{Assume, PolicyText, PolicyType, fitting};
pub(crate) use beside::narrow;
pub use beside::{AgeError, parse_age};
pub use constraint::{Constraint, ConstraintError, ConstraintMiss};
pub(crate) use container_policy::quote;
pub use container_policy::{ContainerPolicy, Origin, PolicyError};
pub use decimal::{Decimal, DecimalError};
pub use glob::{Glob, GlobError};
pub use go_regex::{GoCaptures, GoRegex, GoRegexError};
pub use image_policies::{ImagePolicies, ImagePolicyEntry};
pub use keys::{Key, KeyError};
pub use min_age::{MinAge, MinAgeClock, MinAgeClockError};
pub use order::{Direction, Order};
pub use other_updaters::{OtherUpdater, other_updaters};
pub use records::Records;
pub use rejection::Rejection;
pub use resolve::{PolicySources, Resolved, resolve};
pub use rule::{Rule, RuleError};
pub use state::{Lock, State};
pub use tag_filter::{AllowMode, Passed, TagFilter};
pub use template::Template;
pub use version::{TagVersion, VersionError};
pub use warning::{Warning, WarningCode};
