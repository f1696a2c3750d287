//! A plan written into the files that its workloads stand in.

use super::{Applied, DryRun};
use crate::plan::{Authorship, Plan};

/// How files are written.
#[derive(Debug, Clone)]
pub struct FileWriter<'a> {
    /// How far it goes.
    pub dry_run: DryRun,
    /// Who writes, and when.
    pub authorship: &'a Authorship,
    /// The namespace of an object that names none.
    pub default_namespace: &'a str,
    /// The text that was read from standard input, for workloads from `-`.
    pub stdin: Option<&'a str>,
}

/// Writes every change of the plan, each file once. The second value is the
/// edited text of standard input, where workloads came from there.
#[must_use]
pub fn write_files(plan: &Plan, writer: &FileWriter<'_>) -> (Vec<Applied>, Option<String>) {
    let _ = (plan, writer);
    todo!("manifest helper")
}
