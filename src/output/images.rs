//! The tables of `images`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::candidates::{TagColumn, tag_table};
use super::columns::{compare_natural, repository, version};
use super::table::TableOptions;
use super::text::elide::wrap;
use super::text::fit_step::FitStep;
use super::text::grid::{Cell, Cut, Grid, Heading};
use super::text::plural::count;
use super::text::sanitize::sanitize;
use super::text::style::{Paint, Style};
use super::view::ImageUse;
use crate::evaluator::{Examination, State};
use crate::image::{CreatedFrom, ImageReference};
use crate::workload::{Names, WorkloadId};

/// The images that run in scope, one line per image and version, sorted by name:
/// IMAGE TAG WORKLOADS STATE, and IMAGE POLICY if there is one. With `namespaces`, workloads are
/// shown with their namespaces. Of the other options only `no_headings` is used.
#[must_use]
pub fn images_table(uses: &[ImageUse], options: &TableOptions, style: &Style) -> String {
    let ids: Vec<WorkloadId> = uses
        .iter()
        .filter_map(|used| used.user.workload())
        .collect();
    let names = Names::among(&ids);
    let mut groups: BTreeMap<(String, String), Vec<&ImageUse>> = BTreeMap::new();
    for used in uses {
        let version = used
            .image
            .parse()
            .ok()
            .as_ref()
            .and_then(|image: &ImageReference| version(image));
        let key = (repository(&used.image), version.unwrap_or_default());
        groups.entry(key).or_default().push(used);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by(|(a, _), (b, _)| a.0.cmp(&b.0).then_with(|| compare_natural(&a.1, &b.1)));
    let has_policies = uses.iter().any(|used| !used.image_policies.is_empty());
    let rows = groups.iter().map(|((image, version), uses)| {
        let is_managed = uses
            .iter()
            .any(|used| matches!(used.state, Some(State::Automated | State::Locked)));
        let paint = if is_managed { Paint::Plain } else { Paint::Dim };
        let mut cells = vec![
            Cell::new(image),
            Cell::new(version),
            workloads(uses, &names, options.namespaces),
            Cell::new(&states(uses)),
        ];
        if has_policies {
            cells.push(image_policies(uses));
        }
        cells.into_iter().map(|cell| cell.painted(paint)).collect()
    });
    let mut headings = vec![
        Heading::new("IMAGE", Cut::Middle),
        Heading::new("TAG", Cut::Middle),
        Heading::new("WORKLOADS", Cut::End),
        Heading::new("STATE", Cut::End),
    ];
    let mut steps = vec![
        FitStep::Narrow(vec![("WORKLOADS", 24)]),
        FitStep::Narrow(vec![("IMAGE", 20)]),
        FitStep::Narrow(vec![("TAG", 9), ("STATE", 9)]),
        FitStep::Narrow(vec![("WORKLOADS", 12), ("IMAGE", 8)]),
        FitStep::Drop("STATE"),
    ];
    if has_policies {
        headings.push(Heading::new(IMAGE_POLICY, Cut::Middle));
        steps.insert(2, FitStep::Narrow(vec![(IMAGE_POLICY, 15)]));
        steps.push(FitStep::Drop(IMAGE_POLICY));
    }
    let grid = Grid {
        headings,
        rows: rows.collect(),
        show_headings: !options.no_headings,
        steps,
    };
    grid.render(style)
}

/// `deployment/web,rollout/api`, each once; `12 workloads` if room is short.
fn workloads(uses: &[&ImageUse], names: &Names<'_>, namespaces: bool) -> Cell {
    let names: BTreeSet<String> = uses
        .iter()
        .map(|used| {
            let user = &used.user;
            let name = match user.workload() {
                Some(id) => names.name(&id),
                None => user.to_string(),
            };
            if namespaces {
                format!("{}/{name}", user.namespace)
            } else {
                name
            }
        })
        .collect();
    let names: Vec<String> = names.into_iter().collect();
    match names.as_slice() {
        [one] => Cell::new(one),
        many => Cell::new(&many.join(",")).shortened(&count(many.len(), "workload")),
    }
}

const IMAGE_POLICY: &str = "IMAGE POLICY";

/// The ImagePolicy objects that elect from the repository; `2 policies` if room is short.
fn image_policies(uses: &[&ImageUse]) -> Cell {
    let ids: BTreeSet<&str> = uses
        .iter()
        .flat_map(|used| used.image_policies.iter().map(String::as_str))
        .collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    match ids.as_slice() {
        [] => Cell::optional(None::<&str>),
        [one] => Cell::new(one),
        many => Cell::new(&many.join(",")).shortened(&count(many.len(), "policy")),
    }
}

/// The states, each once, in order of precedence.
fn states(uses: &[&ImageUse]) -> String {
    let states: BTreeSet<State> = uses.iter().filter_map(|used| used.state).collect();
    let words: Vec<&str> = states.into_iter().map(State::as_str).collect();
    words.join(",")
}

/// The tags of one image in the order of a policy, with dates and a mark at the running
/// tag, below a title line with the image and the policy. Without headings, only the
/// rows.
#[must_use]
pub fn image_tags(
    image: &str,
    examination: &Examination,
    now: Timestamp,
    limit: usize,
    show_headings: bool,
    style: &Style,
) -> String {
    let image = repository(image);
    let tags = count(examination.tags, "tag");
    let title = match &examination.decision.policy {
        Some(policy) => format!(
            "{image}: {tags}, {} in {} order",
            policy.filter, policy.order
        ),
        None => format!("{image}: {tags}"),
    };
    let mut text = String::new();
    if show_headings {
        text.push_str(&wrap(&sanitize(&title), style.width, 2));
        text.push('\n');
    }
    if !examination.candidates.is_empty() {
        let columns = [
            TagColumn::Current,
            TagColumn::Tag,
            TagColumn::Verdict,
            TagColumn::Created,
            TagColumn::Age,
        ];
        if show_headings {
            text.push('\n');
        }
        text.push_str(&tag_table(
            &examination.candidates,
            limit,
            &columns,
            show_headings,
            now,
            style,
        ));
        if let Some(sources) = date_sources(examination).filter(|_| show_headings) {
            text.push_str(&style.paint(Paint::Dim, &sources));
            text.push('\n');
        }
    }
    text
}

/// How many dates come from which source: `dates: 8 config, 2 label`. `None` if no date
/// is known.
fn date_sources(examination: &Examination) -> Option<String> {
    let candidates = examination.candidates.iter();
    let mut counts: BTreeMap<CreatedFrom, usize> = BTreeMap::new();
    for from in candidates.filter_map(|candidate| candidate.created_from) {
        *counts.entry(from).or_default() += 1;
    }
    let words: Vec<String> = counts
        .iter()
        .map(|(from, n)| format!("{n} {from}"))
        .collect();
    (!words.is_empty()).then(|| format!("dates: {}", words.join(", ")))
}
