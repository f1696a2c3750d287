//! Update policies: reads annotations and `imagePolicies`, and resolves them to one
//! [`ContainerPolicy`] per container.
//!
//! ```text
//! annotations ─┐
//!              ├─ resolve ─> state, lock, ContainerPolicy { rule, filter, … }, warnings
//! imagePolicies┘                               │
//!                              Rule: semver · glob · regex · alphabetical · numerical · digest
//! ```
//!
//! This module does not access registries. A policy that is not valid is a value, a
//! [`PolicyError`], and selects no image.

mod container_policy;
mod min_age;
mod order;
mod quote;
mod rejection;
mod resolve;
mod resolved;
mod rollouts;
mod rule;
mod schedule;
mod shape;
mod sources;
mod state;
mod syntax;
mod tag_filter;
mod warning;

pub use self::sources::annotation_keys::{AnnotationKey, KeyError};
pub use self::sources::annotations::{is_ignored, lock_on};
pub use self::sources::assume::{Assume, PolicyText, PolicyType, TagForm, fitting};
pub use self::sources::flux::image_automation::ImageAutomation;
pub use self::sources::flux::image_policy::FluxImagePolicy;
pub use self::sources::flux::objects::{ElectionTarget, FluxObjects};
pub use self::sources::flux::policy_image::PolicyImage;
pub use self::sources::flux::rule::DigestReflection;
pub use self::sources::image_policies::{ImagePolicies, ImagePolicyEntry};
pub use self::sources::other_updaters::{OtherUpdater, other_updaters};
pub use self::sources::records::Records;
pub(crate) use self::sources::refinements::apply_restrictions;
pub use self::sources::refinements::{AgeError, parse_age};
pub use self::syntax::constraint::{Constraint, ConstraintError, ConstraintMiss};
pub use self::syntax::decimal::{Decimal, DecimalError};
pub use self::syntax::glob::{Glob, GlobError};
pub use self::syntax::go_regex::{GoCaptures, GoRegex, GoRegexError};
pub use self::syntax::template::Template;
pub use self::syntax::version::{TagVersion, VersionError};
pub use container_policy::{ContainerPolicy, PolicyError, PolicyOrigin};
pub use min_age::{MinAge, MinAgeClock, MinAgeClockError};
pub use order::{Direction, Order};
pub(crate) use quote::quote;
pub use rejection::Rejection;
pub use resolve::{PolicySources, resolve};
pub use resolved::Resolved;
pub use rollouts::{FailedRollout, OnFailure, RolloutRules};
pub use rule::{Rule, RuleError};
pub(crate) use schedule::schedule_annotations;
pub use schedule::{Closure, Schedule, ScheduleFlags, namespace_schedule};
pub use state::{Lock, State};
pub use tag_filter::{AllowMode, BarredTags, Passed, TagFilter};
pub use warning::{Warning, WarningCode};
