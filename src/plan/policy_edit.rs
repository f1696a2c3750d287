//! Edits of the annotations that automate, lock and restrict.
//!
//! A key keeps the spelling in which it stands; where it stands in several, all
//! of them say the same afterwards, so that whoever reads only one of them reads
//! no other word. What is removed is removed in every spelling. The record of an
//! update is no policy: it is neither removed nor an obstacle.

use jiff::Timestamp;

use super::change::{Change, Plan, Refusal};
use super::edit::Edit;
use super::policy_text::{ContainerPolicyText, PolicyEditError, check_age, check_policy};
use super::record::authorship::Authorship;
use crate::policy::{AnnotationKey, Lock, Records, Rule, lock_on};
use crate::workload::{Observed, Workload};

/// What is to be said of a workload. Valid when it exists: its texts were
/// parsed, but for names of containers, which only an object can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyEdit {
    /// `fluxcd.io/automated: "true"`, with policies.
    Automate {
        /// Policies of single containers.
        policies: Vec<ContainerPolicyText>,
        /// Values that stand there already may be replaced.
        overwrite: bool,
    },
    /// Automation ends; policies stay.
    Deautomate {
        /// Write `"false"` instead of removing the key.
        explicit: bool,
    },
    /// Nothing may change it.
    Lock {
        /// By whom, when and why.
        note: LockNote,
        /// Another lock may be replaced.
        overwrite: bool,
    },
    /// The lock goes, in every spelling.
    Unlock {
        /// The lock that was seen; another one stays. None: any.
        seen: Option<Lock>,
    },
    /// Policies and the minimum age, whatever the state.
    SetPolicy {
        /// Policies of single containers.
        policies: Vec<ContainerPolicyText>,
        /// A policy for every other container.
        all: Option<String>,
        /// `imgpolicy.dev/min-age` as written.
        min_age: Option<String>,
        /// Values that stand there already may be replaced.
        overwrite: bool,
    },
    /// Policies go, in every spelling, with what stands beside them.
    UnsetPolicy {
        /// Of these containers.
        containers: Vec<String>,
        /// Every annotation of a policy, also of containers that are gone.
        all: bool,
        /// The minimum age goes too.
        min_age: bool,
    },
}

/// By whom, when and why something is locked.
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

    /// The same edit, where a lock that says neither by whom nor since when is
    /// its author's, and of now.
    #[must_use]
    pub fn signed(mut self, authorship: &Authorship) -> Self {
        if let Self::Lock { note, .. } = &mut self {
            note.by.get_or_insert_with(|| authorship.by.clone());
            note.at.get_or_insert(authorship.at);
        }
        self
    }

    /// The same edit, where a lock that has no message gets this one.
    pub(crate) fn with_message(mut self, message: String) -> Self {
        if let Self::Lock { note, .. } = &mut self {
            note.message.get_or_insert(message);
        }
        self
    }

    /// The same edit for a workload as it was seen.
    fn seen_on(&self, workload: &Workload) -> Self {
        match self {
            Self::Unlock { .. } => Self::Unlock {
                seen: lock_on(workload),
            },
            other => other.clone(),
        }
    }

    /// Whether it changes which images are elected, so that its effect is worth a
    /// look at the registries.
    #[must_use]
    pub fn elects(&self) -> bool {
        match self {
            Self::Automate { .. } | Self::SetPolicy { .. } | Self::UnsetPolicy { .. } => true,
            Self::Deautomate { .. } | Self::Lock { .. } | Self::Unlock { .. } => false,
        }
    }

    /// The edit of an object as it is now. An empty one: everything is as wished
    /// already.
    ///
    /// # Errors
    ///
    /// The object stands against it: see [`Refusal`].
    pub fn edit(&self, object: &Observed) -> Result<Edit, Refusal> {
        self.edit_of(&object.workload)
    }

    /// The same for a workload as decisions see it, which has all annotations that
    /// matter here.
    ///
    /// # Errors
    ///
    /// The workload stands against it: see [`Refusal`].
    pub fn edit_of(&self, workload: &Workload) -> Result<Edit, Refusal> {
        let mut draft = Draft::new(workload);
        match self {
            Self::Automate {
                policies,
                overwrite,
            } => {
                draft.overwrite = *overwrite;
                draft.set(AnnotationKey::Automated, "true");
                draft.set_policies(policies)?;
            }
            Self::Deautomate { explicit: true } => {
                draft.overwrite = true;
                draft.set(AnnotationKey::Automated, "false");
            }
            Self::Deautomate { explicit: false } => draft.remove(AnnotationKey::Automated),
            Self::Lock { note, overwrite } => {
                draft.overwrite = *overwrite;
                draft.lock(note);
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
                for key in LOCK {
                    draft.remove(key);
                }
            }
            Self::SetPolicy {
                policies,
                all,
                min_age,
                overwrite,
            } => {
                draft.overwrite = *overwrite;
                draft.set_policies(policies)?;
                if let Some(text) = all {
                    draft.set_every(text, policies)?;
                }
                if let Some(text) = min_age {
                    draft.set(AnnotationKey::MinAge, text);
                }
            }
            Self::UnsetPolicy {
                containers,
                all,
                min_age,
            } => draft.unset(containers, *all, *min_age)?,
        }
        draft.finish()
    }
}

/// The annotations of a lock, the one that holds it first.
const LOCK: [AnnotationKey<'static>; 4] = [
    AnnotationKey::Locked,
    AnnotationKey::LockedUser,
    AnnotationKey::LockedMessage,
    AnnotationKey::LockedAt,
];

/// An edit in the making.
struct Draft<'w> {
    workload: &'w Workload,
    records: Records<'w>,
    edit: Edit,
    overwrite: bool,
    /// Other values that stand there and may not be replaced.
    found: Vec<(String, String)>,
}

impl<'w> Draft<'w> {
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

    /// The spellings of a key that stand there, with their values; records do not
    /// count.
    fn standing(&self, key: AnnotationKey<'_>) -> Vec<(String, &'w str)> {
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
        let standing = self.standing(key);
        if standing.is_empty() {
            self.write(key.to_string(), value);
        }
        for (spelling, text) in standing {
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

    /// The value as it is written under a key. What would read as the record of an
    /// earlier update gets its type in front: it is meant as a policy.
    fn wording(&self, spelling: &str, value: &str) -> String {
        match Rule::parse(value) {
            Ok(rule) if self.records.contain(spelling, value) => rule.to_string(),
            _ => value.to_owned(),
        }
    }

    fn remove(&mut self, key: AnnotationKey<'_>) {
        for (spelling, _) in self.standing(key) {
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

    /// Sets the policy of every container that has no other one here.
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

    /// A lock is replaced as a whole: who and why belong together. What a lock
    /// that is gone left behind tells nothing and is replaced too.
    fn lock(&mut self, note: &LockNote) {
        if let Some(lock) = lock_on(self.workload) {
            if is_same(&lock, note, self.overwrite) {
                return;
            }
            if !self.overwrite {
                let told = LOCK.iter().flat_map(|key| self.standing(*key));
                self.found = told.map(|(key, text)| (key, text.to_owned())).collect();
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
        let is_named = |name: &str| containers.iter().any(|container| container == name);
        let mut told = Vec::new();
        for (spelling, text) in &self.workload.annotations {
            let Some(key) = AnnotationKey::from_spelling(spelling) else {
                continue;
            };
            if self.records.contain(spelling, text) {
                continue;
            }
            told.extend(key.container());
            let goes = match key {
                AnnotationKey::TagAll
                | AnnotationKey::AllowDowngrade
                | AnnotationKey::AllowVariantChange => all,
                AnnotationKey::MinAge | AnnotationKey::MinAgeClock => all || min_age,
                key => key.container().is_some_and(|name| all || is_named(name)),
            };
            if goes {
                self.edit.annotations.insert(spelling.clone(), None);
            }
        }
        // The policy of a container that is gone can be removed by its name.
        let is_there = |name: &&String| !self.has(name) && !told.contains(&name.as_str());
        match containers.iter().find(is_there) {
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

/// Whether a lock is the wished one already. What is not wished need not be so,
/// unless the lock is to be replaced.
fn is_same(lock: &Lock, note: &LockNote, exactly: bool) -> bool {
    let fits = |there: &Option<String>, wished: &Option<String>| {
        there == wished || (wished.is_none() && !exactly)
    };
    fits(&lock.by, &note.by) && fits(&lock.message, &note.message)
}

/// The plan to say this of workloads.
#[must_use]
pub fn plan_policy(workloads: &[Workload], edit: &PolicyEdit) -> Plan {
    let mut changes: Vec<Change> = workloads
        .iter()
        .map(|workload| Change {
            workload: workload.id.clone(),
            source: workload.source.clone(),
            images: Vec::new(),
            policy: Some(edit.seen_on(workload)),
            is_rollback: false,
            notes: notes(workload, edit),
        })
        .collect();
    changes.sort_by(|a, b| a.workload.cmp(&b.workload));
    Plan {
        changes,
        held_back: Vec::new(),
    }
}

/// What to know of a workload before such an edit.
fn notes(workload: &Workload, edit: &PolicyEdit) -> Vec<String> {
    let waits = matches!(
        edit,
        PolicyEdit::Automate { .. } | PolicyEdit::SetPolicy { .. }
    );
    let lock = lock_on(workload).filter(|_| waits);
    lock.map(|lock| {
        let by = lock.by.map_or_else(String::new, |by| format!(" by {by}"));
        let id = &workload.id;
        format!(
            "{id} is locked{by}; nothing is updated until 'kubectl imgpolicy unlock {}'",
            id.exact()
        )
    })
    .into_iter()
    .collect()
}
