//! `update -i`: which rows of a plan are written.
