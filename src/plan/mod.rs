//! Decisions and wishes in, changes of objects out.
//!
//! ```text
//! Assessment ── plan_update ───┐
//! Snapshot ──── plan_image ────┤
//! PolicyEdit ── plan_policy ───┼─> Plan { Change… } ── Change::edit(Observed) ──> Edit
//! Observed ──── plan_rollback ─┘                                                   │
//!                                  live: Edit::patch, one patch a workload  <──────┤
//!                                  files: Edit::places, text edits          <──────┘
//! ```
//!
//! A [`Change`] is an intention, made before anybody is asked. What is written
//! is its [`Edit`], computed against the object as it stands at that moment, so
//! that a retry after a conflict, a file and a live object all go one way.

mod authorship;
mod change;
mod change_cause;
mod edit;
mod field_managers;
mod guard;
mod helm_edit;
mod hold;
mod image;
mod policy_edit;
mod policy_text;
mod presence;
mod record;
mod record_name;
mod reverting;
mod rollback;
mod tested_patch;
mod update;

pub use authorship::{Authorship, Override};
pub use change::{Change, ImageChange, Plan, Refusal};
pub use edit::{Edit, ImageEdit, Patch, PatchKind, Place, ValueEdit};
pub use guard::{Binding, OwnerAnswer, OwnerQuestion, Ownership, owner_questions, ownership};
pub use hold::{HeldBack, Hold};
pub use image::plan_image;
pub use policy_edit::{LockNote, PolicyEdit, plan_policy};
pub use policy_text::{ContainerPolicyText, PolicyEditError};
pub use presence::Presence;
pub use record::{LastUpdate, RecordedChange};
pub use reverting::reverting_managers;
pub use rollback::plan_rollback;
pub use update::{Overrides, UpdateSpec, plan_update};
