//! Decisions and requests in, changes to objects out.
//!
//! ```text
//! Assessment ── plan_update ───┐
//! Snapshot ──── plan_image ────┤
//! PolicyEdit ── plan_policy ───┼─> Plan { Change… } ── Change::edit(Observed) ──> Edit
//! Observed ──── plan_rollback ─┤                                                   │
//! MarkedValue ─ plan_markers ──┘ (markers of Flux: a new text for one value)       │
//!                                  live: Edit::patch, one patch per workload <─────┤
//!                                  files: Edit::field_edits, text edits          <──────┘
//! ```
//!
//! A [`Change`] is an intention, made before the user confirms it. What is written
//! is its [`Edit`], computed against the object as it is at that moment, so that a
//! retry after a conflict, a file and a live object all use the same code.

mod basis;
mod change;
mod edit;
mod explicit_image;
mod failure;
mod helm_edit;
mod history;
mod markers;
mod other_repository;
mod policy;
mod policy_edit;
mod policy_text;
mod record;
mod refusal;
mod rollback;
mod safeguards;
mod tested_patch;
mod to_edit;
mod update;

pub use self::explicit_image::plan_image;
pub use self::failure::after_failure::{AfterFailure, after_failure, plan_after_failure};
pub use self::failure::failed_update::FailedUpdate;
pub use self::history::entry::{HistoryEntry, HistorySource};
pub use self::history::event_note::event_note;
pub(crate) use self::history::event_note::images_of_note;
pub use self::history::merge::merged_history;
pub use self::history::revisions::updates_in_revisions;
pub use self::markers::decision::{ImageOfParts, MarkerDecision, MarkerWarning, MarkerWarningCode};
pub use self::markers::hold::hold_of_value;
pub use self::markers::input::{GovernedFiles, MarkerInput, MarkerSpec};
pub use self::markers::plan_markers::plan_markers;
pub use self::markers::reason::MarkerReason;
pub use self::record::admitted::Admitted;
pub(crate) use self::record::admitted::{annotations_not_kept, has_record_of, is_description};
pub use self::record::authorship::{Authorship, Override};
pub use self::record::commit::{
    COMMIT_TRAILER, CommitRecord, CommittedImage, CommittedLine, CommittedValue,
};
pub use self::record::commit_parts::{CommitPart, CommitPer, PlannedItem};
pub use self::record::committed_annotations::CommittedAnnotations;
pub use self::record::message_template::{MessageTemplate, MessageTemplateError};
pub use self::record::record::LastUpdate;
pub use self::record::recorded_change::RecordedChange;
pub use self::safeguards::held_back::{HeldBack, HoldReason};
pub use self::safeguards::image_presence::Presence;
pub use self::safeguards::overrides::Overrides;
pub use self::safeguards::owners::{
    OwnerAnswer, OwnerEffect, OwnerQuestion, Ownership, owner_questions, ownership,
};
pub use self::safeguards::prevention::{Automation, automation, prevention};
pub use self::safeguards::reverting::reverting_managers;
pub use basis::Basis;
pub use change::{Change, ImageChange, Plan};
pub use edit::{Edit, FieldEdit, ImageEdit, Patch, PatchKind, ValueEdit};
pub use policy::{has_nothing_to_automate, plan_policy};
pub use policy_edit::{LockNote, PolicyEdit};
pub use policy_text::{ContainerPolicyText, PolicyEditError};
pub use refusal::Refusal;
pub use rollback::plan_rollback;
pub use update::{UpdateSpec, plan_update};
