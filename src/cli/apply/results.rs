//! The result of each workload: as kubectl's lines, as data, and as an exit code.

use std::process::ExitCode;

use super::commit;
use super::job::{AnnotationJob, ApplyJob, ApplyOptions, JobKind};
use super::marker_results::{self, MarkerResult};
use super::result_lines::{INTERRUPTED_WRITE, ResultLines, dry_run_suffix};
use crate::cli::error::{CommandError, INTERRUPTED};
use crate::cli::flags::client::Globals;
use crate::cli::flags::registry::RegistryAccess;
use crate::cli::terminal::streams::Terminal;
use crate::git::GitError;
use crate::output::{
    AnnotationEdit, AnnotationEditList, EditResult, Format, ImageUpdate, ImageUpdateList,
    WriteResult, command_line, encode, results_line,
};
use crate::plan::{Change, Edit, HoldReason, Plan};
use crate::workload::{ManifestSource, PodProblem, WorkloadId};
use crate::write::{Applied, Delivery, Done, DryRun, MarkerApplied, Rollout, SLOW, WriteEvent};

/// The result of one workload, as it was reported.
#[derive(Debug)]
pub(crate) struct WorkloadResult {
    workload: WorkloadId,
    source: Option<ManifestSource>,
    pub(crate) result: WriteResult,
    /// Why it failed.
    error: Option<String>,
    notes: Vec<String>,
    is_written: bool,
}

/// The results of a run.
#[derive(Debug)]
pub(crate) struct RunResults {
    pub(crate) workloads: Vec<WorkloadResult>,
    pub(crate) markers: Vec<MarkerResult>,
    pub(crate) commit: Option<Delivery>,
    /// Whether Ctrl-C was pressed during the write.
    pub(crate) is_interrupted: bool,
}

impl WorkloadResult {
    pub(crate) fn is_about(&self, change: &Change) -> bool {
        self.workload == change.workload && self.source == change.source
    }

    /// Whether it was written, whatever became of its rollout.
    pub(crate) fn is_written(&self) -> bool {
        self.is_written
    }

    fn is_failure(&self) -> bool {
        matches!(
            self.result,
            WriteResult::Failed | WriteResult::NotStarted | WriteResult::Unknown
        )
    }
}

/// Reports workloads as they finish.
pub(crate) struct ResultReporter<'a> {
    options: &'a ApplyOptions<'a>,
    results: Vec<WorkloadResult>,
    markers: Vec<MarkerResult>,
    commit: Option<Delivery>,
    is_interrupted: bool,
    lines: ResultLines,
}

impl<'a> ResultReporter<'a> {
    /// `uses_stdout`: standard output gets the edited manifests and nothing else.
    pub(crate) fn new(options: &'a ApplyOptions<'a>, uses_stdout: bool) -> Self {
        Self {
            options,
            results: Vec::new(),
            markers: Vec::new(),
            commit: None,
            is_interrupted: false,
            lines: ResultLines {
                output: options.write.output,
                dry_run: options.dry_run(),
                uses_stdout,
            },
        }
    }

    /// Reports that a workload was written, or why not.
    pub(crate) fn applied(&mut self, applied: &Applied, terminal: &mut Terminal) {
        let Applied {
            workload,
            source,
            result,
            notes,
            stuck,
        } = applied;
        let lines = self.lines;
        let (result, error) = match result {
            Ok(Done::Written) => {
                lines.done(workload, self.options.wording.line, terminal);
                match lines.dry_run {
                    DryRun::None => (WriteResult::Updated, None),
                    DryRun::Client | DryRun::Server => (WriteResult::Planned, None),
                }
            }
            Ok(Done::Unchanged) => {
                lines.done(workload, "unchanged", terminal);
                (WriteResult::Unchanged, None)
            }
            Ok(Done::NotStarted) => {
                terminal.note(&format!("{workload}: not started because of the failure"));
                (WriteResult::NotStarted, None)
            }
            Ok(Done::Stopped) => (WriteResult::NotStarted, Some("interrupted".to_owned())),
            Ok(Done::Unknown) => {
                let error = "the server has not answered, so it may or may not have been written";
                terminal.error(&format!("error: {workload}: {error}"));
                (WriteResult::Unknown, Some(error.to_owned()))
            }
            Err(error) => {
                let error = lines.failed(workload, error, terminal);
                (WriteResult::Failed, Some(error))
            }
        };
        for note in notes {
            terminal.note(&format!("{workload}: {note}"));
        }
        self.stuck(workload, stuck, terminal);
        self.results.push(WorkloadResult {
            workload: workload.clone(),
            source: source.clone(),
            result,
            error,
            notes: notes.clone(),
            is_written: result == WriteResult::Updated,
        });
    }

    /// Reports the marked values of files.
    pub(crate) fn markers(
        &mut self,
        plan: &Plan,
        applied: &[MarkerApplied],
        terminal: &mut Terminal,
    ) {
        self.markers = marker_results::report(plan, applied, self.options, self.lines, terminal);
    }

    /// Reports the commit of the files, or why there is none.
    pub(crate) fn commit(
        &mut self,
        made: Option<Result<Delivery, GitError>>,
        terminal: &mut Terminal,
    ) {
        self.commit = made.and_then(|made| commit::report(made, self.lines, terminal));
    }

    /// Reports what happens during the write.
    pub(crate) fn event(&mut self, event: &WriteEvent<'_>, terminal: &mut Terminal) {
        let (id, error) = match event {
            WriteEvent::Applied(applied) => return self.applied(applied, terminal),
            WriteEvent::Stuck(id, pods) => return self.stuck(id, pods, terminal),
            WriteEvent::Slow(id) => {
                return terminal.note(&format!(
                    "{id}: waiting: the API server has not answered for {} s; an admission \
                     webhook may be slow",
                    SLOW.as_secs()
                ));
            }
            WriteEvent::Waiting(id, text) => {
                return terminal.note(&format!("{id}: waiting: {text}"));
            }
            WriteEvent::Ended(id, Rollout::Complete) => {
                return terminal.note(&format!("{id}: rolled out"));
            }
            WriteEvent::Ended(id, Rollout::NothingToFollow(why)) => {
                return terminal.note(&format!("{id}: nothing to wait for: {why}"));
            }
            WriteEvent::Ended(id, Rollout::Stopped(waiting)) => {
                terminal.note(&format!(
                    "{id}: its rollout is still in progress: {waiting}"
                ));
                return self.suggest_rollback(id, terminal);
            }
            WriteEvent::Ended(id, Rollout::Failed(why)) => {
                (id, format!("the rollout failed: {why}"))
            }
            WriteEvent::Ended(id, Rollout::TimedOut(waiting)) => {
                let limit = self.options.wait.unwrap_or_default();
                let limit = jiff::SignedDuration::try_from(limit).unwrap_or_default();
                (id, format!("not rolled out within {limit:#}: {waiting}"))
            }
            WriteEvent::Ended(id, Rollout::Unknown(why)) => {
                (id, format!("it is not known whether it rolled out: {why}"))
            }
        };
        let is_known = !matches!(event, WriteEvent::Ended(_, Rollout::Unknown(_)));
        terminal.error(&format!("error: {id}: {error}"));
        if is_known {
            self.suggest_rollback(id, terminal);
        }
        if let Some(result) = self.results.iter_mut().rfind(|one| one.workload == **id) {
            result.result = WriteResult::Failed;
            result.error = Some(error);
        }
    }

    /// After Ctrl-C: says what was not done.
    pub(crate) fn interrupted(&mut self, terminal: &mut Terminal) {
        let mut results = self.results.iter();
        if results.any(|own| matches!(own.result, WriteResult::NotStarted | WriteResult::Unknown)) {
            terminal.note(INTERRUPTED_WRITE);
        }
        self.is_interrupted = true;
    }

    /// Everything that was reported.
    pub(crate) fn into_results(self) -> RunResults {
        RunResults {
            workloads: self.results,
            markers: self.markers,
            commit: self.commit,
            is_interrupted: self.is_interrupted,
        }
    }

    /// Names the Pods that a StatefulSet waits for, and how to go on.
    fn stuck(&self, id: &WorkloadId, pods: &[PodProblem], terminal: &mut Terminal) {
        let Some(first) = pods.first() else { return };
        let names: Vec<&str> = pods.iter().map(|stuck| stuck.pod.as_str()).collect();
        let mut words = vec!["kubectl", "delete", "pod"];
        words.extend(&names);
        words.extend(["-n", &id.namespace]);
        let flags = self.options.globals.given.to_args::<Globals>();
        words.extend(flags.iter().map(String::as_str));
        let (which, it) = match &names[..] {
            [one] => (format!("Pod {one}"), "it is"),
            more => (format!("Pods {}", more.join(", ")), "they are"),
        };
        let when = if self.options.wording.is_rollback {
            ""
        } else {
            " after the rollback"
        };
        terminal.note(&format!(
            "{id}: {which} ({}) cannot start, and is replaced only when {it} deleted{when}: {}",
            first.reason,
            command_line(words.into_iter())
        ));
    }

    fn suggest_rollback(&self, id: &WorkloadId, terminal: &mut Terminal) {
        // Without a record, there is nothing that `rollback` could restore.
        if self.options.wording.is_rollback || !self.options.is_recorded {
            return;
        }
        let command = rollback_command(id, self.options.globals);
        terminal.note(&format!("roll back with: {command}"));
    }
}

/// The command that rolls a workload back.
pub(crate) fn rollback_command(id: &WorkloadId, globals: &Globals) -> String {
    let mut words = ["kubectl", "imgpolicy", "rollback"]
        .map(str::to_owned)
        .to_vec();
    words.extend([id.exact(), "-n".to_owned(), id.namespace.clone()]);
    words.extend(globals.given.to_args::<Globals>());
    words.extend(globals.given.to_args::<RegistryAccess>());
    command_line(words.iter().map(String::as_str))
}

/// Prints the results as data, for `-o json` and `-o yaml`.
///
/// # Errors
///
/// The data cannot be encoded.
pub(crate) fn print_data(
    job: &ApplyJob,
    options: &ApplyOptions<'_>,
    results: &RunResults,
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    let Some(format) = options.write.output.and_then(Format::data) else {
        return Ok(());
    };
    let text = match &job.kind {
        JobKind::Images(edits) => encode(&image_list(job, edits, options, results), format),
        JobKind::Annotations(annotations) => {
            encode(&annotation_list(annotations, options, results), format)
        }
    };
    terminal.print(&text.map_err(CommandError::failed)?);
    Ok(())
}

fn image_list(
    job: &ApplyJob,
    edits: &[Option<Edit>],
    options: &ApplyOptions<'_>,
    run: &RunResults,
) -> ImageUpdateList {
    let results = &run.workloads;
    let dry_run = options.dry_run().as_str();
    let mut list = ImageUpdateList::new(job.context.clone(), job.authorship.at.into(), dry_run);
    list.overrides = options.overrides.words();
    list.errors = job.errors.iter().map(Into::into).collect();
    list.held_back = job.plan.held_back.iter().map(Into::into).collect();
    list.markers = marker_results::items(job, &run.markers);
    list.delivery = run.commit.as_ref().and_then(commit::item);
    let edits = edits
        .iter()
        .map(Option::as_ref)
        .chain(std::iter::repeat(None));
    for (change, edit) in job.plan.changes.iter().zip(edits) {
        let own = results.iter().find(|result| result.is_about(change));
        let result = own.map_or(WriteResult::NotStarted, |own| own.result);
        let mut item = ImageUpdate::new(change, result, own.and_then(|own| own.error.clone()));
        item.annotations = edit
            .map(|edit| edit.annotations.clone())
            .unwrap_or_default();
        item.notes
            .extend(own.into_iter().flat_map(|own| own.notes.iter().cloned()));
        list.items.push(item);
    }
    list
}

fn annotation_list(
    annotations: &AnnotationJob,
    options: &ApplyOptions<'_>,
    run: &RunResults,
) -> AnnotationEditList {
    let results = &run.workloads;
    let not_written = annotations
        .not_written
        .iter()
        .map(|(change, _)| (change, None));
    let edits = annotations
        .edits
        .iter()
        .map(|edit| (&edit.change, Some(&edit.edit)));
    let mut changes: Vec<(&Change, Option<&Edit>)> = not_written.chain(edits).collect();
    changes.sort_by_key(|(change, _)| {
        let id = &change.workload;
        (id.namespace.clone(), id.name.clone(), id.kind.to_string())
    });
    let items = changes.into_iter().map(|(change, edit)| {
        let mut item = AnnotationEdit::new(change, edit);
        if let Some(own) = results.iter().find(|result| result.is_about(change)) {
            item.result = match own.result {
                WriteResult::Planned => EditResult::Planned,
                WriteResult::Updated => EditResult::Annotated,
                WriteResult::Unchanged => EditResult::Unchanged,
                WriteResult::Failed => EditResult::Failed,
                WriteResult::NotStarted => EditResult::NotStarted,
                WriteResult::Unknown => EditResult::Unknown,
            };
            item.error.clone_from(&own.error);
            item.notes.extend(own.notes.iter().cloned());
        }
        item
    });
    let dry_run = options.dry_run().as_str();
    let snapshot = &annotations.snapshot;
    let mut list = AnnotationEditList::new(snapshot, dry_run, items.collect(), &annotations.effect);
    list.delivery = run.commit.as_ref().and_then(commit::item);
    list
}

/// Prints how many workloads had each result, if there are several.
pub(crate) fn print_summary(
    options: &ApplyOptions<'_>,
    results: &RunResults,
    terminal: &mut Terminal,
) {
    let workloads = results.workloads.iter().map(|result| result.result);
    let markers = results.markers.iter().map(|result| result.result);
    let all: Vec<WriteResult> = workloads.chain(markers).collect();
    if all.len() > 1 {
        let line = results_line(&all, options.wording.done);
        terminal.note(&format!("{line}{}", dry_run_suffix(options.dry_run())));
    }
}

/// 130 after Ctrl-C. 1 if something could not be read, written or decided as requested.
/// What a policy, a lock or a limit holds back is intended, and does not count.
pub(crate) fn exit_code(
    job: &ApplyJob,
    options: &ApplyOptions<'_>,
    results: &RunResults,
) -> ExitCode {
    // A menu shows what is held back, and the user chose among the rest.
    let shown = options.menu.is_some();
    let mut held_back = job.plan.held_back.iter().filter(|_| !shown);
    if results.is_interrupted {
        ExitCode::from(INTERRUPTED)
    } else if !job.errors.is_empty()
        || results.workloads.iter().any(WorkloadResult::is_failure)
        || held_back.any(|held| is_failure(held.hold))
        || marker_results::is_failure(&job.plan, &results.markers)
    {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Whether anything held back for this reason counts as a failure.
fn is_failure(hold: HoldReason) -> bool {
    match hold {
        HoldReason::Owned
        | HoldReason::Gone
        | HoldReason::Unconfirmed
        | HoldReason::Undecided
        | HoldReason::ChangedSince
        | HoldReason::NotAccepted
        | HoldReason::NotAnImage
        | HoldReason::NotWritable
        | HoldReason::OverriddenByKustomization
        | HoldReason::OtherRepository
        | HoldReason::NoRecord => true,
        HoldReason::Manual
        | HoldReason::Locked
        | HoldReason::Ignored
        | HoldReason::Downgrade
        | HoldReason::VariantChange
        | HoldReason::ChartTag
        | HoldReason::WaitingForWindow
        | HoldReason::BeyondMax
        | HoldReason::BeingDeleted
        | HoldReason::AlreadyRolledBack => false,
    }
}
