//! `update -i`: lets the user choose which images and marked values of a plan are written.

use std::collections::{BTreeMap, BTreeSet};

use super::Menu;
use super::command::CommandScope;
use super::widgets::list::{Choice, Item, List};
use super::widgets::outcome::MenuOutcome;
use crate::cli::error::CommandError;
use crate::cli::terminal::streams::Terminal;
use crate::output::{command_line, held_versions, name_to_choose, versions};
use crate::plan::{Change, HeldBack, ImageChange, MarkerDecision, MarkerReason, Plan};
use crate::workload::{Names, WorkloadId};

/// Lets the user choose among the images and the marked values of a plan. All of them start
/// checked. What is held back is listed with its reason and cannot be checked, because only the
/// safeguard's own flag overrides it.
///
/// # Errors
///
/// Nobody can answer, Esc (exit code 1) or Ctrl-C (130). Nothing was changed then, and the
/// message says so.
pub(crate) fn choose_updates(plan: Plan, terminal: &mut Terminal) -> Result<Plan, CommandError> {
    let groups = marker_groups(&plan.markers);
    if plan.changes.is_empty() && groups.is_empty() {
        return Ok(plan);
    }
    let spans = plan.spans_namespaces();
    let names = plan.names();
    let changes = plan.changes.iter();
    let elected = changes.flat_map(|change| change.images.iter().map(move |image| (change, image)));
    let mut items: Vec<Item> = elected
        .map(|(change, image)| elected_item(change, image, name(&change.workload, &names, spans)))
        .collect();
    items.extend(groups.iter().map(|group| marker_item(group, &plan.markers)));
    let held_back = plan.held_back.iter();
    items.extend(held_back.map(|held| held_item(held, name(&held.workload, &names, spans))));
    let kept = plan.markers.iter().filter_map(kept_marker_item);
    items.extend(kept);
    let mut list = List::new("Which images do you want to update?", Choice::Some, items);
    let mut menu = Menu::open(terminal)?;
    while menu.choose(&mut list)? == MenuOutcome::Back {}
    drop(menu);
    let mut checked = list.items.iter().map(|item| item.checked);
    let mut chosen = plan;
    for change in &mut chosen.changes {
        change.images.retain(|_| checked.next().unwrap_or(false));
    }
    chosen.changes.retain(|change| !change.images.is_empty());
    let left: BTreeSet<usize> = groups
        .into_iter()
        .filter(|_| !checked.next().unwrap_or(false))
        .flatten()
        .collect();
    let mut position = 0..;
    chosen
        .markers
        .retain(|_| position.next().is_none_or(|at| !left.contains(&at)));
    Ok(chosen)
}

/// The marked values that would be written, by their positions: the parts of one image together,
/// because they are written together or not at all.
fn marker_groups(markers: &[MarkerDecision]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, marker) in markers.iter().enumerate().filter(|(_, m)| m.is_update()) {
        let image = marker.image_of_part();
        let same = groups.iter_mut().find(|group| {
            let first = group.first().map(|first| &markers[*first]);
            image.is_some() && first.is_some_and(|first| first.image_of_part() == image)
        });
        match same {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    groups
}

fn marker_item(group: &[usize], markers: &[MarkerDecision]) -> Item {
    let all: Vec<&MarkerDecision> = group.iter().map(|at| &markers[*at]).collect();
    let Some(first) = all.first() else {
        return Item::default();
    };
    let warnings = all.iter().flat_map(|marker| &marker.warnings);
    let warnings: Vec<String> = warnings
        .map(|warning| format!("warning: {}", warning.message))
        .collect();
    let mark = if warnings.is_empty() { "" } else { "!" };
    let changes: Vec<String> = all
        .iter()
        .map(|marker| {
            let to = marker.to.as_deref().unwrap_or_default();
            format!("{} -> {to}", marker.value.value)
        })
        .collect();
    let detail: Vec<String> = std::iter::once(first.message.clone())
        .chain(warnings)
        .collect();
    Item {
        cells: vec![
            first.value.source.to_string(),
            container_of(first),
            format!("{}{mark}", changes.join(", ")),
            policy_of(first),
        ],
        detail: detail.join("; "),
        checked: true,
        ..Item::default()
    }
}

/// A value that is kept although one might expect a change.
fn kept_marker_item(marker: &MarkerDecision) -> Option<Item> {
    if marker.is_update() || marker.reason == MarkerReason::UpToDate {
        return None;
    }
    marker.target()?;
    let to = marker.to.as_ref().map(|to| format!(" -> {to}"));
    let lift = match marker.reason.lifted_by() {
        Some(flag) => format!("held back: {} (use {flag} to update it)", marker.message),
        None => format!("held back: {}", marker.message),
    };
    Some(Item {
        cells: vec![
            marker.value.source.to_string(),
            container_of(marker),
            format!("{}{}", marker.value.value, to.unwrap_or_default()),
            marker.reason.to_string(),
        ],
        detail: lift.clone(),
        refusal: Some(lift),
        ..Item::default()
    })
}

/// The container whose image a value is, or is a part of.
fn container_of(marker: &MarkerDecision) -> String {
    let container = marker.value.container.as_ref();
    container
        .map(|container| container.name.clone())
        .unwrap_or_default()
}

fn policy_of(marker: &MarkerDecision) -> String {
    marker.target().map(ToString::to_string).unwrap_or_default()
}

fn name(id: &WorkloadId, names: &Names<'_>, spans: bool) -> String {
    let name = name_to_choose(id, names);
    if spans {
        format!("{}/{name}", id.namespace)
    } else {
        name
    }
}

fn elected_item(change: &Change, image: &ImageChange, name: String) -> Item {
    let warnings = image
        .warnings
        .iter()
        .map(|warning| format!("warning: {}", warning.message));
    let compare = image.compare.iter().map(|url| format!("compare: {url}"));
    let detail: Vec<String> = std::iter::once(image.message.clone())
        .chain(compare)
        .chain(warnings)
        .chain(change.notes.iter().cloned())
        .collect();
    let (from, to) = versions(image);
    let mark = if image.warnings.is_empty() { "" } else { "!" };
    Item {
        cells: vec![
            name,
            image.container.clone(),
            format!("{from} -> {to}{mark}"),
            image.policy.clone().unwrap_or_default(),
        ],
        detail: detail.join("; "),
        checked: true,
        ..Item::default()
    }
}

fn held_item(held: &HeldBack, name: String) -> Item {
    let (from, to) = held_versions(held);
    let to = to.map(|to| format!(" -> {to}"));
    let lift = match held.hold.lifted_by() {
        Some(flag) => format!("held back: {} (use {flag} to update it)", held.message),
        None => format!("held back: {}", held.message),
    };
    Item {
        cells: vec![
            name,
            held.container.clone().unwrap_or_default(),
            format!("{}{}", from.unwrap_or_default(), to.unwrap_or_default()),
            held.hold.to_string(),
        ],
        detail: lift.clone(),
        refusal: Some(lift),
        ..Item::default()
    }
}

/// The commands that write the chosen part of a plan without a menu: one per group of
/// workloads that have the same namespace and the same chosen containers. A choice of marked
/// values has a command only if nothing was left out, because no flag names single values.
pub(crate) fn update_commands(plan: &Plan, chosen: &Plan, scope: &CommandScope<'_>) -> Vec<String> {
    if !marker_groups(&chosen.markers).is_empty() && plan == chosen {
        let mut words = ["kubectl", "imgpolicy", "update"]
            .map(str::to_owned)
            .to_vec();
        words.extend(scope.to_args(""));
        words.push("--yes".to_owned());
        return vec![command_line(words.iter().map(String::as_str))];
    }
    let mut together: BTreeMap<(&str, Vec<&str>), Vec<String>> = BTreeMap::new();
    for change in &chosen.changes {
        let is_whole = plan.changes.iter().any(|whole| {
            whole.workload == change.workload && whole.images.len() == change.images.len()
        });
        let containers = if is_whole {
            Vec::new()
        } else {
            change
                .images
                .iter()
                .map(|image| image.container.as_str())
                .collect()
        };
        let key = (change.workload.namespace.as_str(), containers);
        together
            .entry(key)
            .or_default()
            .push(change.workload.exact());
    }
    let commands = together
        .into_iter()
        .map(|((namespace, containers), workloads)| {
            let mut words = vec![
                "kubectl".to_owned(),
                "imgpolicy".to_owned(),
                "update".to_owned(),
            ];
            words.extend(workloads);
            words.extend(
                containers
                    .iter()
                    .flat_map(|name| ["-c".to_owned(), (*name).to_owned()]),
            );
            words.extend(scope.to_args(namespace));
            words.push("--yes".to_owned());
            command_line(words.iter().map(String::as_str))
        });
    commands.collect()
}
