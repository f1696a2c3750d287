//! Formats decisions as text and as data: tables, reports, JSON and YAML.
//!
//! Nothing here reads a clock, inspects a terminal or prints. Every function takes the
//! decisions, the current time, and a [`Style`] that describes what the output can
//! show. It returns text in which each line ends with a line break, or a structure to
//! [`encode`].
//!
//! ```text
//! Assessment ─┬─ status_table, names, closing_lines,
//!             │  image_policies_table
//!             └─ ImageStatusList ──────────────┐
//! Examination ┬─ explain, test_report,         ├─ encode (JSON, YAML)
//!             │  image_tags                    │
//!             └─ ImageExplanation, ImageTest, ─┤
//!                ImageTags                  │
//! Plan ───────┬─ plan_text, held_back_lines,   │
//!             │  markers_table                 │
//!             └─ ImageUpdateList ──────────────┤
//! ImageUse ───┬─ images_table                  │
//!             └─ ImageList ────────────────────┘
//! ```
//!
//! Text from the cluster or from a registry is [`sanitize`]d in every table and report.
//! In JSON and YAML it is kept, with unsafe characters escaped.

mod annotation_edit;
mod cache;
mod candidates;
mod columns;
mod explain;
mod format;
mod history;
mod images;
mod json;
mod markers;
mod plan;
mod policy_effect;
mod sentence;
mod summary;
mod table;
mod test_report;
mod text;
mod view;

pub(crate) use self::text::elide::{elide_end, elide_middle, wrap};
pub use self::text::plural::count;
pub use self::text::sanitize::{is_unsafe, sanitize};
pub use self::text::style::{Paint, Style};
pub use self::text::time::{age, rfc3339, until};
pub use annotation_edit::{EditedWorkload, annotation_edits, locks_table};
pub use cache::cache_report;
pub use columns::{Column, UnknownColumn, version_of};
pub(crate) use columns::{lock_phrase, name_to_choose};
pub use explain::{ExplainOptions, explain};
pub use format::{DataFormat, EncodeError, Format, UnknownFormat, encode, write_json};
pub use history::{compare_lines, history_table};
pub use images::{image_tags, images_table};
pub use json::{
    API_VERSION, AnnotationEdit, AnnotationEditList, CacheEntriesItem, CacheFileItem, CacheInfo,
    CacheServerItem, CandidateItem, CommitItem, ControllerItem, DeliveryItem, EditResult,
    ErrorItem, ExplainContext, FactsItem, FunnelItem, HeldBackItem, HistoryItem, HistorySourceItem,
    ImageExplanation, ImageItem, ImageList, ImagePolicyItem, ImageStatus, ImageStatusList,
    ImageTags, ImageTest, ImageUpdate, ImageUpdateContainer, ImageUpdateList, ItemList, LockItem,
    MarkerItem, MarkerWarningItem, OwnerItem, PolicyImageItem, PolicyItem, SourceItem,
    SuggestionItem, SummaryItem, TestTag, Time, UpdateHistory, UserItem, WarningItem, WorkloadItem,
    WriteResult,
};
pub use markers::{
    image_policies_table, image_policy_warnings, kept_marker_lines, markers_line, markers_table,
};
pub use plan::{
    held_back_lines, held_versions, plan_text, repository_change, results_line, versions,
};
pub use policy_effect::policy_effect;
pub use sentence::{Explained, RepeatedFlags, command_line, next_step, sentence};
pub use summary::{
    LeadingController, PARTIAL, closing_lines, controller_line, not_covered_line, summary_line,
};
pub use table::{TableOptions, names, status_table};
pub use test_report::test_report;
pub use view::{ImageUse, ImageUser};
