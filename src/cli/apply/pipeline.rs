//! From a plan of images to what was written: a last look, the plan shown, the
//! question, the write, and what became of each workload.

use std::cell::RefCell;
use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::preflight;
use super::preflight::{Objects, Registry};
use super::result_lines::suffix;
use super::results::{Teller, Told, Wording};
use crate::cli::error::CommandError;
use crate::cli::flags::target::{WriteFlags, place_of};
use crate::cli::gather::workloads::{INTERRUPTED, Origin, default_namespace, unless_interrupted};
use crate::cli::menu;
use crate::cli::menu::Reached;
use crate::cli::terminal::confirm::{Question, confirm};
use crate::cli::terminal::streams::Terminal;
use crate::evaluator::ScopeError;
use crate::output::{
    Format, ImageUpdate, ImageUpdateList, WriteResult, command_line, encode, held_back_lines,
    other_repository, plan_text, results_line,
};
use crate::plan::{Authorship, Change, HoldReason, Overrides, Plan};
use crate::workload::{Observed, WorkloadId};
use crate::write::{
    DryRun, FileWriter, LiveWriter, WaitEvent, write_and_wait, write_files, write_live,
};

/// A plan and where it came from.
pub(crate) struct Draft {
    pub(crate) plan: Plan,
    pub(crate) origin: Origin,
    /// The objects that were read for it already.
    pub(crate) objects: Objects,
    /// The kubeconfig context.
    pub(crate) context: Option<String>,
    pub(crate) authorship: Authorship,
    /// What could not be read.
    pub(crate) errors: Vec<ScopeError>,
    /// Said where nothing is in scope.
    pub(crate) empty: Option<String>,
}

/// How a plan is written.
#[derive(Clone, Copy)]
pub(crate) struct Manner<'a> {
    pub(crate) wording: Wording,
    pub(crate) flags: &'a WriteFlags,
    /// `-o`; none: kubectl's lines.
    pub(crate) output: Option<Format>,
    pub(crate) overrides: Overrides,
    /// The rollouts are waited for, each at most so long.
    pub(crate) wait: Option<Duration>,
    /// At most so many workloads.
    pub(crate) max: Option<usize>,
    /// The images are chosen from a menu; it tells how to reach the workloads again.
    pub(crate) menu: Option<&'a Reached<'a>>,
    pub(crate) registry: Registry<'a>,
}

/// Looks, shows, asks, writes and tells.
pub(crate) fn carry_out(
    mut draft: Draft,
    manner: &Manner<'_>,
    runtime: &Runtime,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    look(&mut draft, manner, runtime, terminal)?;
    let commands = match manner.menu {
        Some(reached) => choose(&mut draft.plan, reached, terminal)?,
        None => Vec::new(),
    };
    if let Some(max) = manner.max {
        draft.plan.limit(max);
    }
    for error in &draft.errors {
        terminal.complain_of(error);
    }
    let namespaces = draft.plan.spans_namespaces();
    let is_quiet = manner.output.is_some_and(|output| output.data().is_some())
        && (manner.flags.yes || manner.flags.dry_run() != DryRun::None);
    if !is_quiet {
        terminal.show(|style| plan_text(&draft.plan, namespaces, style));
        for line in held_back_lines(&draft.plan.held_back, namespaces) {
            terminal.tell(&line);
        }
    }
    let (told, edited) = match draft.plan.changes.is_empty() {
        true => {
            terminal.tell(draft.empty.as_deref().unwrap_or(manner.wording.nothing));
            (Vec::new(), None)
        }
        false => {
            if asks(&draft, manner) {
                confirm(&question(&draft, manner), manner.flags.yes, terminal)?;
            }
            write(&draft, manner, runtime, terminal)
        }
    };
    if let Some(text) = passed_on(&draft, manner) {
        terminal.pass_on(edited.as_deref().unwrap_or(text))?;
    }
    if let Some(format) = manner.output.and_then(Format::data) {
        let list = data(&draft, manner, &told);
        terminal.print(&encode(&list, format).map_err(CommandError::failed)?);
    }
    for change in &draft.plan.changes {
        let is_written = |told: &&Told| {
            let done = [WriteResult::Updated, WriteResult::Planned];
            told.is_about(change) && done.contains(&told.result)
        };
        if told.iter().any(|told| is_written(&told)) {
            let images = change.images.iter();
            for image in images.filter(|image| image.changes_repository()) {
                let note = other_repository(image);
                terminal.tell(&format!("{}: {note}", change.workload));
            }
        }
    }
    if !told.is_empty() {
        let results: Vec<WriteResult> = told.iter().map(|told| told.result).collect();
        let dry_run = suffix(manner.flags.dry_run());
        let line = results_line(&results, manner.wording.done);
        terminal.tell(&format!("{line}{dry_run}"));
    }
    menu::tell_commands(&commands, terminal);
    Ok(exit_code(&draft, &told))
}

/// Narrows the plan to what is chosen from a menu, and gives the commands that do
/// the same without one.
fn choose(
    plan: &mut Plan,
    reached: &Reached<'_>,
    terminal: &mut Terminal,
) -> Result<Vec<String>, CommandError> {
    let chosen = menu::choose_updates(plan.clone(), terminal)?;
    let commands = menu::update_commands(plan, &chosen, reached);
    *plan = chosen;
    Ok(commands)
}

/// Narrows the plan to what may be written now.
fn look(
    draft: &mut Draft,
    manner: &Manner<'_>,
    runtime: &Runtime,
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    let Draft {
        plan,
        origin,
        objects,
        errors,
        ..
    } = draft;
    if let Origin::Cluster(cluster) = &*origin {
        unless_interrupted(runtime, async {
            let unseen: Vec<_> = plan
                .changes
                .iter()
                .map(|change| change.workload.clone())
                .filter(|id| !objects.seen.contains_key(id))
                .collect();
            let read = preflight::observe(cluster, unseen).await;
            objects.seen.extend(read.seen);
            errors.extend(read.errors);
            preflight::heed_cluster(plan, objects, cluster, manner.overrides).await;
        })?;
    }
    let cluster = origin.cluster();
    preflight::heed_registries(plan, objects, cluster, manner.registry, runtime, terminal)
}

/// Whether anything is changed that was there before: what comes from standard
/// input goes to standard output.
fn asks(draft: &Draft, manner: &Manner<'_>) -> bool {
    let is_stdin = |change: &Change| {
        let source = change.source.as_ref();
        source.is_some_and(|source| source.file == STDIN)
    };
    manner.flags.dry_run() == DryRun::None && !draft.plan.changes.iter().all(is_stdin)
}

/// The text of standard input, where it goes on to standard output, edited or
/// not: what stands behind the pipe gets all of it.
fn passed_on<'d>(draft: &'d Draft, manner: &Manner<'_>) -> Option<&'d str> {
    match &draft.origin {
        Origin::Files { stdin } if manner.flags.dry_run() == DryRun::None => stdin.as_deref(),
        Origin::Files { .. } | Origin::Saved | Origin::Cluster(_) => None,
    }
}

/// What standard input is called.
const STDIN: &str = "-";

fn question(draft: &Draft, manner: &Manner<'_>) -> Question {
    let changes = &draft.plan.changes;
    let mut action = match &changes[..] {
        [one] => format!("{} {}", manner.wording.action, one.workload.exact()),
        more => format!("{} {} workloads", manner.wording.action, more.len()),
    };
    let flags: Vec<String> = manner
        .overrides
        .words()
        .iter()
        .map(|lifted| format!("--override-{lifted}"))
        .collect();
    if !flags.is_empty() {
        action.push_str(&format!(" with {}", flags.join(" and ")));
    }
    let images = changes.iter().flat_map(|change| &change.images);
    let elsewhere: Vec<_> = images.filter(|image| image.changes_repository()).collect();
    match &elsewhere[..] {
        [] => {}
        [one] => action.push_str(&format!(", replacing {} by {}", one.from, one.to)),
        more => action.push_str(&format!(
            ", changing the repository of {} containers",
            more.len()
        )),
    }
    Question {
        action,
        workloads: changes.len(),
        place: place_of(changes, draft.origin.cluster()),
    }
}

/// Writes the plan, and tells of each workload as it is done. The second value is
/// the edited text of standard input.
fn write(
    draft: &Draft,
    manner: &Manner<'_>,
    runtime: &Runtime,
    terminal: &mut Terminal,
) -> (Vec<Told>, Option<String>) {
    let dry_run = manner.flags.dry_run();
    let globals = manner.registry.globals;
    let cluster = draft.origin.cluster();
    let stdout_is_taken = passed_on(draft, manner).is_some();
    let teller = RefCell::new(Teller::new(manner, stdout_is_taken, terminal));
    let Some(cluster) = cluster else {
        let stdin = match &draft.origin {
            Origin::Files { stdin } => stdin.as_deref(),
            Origin::Saved | Origin::Cluster(_) => None,
        };
        let writer = FileWriter {
            dry_run,
            authorship: &draft.authorship,
            default_namespace: default_namespace(globals),
            stdin,
        };
        let (applied, text) = write_files(&draft.plan, &writer);
        let mut teller = teller.into_inner();
        for applied in &applied {
            teller.applied(applied);
        }
        return (teller.end(), text);
    };
    let observed: Vec<Observed> = draft
        .plan
        .changes
        .iter()
        .filter_map(|change| draft.objects.seen.get(&change.workload))
        .map(|seen| seen.observed.clone())
        .collect();
    let writer = LiveWriter {
        cluster,
        dry_run,
        field_manager: &manner.flags.field_manager,
        authorship: &draft.authorship,
    };
    let is_interrupted = runtime.block_on(async {
        let work = async {
            match manner.wait {
                Some(limit) => {
                    let report = |event: WaitEvent<'_>| teller.borrow_mut().event(&event, limit);
                    write_and_wait(&draft.plan, &observed, &writer, limit, &report).await;
                }
                None => {
                    let report = |applied: &_| teller.borrow_mut().applied(applied);
                    write_live(&draft.plan, &observed, &writer, &report).await;
                }
            }
        };
        tokio::select! {
            () = work => false,
            Ok(()) = tokio::signal::ctrl_c() => true,
        }
    });
    let mut teller = teller.into_inner();
    if is_interrupted {
        teller.interrupted(&draft.plan);
    }
    (teller.end(), None)
}

fn data(draft: &Draft, manner: &Manner<'_>, told: &[Told]) -> ImageUpdateList {
    let dry_run = manner.flags.dry_run().as_str();
    let context = draft.context.clone();
    let mut list = ImageUpdateList::new(context, draft.authorship.at.into(), dry_run);
    list.overrides = manner.overrides.words();
    list.errors = draft.errors.iter().map(Into::into).collect();
    list.held_back = draft.plan.held_back.iter().map(Into::into).collect();
    for change in &draft.plan.changes {
        let its = told.iter().find(|told| told.is_about(change));
        let result = its.map_or(WriteResult::NotStarted, |told| told.result);
        let mut item = ImageUpdate::new(change, result, its.and_then(|t| t.error.clone()));
        item.notes
            .extend(its.into_iter().flat_map(|told| told.notes.iter().cloned()));
        list.items.push(item);
    }
    list
}

/// 1 where something that was asked for is not as it was wished: it could not be
/// read, written, or even decided. What a policy, a lock or a limit holds back is
/// as somebody wished.
fn exit_code(draft: &Draft, told: &[Told]) -> ExitCode {
    let is_refused = |hold: HoldReason| match hold {
        HoldReason::Owned
        | HoldReason::Gone
        | HoldReason::Unconfirmed
        | HoldReason::Undecided
        | HoldReason::ChangedSince
        | HoldReason::NotAccepted
        | HoldReason::NotAnImage
        | HoldReason::NotWritable
        | HoldReason::OtherRepository
        | HoldReason::NoRecord => true,
        HoldReason::Manual
        | HoldReason::Locked
        | HoldReason::Ignored
        | HoldReason::Downgrade
        | HoldReason::VariantChange
        | HoldReason::BeyondMax
        | HoldReason::AlreadyRolledBack => false,
    };
    let held_back = draft.plan.held_back.iter();
    if told.iter().any(|told| told.is_interrupted) {
        ExitCode::from(INTERRUPTED)
    } else if !draft.errors.is_empty()
        || told.iter().any(Told::is_failure)
        || held_back.map(|held| held.hold).any(is_refused)
    {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// The command that puts a workload back.
pub(crate) fn rollback_command(id: &WorkloadId, registry: &Registry<'_>) -> String {
    let mut words = ["kubectl", "imgpolicy", "rollback"]
        .map(str::to_owned)
        .to_vec();
    words.extend([id.exact(), "-n".to_owned(), id.namespace.clone()]);
    words.extend(registry.globals.repeated());
    words.extend(registry.flags.repeated());
    words.extend(registry.pull_secrets.repeated().map(str::to_owned));
    command_line(words.iter().map(String::as_str))
}
