//! From a plan to its results: preflight, preview, prompt, write, results.
//!
//! Every command that writes uses this pipeline, so that `-o`, `--dry-run`, `-f -`, Ctrl-C
//! and the exit code mean the same in all of them.

use std::cell::RefCell;

use super::job::{ApplyEnd, ApplyJob, ApplyOptions, JobKind};
use super::results::{ResultReporter, RunResults, exit_code, print_data, print_summary};
use super::{caveats, effect, preflight, preview};
use crate::cli::error::CommandError;
use crate::cli::gather::kustomizations::{KustomizationOrigin, Settling};
use crate::cli::gather::workloads::{WorkloadOrigin, default_namespace};
use crate::cli::menu;
use crate::cli::runtime::{interrupts, now, runtime};
use crate::cli::terminal::confirm::confirm;
use crate::cli::terminal::streams::Terminal;
use crate::collect::FreshLook;
use crate::plan::Plan;
use crate::write::{
    CommittedFiles, DryRun, FileWriter, GitWriter, KustomizationWriter, LiveWriter, Recheck,
    StopSignal, WriteContext, WriteEvent, Writer,
};

/// Checks the plan, shows it, asks for confirmation, writes it and reports the results.
///
/// # Errors
///
/// A flag makes no sense, the user declined, or Ctrl-C came before the write. Nothing was
/// changed then.
pub(crate) fn apply(
    mut job: ApplyJob,
    options: &ApplyOptions<'_>,
    terminal: &mut Terminal,
) -> Result<ApplyEnd, CommandError> {
    preflight::check(&mut job, options, terminal)?;
    let commands = choose(&mut job.plan, options, terminal)?;
    if let Some(max) = options.max {
        job.plan.limit(max);
    }
    settle_again(&mut job, options)?;
    for error in &job.errors {
        terminal.scope_error(error);
    }
    let writer = writer(&job, options);
    let checked = runtime()?.block_on(writer.check(&job.plan));
    checked.map_err(CommandError::git)?;
    let uses_stdout = writer.uses_stdout();
    let edits = writer.edits(&job.plan, &job.observed());
    if let JobKind::Images(planned) = &mut job.kind {
        *planned = edits;
    }
    let mut reporter = ResultReporter::new(options, uses_stdout);
    if let JobKind::Annotations(annotations) = &job.kind {
        caveats::before(annotations, terminal);
        for (_, applied) in &annotations.not_written {
            reporter.applied(applied, terminal);
        }
    }
    preview::show(&job, options, terminal);
    effect::show(&mut job, options, terminal)?;
    if options.dry_run() == DryRun::None
        && let Some(mut prompt) = preview::prompt(&job, options)
    {
        if let Some(git) = options.git {
            git.note_ahead(true, terminal);
            prompt.location.push_str(&git.place()?);
        }
        confirm(&prompt, options.write.yes, terminal)?;
    }
    if let Some(git) = options.git.filter(|_| job.plan.is_empty()) {
        git.note_ahead(false, terminal);
    }
    let (results, stdout) = match write(&job, options, reporter, terminal)? {
        WriteEnd::Reported(results, stdout) => (results, stdout),
        WriteEnd::Overtaken => return Ok(ApplyEnd::Overtaken),
    };
    if let Some(text) = stdout {
        terminal.write_raw(&text).map_err(|error| {
            CommandError::failed(format!("cannot write standard output: {error}"))
        })?;
    }
    print_data(&job, options, &results, terminal)?;
    caveats::after(&job, options, &results, terminal)?;
    print_summary(options, &results, terminal);
    menu::report_commands(&commands, terminal);
    Ok(ApplyEnd::Reported(exit_code(&job, options, &results)))
}

/// What a write did.
enum WriteEnd {
    /// The results, and the text for standard output.
    Reported(Box<RunResults>, Option<String>),
    /// Nothing was written, because others have pushed first.
    Overtaken,
}

/// Holds back what can no longer be written into a kustomization without anything else, after
/// a check or the user has removed changes.
fn settle_again(job: &mut ApplyJob, options: &ApplyOptions<'_>) -> Result<(), CommandError> {
    let Some(kustomizations) = job.origin.kustomizations() else {
        return Ok(());
    };
    let settling = Settling {
        default_namespace: default_namespace(options.globals),
        overrides: options.overrides,
        may_add: false,
        at: job.authorship.at,
    };
    kustomizations.settle(&mut job.plan, &settling)
}

/// Narrows the plan to what the user chooses from a menu, and returns the commands that do
/// the same without a menu.
fn choose(
    plan: &mut Plan,
    options: &ApplyOptions<'_>,
    terminal: &mut Terminal,
) -> Result<Vec<String>, CommandError> {
    let Some(scope) = options.menu else {
        return Ok(Vec::new());
    };
    let chosen = menu::choose_updates(plan.clone(), terminal)?;
    let commands = menu::update_commands(plan, &chosen, scope);
    *plan = chosen;
    Ok(commands)
}

fn writer<'a>(job: &'a ApplyJob, options: &'a ApplyOptions<'_>) -> Writer<'a> {
    let dry_run = options.dry_run();
    let authorship = &job.authorship;
    let (stdin, policy_files, kustomizations) = match &job.origin {
        WorkloadOrigin::Cluster(cluster) => {
            return Writer::Live(LiveWriter {
                cluster,
                dry_run,
                field_manager: &options.write.field_manager,
                authorship,
                clock: now,
                fence: None,
            });
        }
        WorkloadOrigin::Kustomization(origin) => {
            let files =
                CommittedFiles::Kustomizations(kustomization_writer(job, options, origin, None));
            return file_writer(files, job, options);
        }
        WorkloadOrigin::Files {
            stdin,
            policy_files,
            kustomizations,
            ..
        } => (stdin.as_deref(), policy_files.as_slice(), kustomizations),
    };
    let files = FileWriter {
        dry_run,
        authorship,
        default_namespace: default_namespace(options.globals),
        stdin,
        policy_files,
        locks: job.locks.as_deref(),
        journal: options.git.map(|git| git.journal.as_path()),
    };
    let files = match kustomizations {
        None => CommittedFiles::Plain(files),
        Some(origin) => {
            CommittedFiles::Kustomizations(kustomization_writer(job, options, origin, Some(files)))
        }
    };
    file_writer(files, job, options)
}

/// Writes files, with a commit if the user wants one.
fn file_writer<'a>(
    files: CommittedFiles<'a>,
    job: &ApplyJob,
    options: &'a ApplyOptions<'_>,
) -> Writer<'a> {
    match (options.git, files) {
        (Some(git), files) => Writer::Git(GitWriter {
            files,
            repository: &git.repository,
            push: git.push.as_ref(),
            per: git.per,
            template: git.template.as_ref(),
            at: job.authorship.at,
            may_retry: git.may_retry,
        }),
        (None, CommittedFiles::Plain(files)) => Writer::Files(files),
        (None, CommittedFiles::Kustomizations(files)) => Writer::Kustomization(files),
    }
}

fn kustomization_writer<'a>(
    job: &'a ApplyJob,
    options: &'a ApplyOptions<'_>,
    origin: &'a KustomizationOrigin,
    files: Option<FileWriter<'a>>,
) -> KustomizationWriter<'a> {
    KustomizationWriter {
        dry_run: options.dry_run(),
        kustomizations: &origin.kustomizations,
        builder: &origin.builder,
        files,
        default_namespace: default_namespace(options.globals),
        overrides: options.overrides,
        at: job.authorship.at,
        locks: job.locks.as_deref(),
        journal: options.git.map(|git| git.journal.as_path()),
    }
}

/// Writes the plan and reports each workload when it is done.
fn write(
    job: &ApplyJob,
    options: &ApplyOptions<'_>,
    reporter: ResultReporter<'_>,
    terminal: &mut Terminal,
) -> Result<WriteEnd, CommandError> {
    // What could not be read may have an update.
    let nothing = options.wording.nothing.filter(|_| job.errors.is_empty());
    if job.plan.is_empty()
        && let Some(text) = job.empty.as_deref().or(nothing)
    {
        terminal.note(text);
    }
    let writer = writer(job, options);
    let observed = job.observed();
    let shared = RefCell::new((reporter, terminal));
    let (written, is_interrupted) = runtime()?.block_on(async {
        let stop = StopSignal::new(interrupts());
        let recheck = recheck(job, options);
        let context = WriteContext {
            observed: &observed,
            recheck: recheck.as_ref(),
            wait: options.wait,
            stop: &stop,
        };
        let report = |event: WriteEvent<'_>| {
            let (reporter, terminal) = &mut *shared.borrow_mut();
            reporter.event(&event, terminal);
        };
        let written = writer.write(&job.plan, &context, &report).await;
        (written, stop.is_requested())
    });
    if written.is_overtaken {
        return Ok(WriteEnd::Overtaken);
    }
    let (mut reporter, terminal) = shared.into_inner();
    reporter.markers(&job.plan, &written.markers, terminal);
    reporter.commit(written.commit, terminal);
    if is_interrupted {
        reporter.interrupted(terminal);
    }
    let results = Box::new(reporter.into_results());
    Ok(WriteEnd::Reported(results, written.stdout))
}

/// How to look up the images of a job again.
fn recheck<'a>(job: &'a ApplyJob, options: &ApplyOptions<'_>) -> Option<Recheck<'a>> {
    let (confirmation, access) = (job.confirmation.as_ref()?, options.registry?);
    Some(Recheck {
        look: FreshLook {
            as_user: &confirmation.as_user,
            as_workload: &confirmation.as_workload,
            pull_secrets: access
                .pull_secrets
                .with(job.origin.cluster(), job.origin.secrets()),
            accepts_unconfirmed: options.overrides.unconfirmed,
        },
        confirmed_at: confirmation.at,
    })
}
