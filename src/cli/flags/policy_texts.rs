//! The flags that give individual containers their policies.

use clap::Args;

use crate::cli::error::CommandError;
use crate::plan::{ContainerPolicyText, PolicyEditError};

/// Policies of individual containers.
#[derive(Debug, Clone, Args)]
pub(crate) struct PolicyTextFlags {
    /// The policy of a container: semver:RANGE, glob:GLOB, regex:RE, alphabetical[:asc|desc],
    /// numerical[:asc|desc], digest:TAG or digest:sha256:HEX; repeatable
    #[arg(long, value_name = "CONTAINER=TYPE:EXPR", help_heading = "Policies")]
    tag: Vec<String>,

    /// Consider only tags that match this regular expression (Go syntax, unanchored); requires --tag
    /// for the same container; repeatable
    #[arg(long, value_name = "CONTAINER=RE", help_heading = "Policies")]
    filter_tags: Vec<String>,

    /// The part of a matching tag that the policy reads, from the groups of --filter-tags, as in
    /// app='$v'; repeatable
    #[arg(long, value_name = "CONTAINER=TEMPLATE", help_heading = "Policies")]
    extract: Vec<String>,
}

impl PolicyTextFlags {
    /// Whether no policy is given.
    pub(crate) fn is_empty(&self) -> bool {
        self.tag.is_empty() && self.filter_tags.is_empty() && self.extract.is_empty()
    }

    /// The policies, parsed.
    pub(crate) fn policies(&self) -> Result<Vec<ContainerPolicyText>, CommandError> {
        let policies = ContainerPolicyText::join(&self.tag, &self.filter_tags, &self.extract)?;
        Ok(policies)
    }
}

impl From<PolicyEditError> for CommandError {
    fn from(error: PolicyEditError) -> Self {
        if error.is_usage() {
            Self::usage(error)
        } else {
            Self::failed(error)
        }
    }
}
