//! `update -i`: lets the user choose which images of a plan are written.

use std::collections::BTreeMap;

use super::Menu;
use super::command::CommandScope;
use super::widgets::list::{Choice, Item, List};
use super::widgets::outcome::MenuOutcome;
use crate::cli::error::CommandError;
use crate::cli::terminal::streams::Terminal;
use crate::output::{command_line, held_versions, name_to_choose, versions};
use crate::plan::{Change, HeldBack, ImageChange, Plan};
use crate::workload::{Names, WorkloadId};

/// Lets the user choose among the images of a plan. All of them start checked. What is held
/// back is listed with its reason and cannot be checked, because only the safeguard's own
/// flag overrides it.
///
/// # Errors
///
/// Nobody can answer, Esc (exit code 1) or Ctrl-C (130). Nothing was changed then, and the
/// message says so.
pub(crate) fn choose_updates(plan: Plan, terminal: &mut Terminal) -> Result<Plan, CommandError> {
    if plan.changes.is_empty() {
        return Ok(plan);
    }
    let spans = plan.spans_namespaces();
    let names = plan.names();
    let changes = plan.changes.iter();
    let elected = changes.flat_map(|change| change.images.iter().map(move |image| (change, image)));
    let mut items: Vec<Item> = elected
        .map(|(change, image)| elected_item(change, image, name(&change.workload, &names, spans)))
        .collect();
    let held_back = plan.held_back.iter();
    items.extend(held_back.map(|held| held_item(held, name(&held.workload, &names, spans))));
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
    Ok(chosen)
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
    let detail: Vec<String> = std::iter::once(image.message.clone())
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
/// workloads that have the same namespace and the same chosen containers.
pub(crate) fn update_commands(plan: &Plan, chosen: &Plan, scope: &CommandScope<'_>) -> Vec<String> {
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
