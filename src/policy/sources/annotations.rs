//! The annotations of a workload, as far as they speak of images.
//!
//! Flux has three spellings of most keys. Where two disagree, `fluxcd.io/` wins
//! over `filter.fluxcd.io/` over `flux.weave.works/`, with a warning; but any
//! spelling of `locked` or `ignore` that is `"true"` holds. Booleans are exactly
//! `"true"`. `ignore: sync_only` concerns Flux's sync and stops no update.
//!
//! A filter that names no container is dangling: somebody meant to restrict
//! something. While it stands, containers without a filter of their own are not
//! decided. A record of an earlier update looks the same and is told apart by
//! [`Records`].

use std::collections::{BTreeMap, BTreeSet};

use super::keys::AnnotationKey;
use super::other_updaters;
use super::records::Records;
use crate::policy::quote::quote;
use crate::policy::state::Lock;
use crate::policy::warning::{Warning, WarningCode};
use crate::workload::{Workload, half_mappings};

/// Our own switches.
const OWN_SWITCHES: [AnnotationKey<'static>; 2] = [
    AnnotationKey::AllowDowngrade,
    AnnotationKey::AllowVariantChange,
];

/// One filter and the key it stands under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) key: String,
    pub(crate) text: String,
}

/// What the annotations of a workload say, before any policy is parsed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct PolicyAnnotations {
    /// The key that automates, if one does.
    pub(crate) automated: Option<String>,
    pub(crate) lock: Option<Lock>,
    pub(crate) ignored: bool,
    /// The filter of each container that has one.
    pub(crate) filters: BTreeMap<String, Filter>,
    /// Keys of filters that name no container.
    pub(crate) dangling: Vec<String>,
    /// What holds for the whole workload.
    pub(crate) warnings: Vec<Warning>,
    /// What holds for one container.
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
            let text = |key: AnnotationKey<'_>| key.find(all).map(|(_, value)| value.to_owned());
            read.lock = Some(Lock {
                by: text(AnnotationKey::LockedUser),
                message: text(AnnotationKey::LockedMessage),
                at: text(AnnotationKey::LockedAt),
            });
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

    /// A switch by its winning spelling, with its key.
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
                        "{key} is {:?} and {other_key} is {:?}; {key} counts",
                        quote(value),
                        quote(other)
                    ),
                ));
            }
        }
        Some((key, value == "true"))
    }

    /// A switch that any spelling turns on.
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
                    "{key} is {:?}, which does not count: write \"true\"",
                    quote(value)
                ),
            ));
        }
    }

    /// A misspelt restriction would be passed over in silence.
    fn warn_of_unknown_keys(&mut self, all: &BTreeMap<String, String>) {
        for key in all.keys() {
            if let Some(meant) = AnnotationKey::likely_typo(key) {
                self.warnings.push(Warning::new(
                    WarningCode::PolicyTypo,
                    format!("{key} is not known; was {meant} meant?"),
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
        // Weakest first, so that a stronger spelling replaces what it contradicts.
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
                    "{key} names no container of {} ({})",
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
                    format!("{key} and {} disagree; {key} counts", weaker.key),
                ));
        }
    }

    /// Those whom a lock of ours does not bind.
    fn warn_of_other_updaters(&mut self, all: &BTreeMap<String, String>) {
        if let Some((_, key)) = other_updaters::by_annotation(all).next() {
            self.warnings.push(Warning::new(
                WarningCode::OtherUpdater,
                format!("{key} lets another tool update this workload; a lock does not bind it"),
            ));
        }
    }
}

/// Whether any spelling turns a switch on.
fn is_on(all: &BTreeMap<String, String>, name: AnnotationKey<'_>) -> bool {
    let is_true = |key: &String| all.get(key).is_some_and(|value| value == "true");
    name.spellings().iter().any(is_true)
}

/// The lock on a workload, if one holds.
#[must_use]
pub fn lock_on(workload: &Workload) -> Option<Lock> {
    PolicyAnnotations::read(workload).lock
}

/// Whether a workload is to be left alone.
#[must_use]
pub fn is_ignored(workload: &Workload) -> bool {
    PolicyAnnotations::read(workload).ignored
}

/// Whether a value was probably meant as `true` and is not.
fn is_likely_true(value: &str) -> bool {
    let word = value.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
    value != "true" && matches!(word.as_str(), "true" | "yes" | "y" | "on" | "1" | "enabled")
}
