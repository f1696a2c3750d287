//! Version constraints in the language of `Masterminds/semver` v3.5.0, which is Flux v2's.
//!
//! ```text
//! constraint := group ("||" group)*              at most 32 groups, 512 bytes
//! group      := term ((blanks | ",") term)*      every term must hold
//! term       := operator blanks version | version " - " version
//! operator   := nothing = != > < >= => <= =< ~ ~> ^
//! ```
//!
//! These peculiarities are kept, because a range must select the same tag as in Flux:
//!
//! - A full version without an operator is that version; a partial one (`1.2`, `1.2.x`) is `~1.2`.
//! - `>1.2` starts at 1.3.0, `<=1.2` ends before 1.3.0, `!=1.2` excludes all of 1.2.
//! - `^*` is only 0.0.0, `<=*` is only 0.0.z, `~0.0.0` and `~*` are everything, `>*` and `!=*`
//!   are everything except 0.0.0, and `<*` is nothing.
//! - A pre-release does not match unless some term *of the same group* has a pre-release. Then
//!   plain precedence applies to all terms, so `2.0.0-rc.1` matches `>=1.0.0-0 <2.0.0`.
//! - Numbers after an `x` are ignored: `x.1.2` is `*`.
//! - A hyphen range is rewritten before the groups are split, and in it `|` is part of a number.
//!   So `1||2 - 3` is `>=1 || 2, <=3`, not `1 || 2 - 3`.

mod constraint;
mod parse;
mod term;

pub use constraint::{Constraint, ConstraintMiss};
pub use parse::ConstraintError;
