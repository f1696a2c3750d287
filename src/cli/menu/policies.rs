//! `automate` and `policy set` with a menu: workloads, containers, policies.

use std::process::ExitCode;

use super::command::{CommandScope, policy_commands};
use super::effect::Effects;
use super::policy_draft::PolicyDraft;
use super::policy_editor;
use super::purpose::Purpose;
use super::widgets::list::{Choice, Item, List};
use super::widgets::outcome::MenuOutcome;
use super::{Menu, report_commands};
use crate::cli::apply::annotations;
use crate::cli::apply::job::ApplyOptions;
use crate::cli::error::CommandError;
use crate::cli::flags::registry::RegistryAccess;
use crate::cli::flags::scope::PlaceFlags;
use crate::cli::flags::target::TargetArgs;
use crate::cli::flags::target::WriteFlags;
use crate::cli::gather::cost;
use crate::cli::gather::workloads;
use crate::cli::gather::workloads::Reading;
use crate::cli::runtime::runtime;
use crate::cli::terminal::streams::Terminal;
use crate::evaluator::{Row, State, assess};
use crate::image::ImageReference;
use crate::output::{lock_phrase, name_to_choose, version_of};
use crate::plan::{Plan, PolicyEdit, plan_policy};
use crate::policy::PolicyText;
use crate::workload::{Names, Workload, WorkloadId, spans_namespaces};

/// Whether a menu asks for what the flags leave open: somebody can answer, no workload is
/// named, and the output is for people.
pub(crate) fn wants_menu(
    target: &TargetArgs,
    options: &ApplyOptions<'_>,
    terminal: &Terminal,
) -> bool {
    terminal.can_ask()
        && !target.is_narrowed()
        && !options.write.yes
        && options.write.output.is_none()
}

/// Lets the user choose workloads and their policies, then confirms and writes them.
/// Reports the commands that do the same without a menu.
///
/// # Errors
///
/// Nothing can be read, Esc (exit code 1) or Ctrl-C (130). Nothing was changed then, and
/// the message says so.
pub(crate) fn write_policies(
    purpose: Purpose,
    target: &TargetArgs,
    options: &ApplyOptions<'_>,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let place = target.place();
    target.check_write(options.write)?;
    let reading = workloads::read_workloads(place, target.workload_selector()?, options.globals);
    let reading = runtime()?.block_on(reading)?;
    let commands = if reading.snapshot.workloads.is_empty() {
        None
    } else {
        Some(choose_policies(
            purpose, &reading, place, options, terminal,
        )?)
    };
    let ChosenPolicies { plan, commands } = commands.unwrap_or_default();
    let code = annotations::apply_plan(plan, reading, options, terminal)?.code();
    report_commands(&commands, terminal);
    Ok(code)
}

/// What was chosen.
#[derive(Debug, Default)]
struct ChosenPolicies {
    /// The changes to write, not yet confirmed.
    plan: Plan,
    /// The commands that do the same without a menu.
    commands: Vec<String>,
}

/// Lets the user choose policies for the workloads that were read, and previews what each
/// would do.
///
/// # Errors
///
/// Nobody can answer, Esc (exit code 1) or Ctrl-C (130). Nothing was changed then, and the
/// message says so.
fn choose_policies(
    purpose: Purpose,
    reading: &Reading,
    place: &PlaceFlags,
    options: &ApplyOptions<'_>,
    terminal: &mut Terminal,
) -> Result<ChosenPolicies, CommandError> {
    let ApplyOptions {
        registry: Some(flags),
        globals,
        ..
    } = *options
    else {
        return Ok(ChosenPolicies::default());
    };
    let registries = flags.registry.registries(globals)?;
    let mut effects = Effects::new(reading, &registries, &flags.pull_secrets, purpose);
    let mut menu = Menu::open(terminal)?;
    let drafts = choose_drafts(purpose, reading, &mut effects, &mut menu);
    drop(menu);
    // Cache what was fetched for the next run, however the menu ended.
    let warnings = runtime()?.block_on(registries.finish());
    cost::report_warnings(&warnings, terminal);
    let drafts = drafts?;

    let overwrites = !effects
        .edits(&drafts, false)
        .iter()
        .all(|(workload, edit): &(&Workload, PolicyEdit)| edit.edit_of(workload).is_ok());
    let mut plan = Plan::default();
    for (workload, edit) in effects.edits(&drafts, true) {
        let one = plan_policy(std::slice::from_ref(workload), &edit);
        plan.changes.extend(one.changes);
        plan.held_back.extend(one.held_back);
    }
    let mut extra_flags = globals.given.to_args::<RegistryAccess>();
    extra_flags.extend(globals.given.to_args_except::<WriteFlags>(&["yes"]));
    let scope = CommandScope {
        place,
        globals,
        extra_flags,
    };
    Ok(ChosenPolicies {
        plan,
        commands: policy_commands(purpose, &drafts, overwrites, &scope),
    })
}

/// Asks one prompt after the other, and goes back where the user wants to.
fn choose_drafts(
    purpose: Purpose,
    reading: &Reading,
    effects: &mut Effects<'_>,
    menu: &mut Menu<'_>,
) -> Result<Vec<PolicyDraft>, CommandError> {
    let rows = assess(&reading.snapshot)?.rows;
    let ids = workloads(&rows);
    let mut first = List::new(purpose.title(), Choice::Some, workload_items(&rows, &ids));
    loop {
        if menu.choose(&mut first)? == MenuOutcome::Back {
            continue;
        }
        let chosen: Vec<&WorkloadId> = ids
            .iter()
            .zip(&first.items)
            .filter(|(_, item)| item.checked)
            .map(|(id, _)| *id)
            .collect();
        let rows: Vec<&Row> = rows
            .iter()
            .filter(|row| chosen.contains(&&row.workload))
            .collect();
        if let Some(drafts) = choose_containers(&rows, effects, menu)? {
            return Ok(drafts);
        }
    }
}

/// `None`: back to the choice of workloads.
fn choose_containers(
    rows: &[&Row],
    effects: &mut Effects<'_>,
    menu: &mut Menu<'_>,
) -> Result<Option<Vec<PolicyDraft>>, CommandError> {
    let names = Names::among(rows.iter().map(|row| &row.workload));
    let mut containers = List::new(
        "Which containers get their own policy?",
        Choice::Some,
        rows.iter().map(|row| container_item(row, &names)).collect(),
    );
    let is_choice = containers
        .items
        .iter()
        .filter(|item| item.refusal.is_none())
        .count()
        > 1;
    loop {
        if is_choice && menu.choose(&mut containers)? == MenuOutcome::Back {
            return Ok(None);
        }
        let checked = rows
            .iter()
            .zip(&containers.items)
            .filter(|(_, item)| item.checked);
        let drafts = checked.filter_map(|(row, _)| draft(row)).collect();
        match policy_editor::edit(drafts, effects, menu)? {
            Some(drafts) => return Ok(Some(drafts)),
            None if is_choice => {}
            None => return Ok(None),
        }
    }
}

/// A draft to start from: the existing policy, otherwise one that fits the running image.
fn draft(row: &Row) -> Option<PolicyDraft> {
    let written = row.decision.policy.as_ref();
    let written = written.filter(|policy| policy.origin.starts_with("annotation "));
    Some(PolicyDraft {
        workload: row.workload.clone(),
        container: row.container.clone(),
        image: row.image.clone(),
        policy: match written {
            Some(policy) => PolicyText {
                rule: policy.filter.clone(),
                form: None,
            },
            None => PolicyText::fitting(&row.image.parse().ok()?),
        },
    })
}

/// Every workload once, in row order.
fn workloads(rows: &[Row]) -> Vec<&WorkloadId> {
    let mut ids: Vec<&WorkloadId> = rows.iter().map(|row| &row.workload).collect();
    ids.dedup();
    ids
}

fn workload_items(rows: &[Row], ids: &[&WorkloadId]) -> Vec<Item> {
    let spans = spans_namespaces(ids.iter().copied());
    let names = Names::among(ids.iter().copied());
    ids.iter()
        .map(|id| {
            let rows: Vec<&Row> = rows.iter().filter(|row| row.workload == **id).collect();
            let mut cells = Vec::new();
            if spans {
                cells.push(id.namespace.clone());
            }
            let name = name_to_choose(id, &names);
            cells.push(name.clone());
            cells.push(
                rows.first()
                    .map_or("", |row| row.decision.state.as_str())
                    .to_owned(),
            );
            cells.push(
                rows.iter()
                    .map(|row: &&Row| format!("{} {}", row.container, version_of(&row.image)))
                    .collect::<Vec<_>>()
                    .join(", "),
            );
            Item {
                refusal: refusal(&rows),
                is_held: rows.iter().any(|row| row.decision.lock.is_some()),
                detail: format!("{name}: {}", detail(&rows)),
                cells,
                ..Item::default()
            }
        })
        .collect()
}

/// Why a workload cannot get a policy here: the policy would have no effect.
fn refusal(rows: &[&Row]) -> Option<String> {
    let first = rows.first()?;
    if first.decision.state == State::Ignored {
        return Some(format!("{} is ignored by its annotation", first.workload));
    }
    let faults: Option<Vec<String>> = rows.iter().map(|row| image_fault(row)).collect();
    faults.map(|faults| faults.join("; "))
}

/// Why a container cannot get a policy: its repository is not known.
fn image_fault(row: &Row) -> Option<String> {
    let error = row.image.parse::<ImageReference>().err()?;
    Some(format!("{:?} is not a valid image: {error}", row.image))
}

/// The lock, the images and the existing policies.
fn detail(rows: &[&Row]) -> String {
    let lock = rows.first().and_then(|row| row.decision.lock.as_ref());
    let parts: Vec<String> = lock
        .map(lock_phrase)
        .into_iter()
        .chain(rows.iter().map(|row: &&Row| match &row.decision.policy {
            Some(policy) => format!("{}: {} follows {}", row.container, row.image, policy.filter),
            None => format!("{}: {}", row.container, row.image),
        }))
        .collect();
    parts.join("; ")
}

fn container_item(row: &Row, names: &Names<'_>) -> Item {
    let refusal = image_fault(row);
    Item {
        cells: vec![
            name_to_choose(&row.workload, names),
            row.container.clone(),
            version_of(&row.image),
            row.decision
                .policy
                .as_ref()
                .map_or_else(String::new, |policy| policy.filter.clone()),
        ],
        detail: format!("{}: {}", names.name(&row.workload), detail(&[row])),
        checked: refusal.is_none(),
        refusal,
        ..Item::default()
    }
}
