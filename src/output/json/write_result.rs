//! The result of a write.

use crate::named_enum::named_enum;

named_enum! {
    /// The result of a planned change.
    pub enum WriteResult {
        /// A dry run: the workload would be written.
        Planned = "planned",
        /// The workload was written.
        Updated = "updated",
        /// The workload already had the requested images.
        Unchanged = "unchanged",
        /// The workload was not written, or its rollout failed.
        Failed = "failed",
        /// The run stopped at an earlier failure, or at Ctrl-C.
        NotStarted = "not-started",
        /// The server had not answered when the run was stopped.
        Unknown = "unknown",
    }
}
