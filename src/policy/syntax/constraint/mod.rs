//! Version constraints in the language of `Masterminds/semver` v3.5.0, which is Flux v2's.
//!
//! ```text
//! constraint := group ("||" group)*              at most 32 groups, 512 bytes
//! group      := term ((blanks | ",") term)*      every term must hold
//! term       := operator blanks version | version " - " version
//! operator   := nothing = != > < >= => <= =< ~ ~> ^
//! ```
//!
//! Oddities that are kept, because the same range must elect the same tag under Flux:
//!
//! - A full version without operator is that version, a partial one (`1.2`, `1.2.x`) is `~1.2`.
//! - `>1.2` begins at 1.3.0, `<=1.2` ends before 1.3.0, `!=1.2` excludes all of 1.2.
//! - `^*` is only 0.0.0, `<=*` only 0.0.z, `~0.0.0` and `~*` everything, `>*` and `!=*`
//!   everything but 0.0.0, `<*` nothing.
//! - A pre-release is refused unless some term *of the same group* has a pre-release; then
//!   plain precedence holds for all terms, so `>=1.0.0-0 <2.0.0` admits `2.0.0-rc.1`.
//! - What stands between the numbers after an `x` is ignored: `x.1.2` is `*`.
//! - A hyphen range is rewritten before groups are split, and `|` counts as part of a number
//!   there, so `1||2 - 3` is `>=1 || 2, <=3`, not `1 || 2 - 3`.

mod constraint;
mod parse;
mod term;

pub use constraint::{Constraint, ConstraintMiss};
pub use parse::ConstraintError;
