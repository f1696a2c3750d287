//! The tables of `images`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::candidates::{TagColumn, tag_table};
use super::columns::{natural, repository, version};
use super::table::TableOptions;
use super::text::elide::wrap;
use super::text::grid::{Cell, Cut, Grid, Heading};
use super::text::layout::Step;
use super::text::sanitize::sanitize;
use super::text::style::{Paint, Style};
use super::text::time::count;
use super::view::ImageUse;
use crate::evaluator::{Examination, State};
use crate::image::{CreatedFrom, ImageReference};
use crate::workload::{Names, WorkloadId};

/// The images that run in scope, one line an image and version, sorted by name:
/// IMAGE TAG WORKLOADS STATE. With namespaces the workloads are told with
/// theirs. Of the options only `namespaces` and `no_headings` matter.
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
    groups.sort_by(|(a, _), (b, _)| a.0.cmp(&b.0).then_with(|| natural(&a.1, &b.1)));
    let row = |((image, version), uses): &((String, String), Vec<&ImageUse>)| {
        let reachable = uses
            .iter()
            .any(|used| matches!(used.state, Some(State::Automated | State::Locked)));
        let paint = if reachable { Paint::Plain } else { Paint::Dim };
        let cells = [
            Cell::new(image),
            Cell::new(version),
            workloads(uses, &names, options.namespaces),
            Cell::new(&states(uses)),
        ];
        cells.map(|cell| cell.painted(paint)).to_vec()
    };
    let heading = |text, cut| Heading { text, cut };
    let grid = Grid {
        headings: vec![
            heading("IMAGE", Cut::Middle),
            heading("TAG", Cut::Middle),
            heading("WORKLOADS", Cut::End),
            heading("STATE", Cut::End),
        ],
        rows: groups.iter().map(row).collect(),
        show_headings: !options.no_headings,
        steps: vec![
            Step::Narrow(vec![("WORKLOADS", 24)]),
            Step::Narrow(vec![("IMAGE", 20)]),
            Step::Narrow(vec![("TAG", 9), ("STATE", 9)]),
            Step::Narrow(vec![("WORKLOADS", 12), ("IMAGE", 8)]),
            Step::Drop("STATE"),
        ],
    };
    grid.render(style)
}

/// `deployment/web,rollout/api`, each once; where room is short `12 workloads`.
fn workloads(uses: &[&ImageUse], names: &Names<'_>, namespaces: bool) -> Cell {
    let name = |used: &&ImageUse| {
        let user = &used.user;
        let name = match user.workload() {
            Some(id) => names.name(&id),
            None => user.to_string(),
        };
        match namespaces {
            true => format!("{}/{name}", user.namespace),
            false => name,
        }
    };
    let names: BTreeSet<String> = uses.iter().map(name).collect();
    let number = count(names.len(), "workload");
    let text = names.into_iter().collect::<Vec<_>>();
    match text.as_slice() {
        [one] => Cell::new(one),
        many => Cell::new(&many.join(",")).shortened(&number),
    }
}

/// The states, each once, in the order in which they hold.
fn states(uses: &[&ImageUse]) -> String {
    let states: BTreeSet<State> = uses.iter().filter_map(|used| used.state).collect();
    let words: Vec<&str> = states.into_iter().map(State::as_str).collect();
    words.join(",")
}

/// The tags of one image in the order of a policy, with dates and a mark at the
/// running one, below a line that names the image and the policy; without the
/// headings the bare rows.
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
        if let Some(places) = places(examination).filter(|_| show_headings) {
            text.push_str(&style.paint(Paint::Dim, &places));
            text.push('\n');
        }
    }
    text
}

/// Which places name the dates of how many tags: `dates: 8 config, 2 label`. `None`
/// where none is known.
fn places(examination: &Examination) -> Option<String> {
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
