//! Edits of the annotations that automate, lock and restrict.
//!
//! A key keeps its current spelling. If a key is present in several spellings, all
//! get the same value, so that a tool that reads only one of them reads the right
//! one. A removed key is removed in every spelling. The record of an update is not
//! a policy: it is not removed, and does not stand in the way.

use jiff::Timestamp;

use super::edit::Edit;
use super::failure::annotation::add_failures;
use super::policy_text::{ContainerPolicyText, PolicyEditError, check_age, check_policy};
use super::record::authorship::Authorship;
use super::refusal::Refusal;
use crate::policy::{AnnotationKey, FailedRollout, Lock, Records, Rule, lock_on};
use crate::workload::{Observed, Workload};

/// An edit of a workload's annotations. Its texts have already been parsed; only the
/// names of containers are checked against the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyEdit {
    /// `fluxcd.io/automated: "true"`, with policies.
    Automate {
        /// Policies for individual containers.
        policies: Vec<ContainerPolicyText>,
        /// Existing values may be replaced.
        overwrite: bool,
    },
    /// Automation ends; policies are kept.
    Deautomate {
        /// Write `"false"` instead of removing the key.
        explicit: bool,
    },
    /// The workload may not be updated.
    Lock {
        /// By whom, when and why.
        note: LockNote,
        /// An existing lock may be replaced.
        overwrite: bool,
    },
    /// The lock is removed, in every spelling, and the list of images that failed.
    Unlock {
        /// The lock that was read; a different one is kept. `None`: any lock.
        seen: Option<Lock>,
    },
    /// Policies and the minimum age, whatever the state.
    SetPolicy {
        /// Policies for individual containers.
        policies: Vec<ContainerPolicyText>,
        /// A policy for every other container.
        all: Option<String>,
        /// `imgpolicy.dev/min-age` as written.
        min_age: Option<String>,
        /// Existing values may be replaced.
        overwrite: bool,
    },
    /// Policies are removed, in every spelling, with their filters.
    UnsetPolicy {
        /// The policies of these containers.
        containers: Vec<String>,
        /// Every policy annotation, including those of containers that are gone.
        all: bool,
        /// The minimum age is also removed.
        min_age: bool,
    },
    /// Images are added to those whose rollouts failed, so that they are not elected again.
    RecordFailure {
        /// The images.
        failures: Vec<FailedRollout>,
    },
}

/// Who locks something, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LockNote {
    /// `fluxcd.io/locked_user`.
    pub by: Option<String>,
    /// `fluxcd.io/locked_msg`.
    pub message: Option<String>,
    /// `imgpolicy.dev/locked-at`.
    pub at: Option<Timestamp>,
}

impl PolicyEdit {
    /// The edit that sets policies.
    ///
    /// # Errors
    ///
    /// The policy for every container, or the age, is malformed.
    pub fn set(
        policies: Vec<ContainerPolicyText>,
        all: Option<String>,
        min_age: Option<String>,
        overwrite: bool,
    ) -> Result<Self, PolicyEditError> {
        if let Some(text) = &all {
            check_policy(text)
                .map_err(|reason| PolicyEditError::Invalid(format!("--tag-all {reason}")))?;
        }
        if let Some(text) = &min_age {
            check_age(text)?;
        }
        Ok(Self::SetPolicy {
            policies,
            all,
            min_age,
            overwrite,
        })
    }

    /// The same edit; a lock without an author or a time gets those of the authorship.
    #[must_use]
    pub fn signed(mut self, authorship: &Authorship) -> Self {
        if let Self::Lock { note, .. } = &mut self {
            note.by.get_or_insert_with(|| authorship.by.clone());
            note.at.get_or_insert(authorship.at);
        }
        self
    }

    /// The same edit; a lock without a message gets this one.
    pub(crate) fn with_message(mut self, message: String) -> Self {
        if let Self::Lock { note, .. } = &mut self {
            note.message.get_or_insert(message);
        }
        self
    }

    /// The same edit for one workload: an unlock is restricted to its current lock.
    pub(crate) fn for_workload(&self, workload: &Workload) -> Self {
        match self {
            Self::Unlock { .. } => Self::Unlock {
                seen: lock_on(workload),
            },
            other => other.clone(),
        }
    }

    /// Whether it can change which images are elected, so that previewing its effect
    /// requires registry queries.
    #[must_use]
    pub fn elects(&self) -> bool {
        match self {
            Self::Automate { .. } | Self::SetPolicy { .. } | Self::UnsetPolicy { .. } => true,
            Self::Deautomate { .. }
            | Self::Lock { .. }
            | Self::Unlock { .. }
            | Self::RecordFailure { .. } => false,
        }
    }

    /// The edit of an object as it is now. It is empty if everything is already as
    /// requested.
    ///
    /// # Errors
    ///
    /// The object does not allow it: see [`Refusal`].
    pub fn edit(&self, object: &Observed) -> Result<Edit, Refusal> {
        self.edit_of(&object.workload)
    }

    /// The same for a decoded workload, which has all the annotations that matter
    /// here.
    ///
    /// # Errors
    ///
    /// The workload does not allow it: see [`Refusal`].
    pub fn edit_of(&self, workload: &Workload) -> Result<Edit, Refusal> {
        let mut changes = AnnotationChanges::new(workload);
        match self {
            Self::Automate {
                policies,
                overwrite,
            } => {
                changes.overwrite = *overwrite;
                changes.set(AnnotationKey::Automated, "true");
                changes.set_policies(policies)?;
            }
            Self::Deautomate { explicit: true } => {
                changes.overwrite = true;
                changes.set(AnnotationKey::Automated, "false");
            }
            Self::Deautomate { explicit: false } => changes.remove(AnnotationKey::Automated),
            Self::Lock { note, overwrite } => {
                changes.overwrite = *overwrite;
                changes.lock(note);
            }
            Self::Unlock { seen } => {
                if let (Some(seen), Some(now)) = (seen, lock_on(workload))
                    && now != *seen
                {
                    return Err(Refusal::OtherLock {
                        by: now.by,
                        message: now.message,
                    });
                }
                for key in LOCK.into_iter().chain([AnnotationKey::Failed]) {
                    changes.remove(key);
                }
            }
            Self::SetPolicy {
                policies,
                all,
                min_age,
                overwrite,
            } => {
                changes.overwrite = *overwrite;
                changes.set_policies(policies)?;
                if let Some(text) = all {
                    changes.set_every(text, policies)?;
                }
                if let Some(text) = min_age {
                    changes.set(AnnotationKey::MinAge, text);
                }
            }
            Self::UnsetPolicy {
                containers,
                all,
                min_age,
            } => changes.unset(containers, *all, *min_age)?,
            Self::RecordFailure { failures } => {
                add_failures(&mut changes.edit, workload, failures);
            }
        }
        changes.finish()
    }
}

/// The annotations of a lock; the first one sets it.
const LOCK: [AnnotationKey<'static>; 4] = [
    AnnotationKey::Locked,
    AnnotationKey::LockedUser,
    AnnotationKey::LockedMessage,
    AnnotationKey::LockedAt,
];

/// Collects the changes to a workload's annotations.
struct AnnotationChanges<'w> {
    workload: &'w Workload,
    records: Records<'w>,
    edit: Edit,
    overwrite: bool,
    /// Existing values that may not be replaced.
    found: Vec<(String, String)>,
}

impl<'w> AnnotationChanges<'w> {
    fn new(workload: &'w Workload) -> Self {
        Self {
            workload,
            records: Records::for_workload(workload),
            edit: Edit::default(),
            overwrite: false,
            found: Vec::new(),
        }
    }

    fn finish(self) -> Result<Edit, Refusal> {
        if !self.found.is_empty() {
            Err(Refusal::AnnotationExists { found: self.found })
        } else if self.workload.is_sealed && !self.edit.is_empty() {
            Err(Refusal::Sealed {
                at: self.workload.source.clone(),
            })
        } else {
            Ok(self.edit)
        }
    }

    /// The existing spellings of a key with their values, except for records.
    fn existing(&self, key: AnnotationKey<'_>) -> Vec<(String, &'w str)> {
        let all = &self.workload.annotations;
        let spellings = key.spellings().into_iter();
        spellings
            .filter_map(|spelling| {
                let text = all.get(&spelling)?;
                let is_record = self.records.contain(&spelling, text);
                (!is_record).then_some((spelling, text.as_str()))
            })
            .collect()
    }

    fn set(&mut self, key: AnnotationKey<'_>, value: &str) {
        let existing = self.existing(key);
        if existing.is_empty() {
            self.write(key.to_string(), value);
        }
        for (spelling, text) in existing {
            if text == self.wording(&spelling, value) {
                continue;
            }
            if self.overwrite {
                self.write(spelling, value);
            } else {
                self.found.push((spelling, text.to_owned()));
            }
        }
    }

    fn write(&mut self, spelling: String, value: &str) {
        let value = self.wording(&spelling, value);
        self.edit.annotations.insert(spelling, Some(value));
    }

    /// The value as it is written under a key. A policy that would be read as the record
    /// of an earlier update gets its type as a prefix.
    fn wording(&self, spelling: &str, value: &str) -> String {
        match Rule::parse(value) {
            Ok(rule) if self.records.contain(spelling, value) => rule.to_string(),
            _ => value.to_owned(),
        }
    }

    fn remove(&mut self, key: AnnotationKey<'_>) {
        for (spelling, _) in self.existing(key) {
            self.edit.annotations.insert(spelling, None);
        }
    }

    fn set_policies(&mut self, policies: &[ContainerPolicyText]) -> Result<(), Refusal> {
        for policy in policies {
            let container = policy.container.as_str();
            if !self.has(container) {
                return Err(self.gone(container));
            }
            self.set(AnnotationKey::Tag(container), &policy.text);
            if let Some(text) = &policy.filter_tags {
                self.set(AnnotationKey::FilterTags(container), text);
            }
            if let Some(text) = &policy.extract {
                self.set(AnnotationKey::Extract(container), text);
            }
        }
        Ok(())
    }

    /// Sets the policy of every container that this edit gives no other policy.
    fn set_every(&mut self, text: &str, others: &[ContainerPolicyText]) -> Result<(), Refusal> {
        for container in &self.workload.containers {
            if others.iter().any(|other| other.container == container.name) {
                continue;
            }
            let key = AnnotationKey::Tag(&container.name);
            key.check()?;
            self.set(key, text);
        }
        Ok(())
    }

    /// A lock is replaced as a whole, because its author and message belong together.
    /// Leftovers of a removed lock have no meaning and are also replaced.
    fn lock(&mut self, note: &LockNote) {
        if let Some(lock) = lock_on(self.workload) {
            if is_same(&lock, note, self.overwrite) {
                return;
            }
            if !self.overwrite {
                let existing = LOCK.iter().flat_map(|key| self.existing(*key));
                self.found = existing.map(|(key, text)| (key, text.to_owned())).collect();
                return;
            }
        }
        self.set(AnnotationKey::Locked, "true");
        self.overwrite = true;
        let at = note.at.map(|at| at.to_string());
        for (key, value) in [
            (AnnotationKey::LockedUser, &note.by),
            (AnnotationKey::LockedMessage, &note.message),
            (AnnotationKey::LockedAt, &at),
        ] {
            match value {
                Some(value) => self.set(key, value),
                None => self.remove(key),
            }
        }
    }

    fn unset(&mut self, containers: &[String], all: bool, min_age: bool) -> Result<(), Refusal> {
        let mut with_policy = Vec::new();
        for (spelling, text) in &self.workload.annotations {
            let Some(key) = AnnotationKey::from_spelling(spelling) else {
                continue;
            };
            if self.records.contain(spelling, text) {
                continue;
            }
            with_policy.extend(key.container());
            let is_removed = match key {
                AnnotationKey::TagAll
                | AnnotationKey::AllowDowngrade
                | AnnotationKey::AllowVariantChange => all,
                AnnotationKey::MinAge | AnnotationKey::MinAgeClock => all || min_age,
                key => key
                    .container()
                    .is_some_and(|name| all || containers.iter().any(|c| c == name)),
            };
            if is_removed {
                self.edit.annotations.insert(spelling.clone(), None);
            }
        }
        // The policy of a container that is gone can still be removed by name.
        let unknown = containers
            .iter()
            .find(|name| !self.has(name) && !with_policy.contains(&name.as_str()));
        match unknown {
            Some(name) => Err(self.gone(name)),
            None => Ok(()),
        }
    }

    fn has(&self, container: &str) -> bool {
        let mut containers = self.workload.containers.iter();
        containers.any(|c| c.name == container)
    }

    fn gone(&self, container: &str) -> Refusal {
        let containers = self.workload.containers.iter();
        Refusal::ContainerGone {
            container: container.to_owned(),
            there: containers.map(|c| c.name.clone()).collect(),
        }
    }
}

/// Whether a lock is already the requested one. A field that the request leaves open
/// may have any value, unless the lock is to be replaced.
fn is_same(lock: &Lock, note: &LockNote, exactly: bool) -> bool {
    [(&lock.by, &note.by), (&lock.message, &note.message)]
        .into_iter()
        .all(|(existing, requested)| existing == requested || (requested.is_none() && !exactly))
}
