//! The annotations of a workload that concern its images.
//!
//! Flux has several spellings of most keys. If they disagree, `fluxcd.io/` takes
//! precedence over `filter.fluxcd.io/`, and that over `flux.weave.works/`, with a
//! warning. But `locked` and `ignore` are on if any spelling is `"true"`. A switch is
//! on only if it is exactly `"true"`. `ignore: sync_only` only affects the sync of
//! Flux and does not prevent updates.
//!
//! A filter for a container that does not exist is dangling. It was meant as a
//! restriction, so no decision is made for containers without their own filter
//! until it is fixed. A record of an earlier update has the same form; [`Records`]
//! distinguishes the two.

use std::collections::{BTreeMap, BTreeSet};

use super::annotation_keys::AnnotationKey;
use super::other_updaters;
use super::records::Records;
use crate::policy::quote::quote;
use crate::policy::state::Lock;
use crate::policy::warning::{Warning, WarningCode};
use crate::workload::{Workload, half_mappings};

/// The switches of this program, which Flux does not have.
const OWN_SWITCHES: [AnnotationKey<'static>; 2] = [
    AnnotationKey::AllowDowngrade,
    AnnotationKey::AllowVariantChange,
];

/// A filter and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) key: String,
    pub(crate) text: String,
}

/// The annotations of a workload, before any policy is parsed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct PolicyAnnotations {
    /// The key that turns automation on, if one does.
    pub(crate) automated: Option<String>,
    pub(crate) lock: Option<Lock>,
    pub(crate) ignored: bool,
    /// The filter of each container that has one.
    pub(crate) filters: BTreeMap<String, Filter>,
    /// The keys of filters for containers that do not exist.
    pub(crate) dangling: Vec<String>,
    /// Warnings for the whole workload.
    pub(crate) warnings: Vec<Warning>,
    /// Warnings for one container.
    pub(crate) container_warnings: BTreeMap<String, Vec<Warning>>,
}

impl PolicyAnnotations {
    pub(crate) fn read(workload: &Workload) -> Self {
        let mut read = Self::default();
        let all = &workload.annotations;
        read.automated = read
            .switch(all, AnnotationKey::Automated)
            .filter(|(_, on)| *on)
            .map(|(key, _)| key);
        if read.any_true(all, AnnotationKey::Locked) {
            let [by, message, at] = [
                AnnotationKey::LockedUser,
                AnnotationKey::LockedMessage,
                AnnotationKey::LockedAt,
            ]
            .map(|key| key.find(all).map(|(_, value)| value.to_owned()));
            read.lock = Some(Lock { by, message, at });
        }
        read.ignored = read.any_true(all, AnnotationKey::Ignore);
        for key in OWN_SWITCHES {
            read.warn_of_typos(all, key);
        }
        read.warn_of_unknown_keys(all);
        read.read_filters(workload);
        read.warn_of_other_updaters(all);
        let half = half_mappings(workload).into_iter();
        let warnings = half.map(|message| Warning::new(WarningCode::HalfMapping, message));
        read.warnings.extend(warnings);
        read
    }

    /// The value of a switch by the spelling that takes precedence, with its key.
    fn switch(
        &mut self,
        all: &BTreeMap<String, String>,
        name: AnnotationKey<'_>,
    ) -> Option<(String, bool)> {
        self.warn_of_typos(all, name);
        let (key, value) = name.find(all)?;
        for other_key in name.spellings() {
            if let Some(other) = all.get(&other_key)
                && key != other_key
                && (other == "true") != (value == "true")
            {
                self.warnings.push(Warning::new(
                    WarningCode::AnnotationConflict,
                    format!(
                        "{key} is {:?}, but {other_key} is {:?}; {key} is used",
                        quote(value),
                        quote(other)
                    ),
                ));
            }
        }
        Some((key, value == "true"))
    }

    /// Whether any spelling of a switch is on.
    fn any_true(&mut self, all: &BTreeMap<String, String>, name: AnnotationKey<'_>) -> bool {
        self.warn_of_typos(all, name);
        is_on(all, name)
    }

    fn warn_of_typos(&mut self, all: &BTreeMap<String, String>, name: AnnotationKey<'_>) {
        for key in name.spellings() {
            self.warn_of_typo(all, &key);
        }
    }

    fn warn_of_typo(&mut self, all: &BTreeMap<String, String>, key: &str) {
        if let Some(value) = all.get(key)
            && is_likely_true(value)
        {
            self.warnings.push(Warning::new(
                WarningCode::BooleanTypo,
                format!(
                    "{key} is {:?}, which is not \"true\", so it has no effect; use \"true\"",
                    quote(value)
                ),
            ));
        }
    }

    /// Without this warning, a misspelled restriction would be ignored silently.
    fn warn_of_unknown_keys(&mut self, all: &BTreeMap<String, String>) {
        for key in all.keys() {
            if let Some(meant) = AnnotationKey::likely_typo(key) {
                self.warnings.push(Warning::new(
                    WarningCode::PolicyTypo,
                    format!("{key} is not a known key; did you mean {meant}?"),
                ));
            }
        }
    }

    fn read_filters(&mut self, workload: &Workload) {
        let containers: BTreeSet<&str> = workload
            .containers
            .iter()
            .map(|c| c.name.as_str())
            .collect();
        let records = Records::for_workload(workload);
        let mut known: Vec<(AnnotationKey<'_>, usize, &String, &String)> = workload
            .annotations
            .iter()
            .filter_map(|(key, text)| {
                let name = AnnotationKey::from_spelling(key)?;
                let rank = name.spellings().iter().position(|s| s == key)?;
                Some((name, rank, key, text))
            })
            .collect();
        // In ascending precedence, so that a later filter replaces an earlier one.
        known.sort_by_key(|&(_, rank, ..)| std::cmp::Reverse(rank));
        for (name, _, key, text) in known {
            match name {
                AnnotationKey::TagAll => self.dangling.push(key.clone()),
                AnnotationKey::Tag(_) if records.contain(key, text) => {}
                AnnotationKey::Tag(container) if containers.contains(container) => {
                    self.put_filter(container, key, text);
                }
                name => {
                    let about = name.container();
                    if about.is_some_and(|container| !containers.contains(container)) {
                        self.dangling.push(key.clone());
                    }
                }
            }
        }
        for key in &self.dangling {
            let names: Vec<&str> = containers.iter().copied().collect();
            self.warnings.push(Warning::new(
                WarningCode::DanglingFilter,
                format!(
                    "{key} does not name a container of {} ({})",
                    workload.id,
                    if names.is_empty() {
                        "it has none".to_owned()
                    } else {
                        names.join(", ")
                    }
                ),
            ));
        }
    }

    fn put_filter(&mut self, container: &str, key: &str, text: &str) {
        let filter = Filter {
            key: key.to_owned(),
            text: text.to_owned(),
        };
        if let Some(weaker) = self.filters.insert(container.to_owned(), filter)
            && weaker.text != text
        {
            self.container_warnings
                .entry(container.to_owned())
                .or_default()
                .push(Warning::new(
                    WarningCode::AnnotationConflict,
                    format!("{key} and {} disagree; {key} is used", weaker.key),
                ));
        }
    }

    /// A lock has no effect on other tools.
    fn warn_of_other_updaters(&mut self, all: &BTreeMap<String, String>) {
        if let Some((_, key)) = other_updaters::by_annotation(all).next() {
            self.warnings.push(Warning::new(
                WarningCode::OtherUpdater,
                format!("{key} allows another tool to update this workload, even if it is locked"),
            ));
        }
    }
}

/// Whether any spelling of a switch is on.
fn is_on(all: &BTreeMap<String, String>, name: AnnotationKey<'_>) -> bool {
    name.spellings()
        .iter()
        .any(|key| all.get(key).is_some_and(|value| value == "true"))
}

/// The lock on a workload, if it is locked.
#[must_use]
pub fn lock_on(workload: &Workload) -> Option<Lock> {
    PolicyAnnotations::read(workload).lock
}

/// Whether a workload is ignored.
#[must_use]
pub fn is_ignored(workload: &Workload) -> bool {
    PolicyAnnotations::read(workload).ignored
}

/// Whether a value is not `true`, but was probably meant as `true`.
fn is_likely_true(value: &str) -> bool {
    let word = value.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
    value != "true" && matches!(word.as_str(), "true" | "yes" | "y" | "on" | "1" | "enabled")
}
