//! The data of `-o json` and `-o yaml`: `imgpolicy.dev/v1alpha1`.
//!
//! These structures are a contract with scripts. They share no type with fields with the
//! rest of the program, so that a refactoring cannot change the output. Fields are only
//! added, and only at the end. Original fields are always present and may be `null`;
//! fields that were added later are left out if they have no value.

mod annotation_edit;
mod api_version;
mod cache;
mod explanation;
mod history;
mod image_policies;
mod images;
mod list;
mod markers;
mod parts;
mod plan;
mod status;
mod test;
mod write_result;

pub use annotation_edit::{AnnotationEdit, AnnotationEditList, EditResult};
pub use api_version::API_VERSION;
pub use cache::{CacheEntriesItem, CacheFileItem, CacheInfo, CacheServerItem};
pub use explanation::{CandidateItem, ExplainContext, FunnelItem, ImageExplanation, ImageTags};
pub use history::{HistoryItem, HistorySourceItem, UpdateHistory};
pub use image_policies::{ImagePolicyItem, PolicyImageItem};
pub use images::{ImageItem, ImageList, UserItem};
pub use list::ItemList;
pub use markers::{MarkerItem, MarkerWarningItem};
pub use parts::{
    ErrorItem, FactsItem, LockItem, OwnerItem, PolicyItem, SourceItem, SuggestionItem, SummaryItem,
    Time, WarningItem, WorkloadItem,
};
pub use plan::{HeldBackItem, ImageUpdate, ImageUpdateContainer, ImageUpdateList};
pub use status::{ControllerItem, ImageStatus, ImageStatusList};
pub use test::{ImageTest, TestTag};
pub use write_result::{CommitItem, DeliveryItem, WriteResult};
