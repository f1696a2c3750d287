//! Turns named workloads and an edit of their annotations into a job.

use std::path::Path;
use std::process::ExitCode;

use super::author::authorship;
use super::git_target;
use super::job::{
    AnnotationJob, ApplyEnd, ApplyJob, ApplyOptions, JobKind, PlannedEdit, Wording, file_locks,
};
use super::pipeline::apply;
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::git::GitFlag;
use crate::cli::flags::registry::RegistryAccess;
use crate::cli::flags::target::{TargetArgs, WriteFlags};
use crate::cli::gather::git_auto;
use crate::cli::gather::workloads::{Reading, read_workloads};
use crate::cli::runtime::{runtime, unless_interrupted};
use crate::cli::terminal::streams::Terminal;
use crate::collect::ObservedObjects;
use crate::output::held_back_lines;
use crate::plan::{
    Authorship, Change, CommitPer, Edit, Overrides, Plan, PolicyEdit, has_nothing_to_automate,
    plan_policy,
};
use crate::workload::{Names, Workload};
use crate::write::{Applied, Done, WriteError};

const WORDING: Wording = Wording {
    action: "Edit",
    line: "annotated",
    done: "annotated",
    is_rollback: false,
    nothing: None,
};

/// How a command that edits annotations writes them. `registry`: how to query registries
/// for the effect of the edit.
pub(crate) fn options<'a>(
    write: &'a WriteFlags,
    registry: Option<&'a RegistryAccess>,
    globals: &'a Globals,
) -> ApplyOptions<'a> {
    ApplyOptions {
        wording: WORDING,
        write,
        overrides: Overrides::default(),
        is_recorded: true,
        wait: None,
        max: None,
        menu: None,
        registry,
        git: None,
        globals,
    }
}

/// Makes the same edit on every named workload, in the repository of `git` if there is one.
pub(crate) fn run(
    edit: &PolicyEdit,
    target: &TargetArgs,
    git: &GitFlag,
    options: &ApplyOptions<'_>,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    in_repository(
        target,
        git,
        options,
        terminal,
        |target, options, terminal| edit_all(edit, target, options, terminal),
    )
}

/// Carries out a command with the files of a repository among its targets, and commits what it
/// writes. Without a repository, it is carried out as it is.
///
/// # Errors
///
/// The flags contradict each other, the repository cannot be opened, or the command fails.
pub(crate) fn in_repository(
    target: &TargetArgs,
    git: &GitFlag,
    options: &ApplyOptions<'_>,
    terminal: &mut Terminal,
    mut carry_out: impl FnMut(
        &TargetArgs,
        &ApplyOptions<'_>,
        &mut Terminal,
    ) -> Result<ApplyEnd, CommandError>,
) -> Result<ExitCode, CommandError> {
    let dry_run = options.dry_run();
    let (mut target, git) = git_auto::look_up(target, git, dry_run, options.globals, terminal)?;
    let git = &git;
    target.add_files(git.paths());
    git.check(target.place(), None, options.dry_run())?;
    if git.commit_per() == CommitPer::Image {
        return Err(CommandError::usage(
            "--commit-per image is for images; annotations belong to workloads: use --commit-per \
             workload",
        ));
    }
    let mut registry = options.registry.cloned();
    // A clone becomes the current folder, and local paths must not depend on it.
    if let (true, Some(access)) = (git.is_url(), &mut registry) {
        let made = access.registry.make_paths_absolute();
        made.map_err(CommandError::failed)?;
    }
    let repository = git_target::open(git, terminal)?;
    git_target::until_pushed(repository, options.dry_run(), terminal, |git, terminal| {
        let options = ApplyOptions {
            git,
            registry: registry.as_ref(),
            ..*options
        };
        carry_out(&target, &options, terminal)
    })
}

fn edit_all(
    edit: &PolicyEdit,
    target: &TargetArgs,
    options: &ApplyOptions<'_>,
    terminal: &mut Terminal,
) -> Result<ApplyEnd, CommandError> {
    let reading = read(target, options)?;
    if let Some(skipped) = &reading.skipped {
        terminal.note(skipped);
    }
    let workloads = &reading.snapshot.workloads;
    let names = Names::among(workloads.iter().map(|workload| &workload.id));
    for workload in workloads {
        if has_nothing_to_automate(workload, edit) {
            let name = names.name(&workload.id);
            terminal.note(&format!("nothing to automate: {name} has no image"));
        }
    }
    let plan = plan_policy(workloads, edit);
    apply_plan(plan, reading, options, terminal)
}

/// Reads the named workloads, after checking that the flags make sense.
pub(crate) fn read(
    target: &TargetArgs,
    options: &ApplyOptions<'_>,
) -> Result<Reading, CommandError> {
    let selector = target.chosen()?;
    let place = target.place();
    target.check_write(options.write)?;
    if let Some(registry) = options.registry
        && !place.filename.is_empty()
    {
        registry.pull_secrets.check("-f")?;
    }
    unless_interrupted(runtime()?, read_workloads(place, selector, options.globals))?
}

/// Applies a plan whose changes are annotation edits, on workloads that were already read.
pub(crate) fn apply_plan(
    plan: Plan,
    reading: Reading,
    options: &ApplyOptions<'_>,
    terminal: &mut Terminal,
) -> Result<ApplyEnd, CommandError> {
    let Reading {
        snapshot,
        origin,
        empty,
        ..
    } = reading;
    for line in held_back_lines(&plan.held_back, plan.spans_namespaces()) {
        terminal.note(&line);
    }
    let is_empty = snapshot.workloads.is_empty() && snapshot.errors.is_empty();
    let folder = options.git.map(|git| git.repository.top());
    let folder = folder.unwrap_or(Path::new("."));
    let by = authorship(origin.cluster(), folder, Vec::new(), true);
    let authorship = unless_interrupted(runtime()?, by)?;
    let (edits, not_written) = compute_edits(plan, &snapshot.workloads, &authorship);
    let job = ApplyJob {
        plan: Plan {
            changes: edits.iter().map(|edit| edit.change.clone()).collect(),
            ..Plan::default()
        },
        origin,
        objects: ObservedObjects::default(),
        locks: file_locks(),
        confirmation: None,
        context: snapshot.context.clone(),
        authorship,
        errors: snapshot.errors.clone(),
        empty: is_empty.then_some(empty),
        kind: JobKind::Annotations(Box::new(AnnotationJob {
            snapshot,
            edits,
            not_written,
            effect: Vec::new(),
        })),
    };
    apply(job, options, terminal)
}

/// Computes the edits. The second list holds the changes that need no edit, or whose edit
/// is refused.
fn compute_edits(
    plan: Plan,
    workloads: &[Workload],
    authorship: &Authorship,
) -> (Vec<PlannedEdit>, Vec<(Change, Applied)>) {
    let mut edits = Vec::new();
    let mut not_written = Vec::new();
    for mut change in plan.changes {
        change.policy = change.policy.map(|policy| policy.signed(authorship));
        let mut workloads = workloads.iter();
        let found = workloads.find(|workload| change.is_for(workload));
        let Some(before) = found else {
            continue;
        };
        let edit = match &change.policy {
            Some(policy) => policy.edit_of(before),
            None => Ok(Edit::default()),
        };
        match edit {
            Ok(edit) if !edit.is_empty() => edits.push(PlannedEdit {
                change,
                edit,
                before: before.clone(),
            }),
            result => {
                let applied = Applied {
                    workload: change.workload.clone(),
                    source: change.source.clone(),
                    result: result.map(|_| Done::Unchanged).map_err(WriteError::from),
                    notes: Vec::new(),
                    stuck: Vec::new(),
                };
                not_written.push((change, applied));
            }
        }
    }
    (edits, not_written)
}
