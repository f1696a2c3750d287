//! What all commands that edit annotations have in common: read, plan, look at
//! the effect, show, confirm, write, tell who obeys.

use std::process::ExitCode;

use clap::Args;

use super::annotation_results::Results;
use super::author::authorship;
use super::preflight;
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::pull_secrets::PullSecretFlags;
use crate::cli::flags::registry::RegistryFlags;
use crate::cli::flags::target::{TargetArgs, WriteFlags, place_of};
use crate::cli::gather::workloads;
use crate::cli::gather::workloads::{
    Origin, Reading, default_namespace, runtime, unless_interrupted,
};
use crate::cli::terminal::confirm::{Question, confirm};
use crate::cli::terminal::streams::Terminal;
use crate::cluster::Cluster;
use crate::files::PathOrStdin;
use crate::output::{AnnotationEdit, EditedWorkload, Format, annotation_edits, locks_table};
use crate::plan::{Authorship, Change, Edit, Plan, PolicyEdit, plan_policy};
use crate::policy::lock_on;
use crate::workload::{Observed, Workload};
use crate::write::{
    Applied, Done, DryRun, FileWriter, LiveWriter, WriteError, write_files, write_live,
};

/// How registries are asked for the effect of an edit.
#[derive(Debug, Clone, Args)]
pub(crate) struct EffectFlags {
    #[command(flatten)]
    pub(crate) pull_secrets: PullSecretFlags,

    #[command(flatten)]
    pub(crate) registry: RegistryFlags,
}

/// How the answer is given.
#[derive(Debug, Clone, Args)]
pub(crate) struct AnswerFlags {
    /// Output format: json, yaml or name; a line for each workload if it is not given
    #[arg(short, long, value_name = "FORMAT", value_parser = format)]
    pub(crate) output: Option<Format>,
}

fn format(word: &str) -> Result<Format, crate::output::UnknownFormat> {
    Format::parse(word, Format::RESULTS)
}

/// How an edit is carried out.
#[derive(Clone, Copy)]
pub(crate) struct Manner<'a> {
    /// How it is confirmed and written.
    pub(crate) write: &'a WriteFlags,
    /// `-o`; none: kubectl's lines.
    pub(crate) output: Option<Format>,
    /// How registries are asked for the effect; none: no registry is asked.
    pub(crate) effect: Option<&'a EffectFlags>,
    /// The flags of every command.
    pub(crate) globals: &'a Globals,
}

/// Makes one edit of every workload that is named.
pub(crate) fn run(
    edit: PolicyEdit,
    target: &TargetArgs,
    manner: &Manner<'_>,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let reading = read(target, manner)?;
    let plan = plan_policy(&reading.snapshot.workloads, &edit);
    carry_out(plan, reading, manner, terminal)
}

/// Reads the workloads that are named, once the flags are known to make sense.
pub(crate) fn read(target: &TargetArgs, manner: &Manner<'_>) -> Result<Reading, CommandError> {
    let what = target.chosen()?;
    let place = target.place();
    manner.write.check(place)?;
    let reads_stdin = place.filename.contains(&PathOrStdin::Stdin);
    if reads_stdin && manner.output.is_some() && manner.write.dry_run() == DryRun::None {
        return Err(CommandError::usage(
            "with -f - the edited manifests go to standard output; -o needs --dry-run then",
        ));
    }
    if let Some(effect) = manner.effect
        && !place.filename.is_empty()
    {
        effect.pull_secrets.check("-f")?;
    }
    let reading = workloads::read_workloads(place, what, manner.globals);
    unless_interrupted(runtime()?, reading)?
}

/// One workload that is going to be written.
pub(crate) struct Ready {
    pub(crate) change: Change,
    pub(crate) edit: Edit,
    pub(crate) before: Workload,
}

/// Carries out a plan whose changes are edits of annotations, one of its own for
/// each workload, on workloads that were read already: a menu calls this.
pub(crate) fn carry_out(
    plan: Plan,
    reading: Reading,
    manner: &Manner<'_>,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let Reading {
        snapshot,
        mut origin,
        empty,
    } = reading;
    for error in &snapshot.errors {
        terminal.complain_of(error);
    }
    if plan.changes.is_empty() && snapshot.errors.is_empty() {
        terminal.tell(&empty);
    }
    for warning in super::caveats::still_automated(&plan, &snapshot) {
        terminal.tell(&format!("warning: {warning}"));
    }
    let author = unless_interrupted(runtime()?, authorship(origin.cluster(), Vec::new()))?;
    let mut results = Results::new(plan.changes.len(), manner, &origin);
    let ready = prepare(plan, &snapshot.workloads, &author, &mut results, terminal);
    let observed = match origin.cluster() {
        Some(cluster) => unless_interrupted(runtime()?, observe(cluster, &ready))?,
        None => Vec::new(),
    };
    if !ready.is_empty() {
        show(&ready, &observed, manner, snapshot.observed_at, terminal);
        let wished = manner
            .effect
            .filter(|_| ready.iter().any(|one| elects(&one.change)));
        if let Some(flags) = wished {
            let edited = ready.iter().map(|one| one.edit.apply_to(&one.before));
            let looked =
                super::effect::look(edited.collect(), &snapshot, origin, flags, manner, terminal)?;
            results.effect = looked.rows;
            origin = looked.origin;
        }
        ask(&ready, origin.cluster(), manner, terminal)?;
    }
    let stream = write(
        &ready,
        &observed,
        &origin,
        &author,
        manner,
        &mut results,
        terminal,
    )?;
    super::caveats::tell(&ready, &results, &origin, manner, terminal)?;
    results.finish(&snapshot, stream, terminal)
}

/// Computes the edits. What needs none and what cannot be is told at once, before
/// anybody is asked.
fn prepare(
    plan: Plan,
    workloads: &[Workload],
    author: &Authorship,
    results: &mut Results,
    terminal: &mut Terminal,
) -> Vec<Ready> {
    let mut ready = Vec::new();
    for mut change in plan.changes {
        change.policy = change.policy.map(|policy| policy.signed(author));
        let is_it = |w: &&Workload| w.id == change.workload && w.source == change.source;
        let Some(before) = workloads.iter().find(is_it) else {
            continue;
        };
        let edit = match &change.policy {
            Some(policy) => policy.edit_of(before),
            None => Ok(Edit::default()),
        };
        match edit {
            Ok(edit) if !edit.is_empty() => ready.push(Ready {
                change,
                edit,
                before: before.clone(),
            }),
            settled => {
                let result = settled.map(|_| Done::Unchanged).map_err(WriteError::from);
                let applied = Applied {
                    workload: change.workload.clone(),
                    source: change.source.clone(),
                    result,
                    notes: Vec::new(),
                };
                results.add(AnnotationEdit::new(&change, None), &applied, terminal);
            }
        }
    }
    ready
}

pub(crate) fn elects(change: &Change) -> bool {
    change.policy.as_ref().is_some_and(PolicyEdit::elects)
}

/// Reads the objects with what the server keeps of who wrote them. One that cannot
/// be read is left out: the write tells why.
async fn observe(cluster: &Cluster, ready: &[Ready]) -> Vec<Observed> {
    let ids = ready.iter().map(|one| one.change.workload.clone());
    let seen = preflight::observe(cluster, ids).await.seen;
    seen.into_values().map(|seen| seen.observed).collect()
}

/// Shows what is going to be written, where somebody will read it.
fn show(
    ready: &[Ready],
    observed: &[Observed],
    manner: &Manner<'_>,
    now: jiff::Timestamp,
    terminal: &mut Terminal,
) {
    let is_data = manner.output.is_some_and(|output| output.data().is_some());
    if !(is_data && manner.write.yes) {
        let edited: Vec<EditedWorkload<'_>> = ready.iter().map(edited).collect();
        let locks: Vec<_> = ready
            .iter()
            .filter(|one| matches!(one.change.policy, Some(PolicyEdit::Unlock { .. })))
            .filter_map(|one| Some((&one.change.workload, lock_on(&one.before)?)))
            .collect();
        let style = terminal.question_style();
        let text = if locks.len() == ready.len() {
            locks_table(&locks, now, &style)
        } else {
            annotation_edits(&edited, &style)
        };
        terminal.prompt(&text);
    }
    for one in ready {
        for note in &one.change.notes {
            terminal.tell(&format!("note: {note}"));
        }
    }
    for warning in super::caveats::reverted(ready, observed) {
        terminal.tell(&format!("warning: {warning}"));
    }
}

fn edited(one: &Ready) -> EditedWorkload<'_> {
    EditedWorkload {
        workload: &one.before,
        edit: &one.edit,
    }
}

/// Asks, where something that lasts is changed: not in a dry run, and not where
/// the edited manifests only go to standard output.
fn ask(
    ready: &[Ready],
    cluster: Option<&Cluster>,
    manner: &Manner<'_>,
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    let goes_to_stdout = |one: &&Ready| {
        one.change
            .source
            .as_ref()
            .is_some_and(|source| source.file == "-")
    };
    let lasting: Vec<Change> = ready
        .iter()
        .filter(|one| !goes_to_stdout(one))
        .map(|one| one.change.clone())
        .collect();
    if manner.write.dry_run() != DryRun::None || lasting.is_empty() {
        return Ok(());
    }
    let what = match lasting.as_slice() {
        [one] => one.workload.exact(),
        more => format!("{} workloads", more.len()),
    };
    let verb = lasting[0].policy.as_ref().map_or("Edit", verb);
    let question = Question {
        action: format!("{verb} {what}"),
        workloads: lasting.len(),
        place: place_of(&lasting, cluster),
    };
    confirm(&question, manner.write.yes, terminal)
}

fn verb(edit: &PolicyEdit) -> &'static str {
    match edit {
        PolicyEdit::Automate { .. } => "Automate",
        PolicyEdit::Deautomate { .. } => "End the automation of",
        PolicyEdit::Lock { .. } => "Lock",
        PolicyEdit::Unlock { .. } => "Unlock",
        PolicyEdit::SetPolicy { .. } => "Set policies of",
        PolicyEdit::UnsetPolicy { .. } => "Remove policies of",
    }
}

/// Writes what is ready, and tells each result as soon as it is there. Gives the
/// edited text of standard input, if workloads came from there.
fn write(
    ready: &[Ready],
    observed: &[Observed],
    origin: &Origin,
    author: &Authorship,
    manner: &Manner<'_>,
    results: &mut Results,
    terminal: &mut Terminal,
) -> Result<Option<String>, CommandError> {
    let plan = Plan {
        changes: ready.iter().map(|one| one.change.clone()).collect(),
        held_back: Vec::new(),
    };
    let item = |applied: &Applied| {
        let is_it = |one: &&Ready| {
            one.change.workload == applied.workload && one.change.source == applied.source
        };
        let one = ready.iter().find(is_it)?;
        Some(AnnotationEdit::new(&one.change, Some(&one.edit)))
    };
    let dry_run = manner.write.dry_run();
    let unedited = |stdin: &Option<String>| stdin.clone().filter(|_| dry_run == DryRun::None);
    match origin {
        Origin::Files { stdin } if ready.is_empty() => Ok(unedited(stdin)),
        Origin::Cluster(cluster) => {
            let writer = LiveWriter {
                cluster,
                dry_run,
                field_manager: &manner.write.field_manager,
                authorship: author,
            };
            let seen = std::cell::RefCell::new((results, terminal));
            let report = |applied: &Applied| {
                let (results, terminal) = &mut *seen.borrow_mut();
                if let Some(item) = item(applied) {
                    results.add(item, applied, terminal);
                }
            };
            let written =
                unless_interrupted(runtime()?, write_live(&plan, observed, &writer, &report));
            let (results, terminal) = seen.into_inner();
            if written.is_err() {
                results.interrupted(terminal);
            }
            Ok(None)
        }
        Origin::Files { stdin } => {
            let writer = FileWriter {
                dry_run,
                authorship: author,
                default_namespace: default_namespace(manner.globals),
                stdin: stdin.as_deref(),
            };
            let (applied, stream) = write_files(&plan, &writer);
            for applied in &applied {
                if let Some(item) = item(applied) {
                    results.add(item, applied, terminal);
                }
            }
            let stream = stream.filter(|_| dry_run == DryRun::None);
            Ok(stream.or_else(|| unedited(stdin)))
        }
        Origin::Saved => Ok(None),
    }
}
