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
//! [`is_record`].

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::container_policy::quote;
use super::warning::{Warning, WarningCode};
use crate::image::{Digest, ImageReference, Tag};
use crate::workload::Workload;

/// The prefix that is written, and that wins.
pub(super) const PREFIX: &str = "fluxcd.io/";
/// The prefix of Flux before 1.15.
const OLD_PREFIX: &str = "flux.weave.works/";
/// The prefix of the filters alone, in between.
const FILTER_PREFIX: &str = "filter.fluxcd.io/";
/// Our own annotations.
pub(super) const OWN_PREFIX: &str = "imgpolicy.dev/";

/// Our own annotations that are followed by a container's name.
const OWN_PER_CONTAINER: [&str; 5] = [
    "filter-tags.",
    "extract.",
    "allow-tags.",
    "ignore-tags.",
    "policy.",
];

/// Our own switches.
const OWN_SWITCHES: [&str; 2] = ["allow-downgrade", "allow-variant-change"];

/// Our other annotations of a whole workload or Kustomization.
const OWN_WORDS: [&str; 4] = ["min-age", "locked-at", "last-update", "image-policies"];

/// One filter and the key it stands under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) key: String,
    pub(super) text: String,
}

/// What the annotations of a workload say, before any policy is parsed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Annotations {
    /// The key that automates, if one does.
    pub(super) automated: Option<String>,
    pub(super) locked: bool,
    pub(super) locked_by: Option<String>,
    pub(super) locked_message: Option<String>,
    pub(super) locked_at: Option<String>,
    pub(super) ignored: bool,
    /// The filter of each container that has one.
    pub(super) filters: BTreeMap<String, Filter>,
    /// Keys of filters that name no container.
    pub(super) dangling: Vec<String>,
    /// What holds for the whole workload.
    pub(super) warnings: Vec<Warning>,
    /// What holds for one container.
    pub(super) container_warnings: BTreeMap<String, Vec<Warning>>,
}

/// The part of `imgpolicy.dev/last-update` that tells records from policies.
#[derive(Default, Deserialize)]
#[serde(default)]
struct LastUpdate {
    records: BTreeMap<String, String>,
}

impl Annotations {
    pub(super) fn read(workload: &Workload) -> Self {
        let mut read = Self::default();
        let all = &workload.annotations;
        read.automated = read
            .switch(all, "automated")
            .filter(|(_, on)| *on)
            .map(|(key, _)| key);
        read.locked = read.any_true(all, "locked");
        read.ignored = read.any_true(all, "ignore");
        let text = |name: &str| spelled(all, name).map(|(_, value)| value.to_owned());
        read.locked_by = text("locked_user");
        read.locked_message = text("locked_msg");
        read.locked_at = all.get("imgpolicy.dev/locked-at").cloned();
        for word in OWN_SWITCHES {
            read.warn_of_typo(all, &format!("{OWN_PREFIX}{word}"));
        }
        read.warn_of_unknown_keys(all);
        read.read_filters(workload);
        read.warn_of_other_updaters(all);
        read
    }

    /// A switch by its winning spelling, with its key.
    fn switch(&mut self, all: &BTreeMap<String, String>, name: &str) -> Option<(String, bool)> {
        self.warn_of_typos(all, name);
        let (key, value) = spelled(all, name)?;
        let old = format!("{OLD_PREFIX}{name}");
        if let Some(other) = all.get(&old)
            && key != old
            && (other == "true") != (value == "true")
        {
            self.warnings.push(Warning::new(
                WarningCode::AnnotationConflict,
                format!(
                    "{key} is {:?} and {old} is {:?}; {key} counts",
                    quote(value),
                    quote(other)
                ),
            ));
        }
        Some((key, value == "true"))
    }

    /// A switch that any spelling turns on.
    fn any_true(&mut self, all: &BTreeMap<String, String>, name: &str) -> bool {
        self.warn_of_typos(all, name);
        [PREFIX, OLD_PREFIX].iter().any(|prefix| {
            all.get(&format!("{prefix}{name}"))
                .is_some_and(|v| v == "true")
        })
    }

    fn warn_of_typos(&mut self, all: &BTreeMap<String, String>, name: &str) {
        for prefix in [PREFIX, OLD_PREFIX] {
            self.warn_of_typo(all, &format!("{prefix}{name}"));
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
        let words = || {
            OWN_PER_CONTAINER
                .into_iter()
                .chain(OWN_SWITCHES)
                .chain(OWN_WORDS)
        };
        for key in all.keys() {
            let Some(rest) = key.strip_prefix(OWN_PREFIX) else {
                continue;
            };
            let end = rest.find('.').map_or(rest.len(), |dot| dot + 1);
            let (word, container) = rest.split_at(end);
            if words().any(|known| known == word) {
                continue;
            }
            let likeness = |known: &str| strsim::jaro_winkler(known, word);
            if let Some(meant) = words()
                .filter(|known| likeness(known) >= NEAR)
                .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
            {
                self.warnings.push(Warning::new(
                    WarningCode::PolicyTypo,
                    format!("{key} is not known; was {OWN_PREFIX}{meant}{container} meant?"),
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
        let records = records(workload);
        // Weakest first, so that a stronger spelling replaces what it contradicts.
        let spellings = [(OLD_PREFIX, "tag."), (FILTER_PREFIX, ""), (PREFIX, "tag.")];
        for (prefix, word) in spellings {
            for (key, text) in &workload.annotations {
                let Some(rest) = key.strip_prefix(prefix) else {
                    continue;
                };
                // `fluxctl policy --tag-all` expands this when writing; as an
                // annotation it never did anything.
                if rest == "tag_all" {
                    self.dangling.push(key.clone());
                    continue;
                }
                let Some(container) = rest.strip_prefix(word) else {
                    continue;
                };
                if records.get(key) == Some(text) {
                    continue;
                }
                if containers.contains(container) {
                    self.put_filter(container, key, text);
                } else if !is_record(workload, key, text) {
                    self.dangling.push(key.clone());
                }
            }
        }
        for key in workload.annotations.keys() {
            let Some(rest) = key.strip_prefix(OWN_PREFIX) else {
                continue;
            };
            let named = OWN_PER_CONTAINER
                .iter()
                .find_map(|word| rest.strip_prefix(word));
            if named.is_some_and(|container| !containers.contains(container)) {
                self.dangling.push(key.clone());
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
        let keel = all
            .get_key_value("keel.sh/policy")
            .filter(|(_, v)| *v != "never");
        let argo = || {
            all.iter()
                .find(|(k, _)| k.starts_with("argocd-image-updater.argoproj.io/"))
        };
        if let Some((key, _)) = keel.or_else(argo) {
            self.warnings.push(Warning::new(
                WarningCode::OtherUpdater,
                format!("{key} lets another tool update this workload; a lock does not bind it"),
            ));
        }
    }
}

/// How alike a key must be to a known one to be called a misspelling of it.
const NEAR: f64 = 0.9;

/// An annotation by its winning spelling.
pub(super) fn spelled<'a>(
    all: &'a BTreeMap<String, String>,
    name: &str,
) -> Option<(String, &'a str)> {
    [PREFIX, OLD_PREFIX].iter().find_map(|prefix| {
        let key = format!("{prefix}{name}");
        let value = all.get(&key)?;
        Some((key, value.as_str()))
    })
}

/// Whether a value was probably meant as `true` and is not.
fn is_likely_true(value: &str) -> bool {
    let word = value.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
    value != "true" && matches!(word.as_str(), "true" | "yes" | "y" | "on" | "1" | "enabled")
}

/// The records that our own last update named.
fn records(workload: &Workload) -> BTreeMap<String, String> {
    workload
        .annotations
        .get("imgpolicy.dev/last-update")
        .and_then(|text| serde_json::from_str::<LastUpdate>(text).ok())
        .unwrap_or_default()
        .records
}

/// Whether a key under `fluxcd.io/tag.` that names no container is the record of
/// an update, by its form: the last path element of an image of this workload,
/// and a legal tag or digest as value.
fn is_record(workload: &Workload, key: &str, value: &str) -> bool {
    let Some(name) = key
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_prefix("tag."))
    else {
        return false;
    };
    let names_image = workload.containers.iter().any(|container| {
        container
            .image
            .parse::<ImageReference>()
            .is_ok_and(|image| image.name().last_element() == name)
    });
    // These two are legal tags, but as a value they are policies, and one of them
    // under a misspelt container's name was meant to restrict something.
    let is_policy = matches!(value, "alphabetical" | "numerical");
    names_image && !is_policy && (value.parse::<Tag>().is_ok() || value.parse::<Digest>().is_ok())
}
