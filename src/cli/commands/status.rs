//! `status`: collect, assess, show.

use std::process::ExitCode;

use clap::{ArgAction, Args, ValueEnum};

use crate::cli::error::CommandError;
use crate::cli::error::INTERRUPTED;
use crate::cli::flags::client::Globals;
use crate::cli::flags::decisions::PolicyFlags;
use crate::cli::flags::git_place::GitPlaceFlags;
use crate::cli::flags::output::OutputFormat;
use crate::cli::flags::registry::RegistryFlags;
use crate::cli::flags::scope::ScopeArgs;
use crate::cli::gather::scan;
use crate::cli::gather::scan::Collected;
use crate::cli::terminal::streams::Terminal;
use crate::evaluator::{self, Assessment, Outcome, Row, State};
use crate::output::{
    Column, Format, ImageStatusList, TableOptions, closing_lines, controller_line,
    image_policies_table, image_policy_warnings, kept_marker_lines, markers_line, markers_table,
    names, status_table,
};
use crate::plan::{MarkerDecision, MarkerInput, MarkerSpec, Overrides, plan_markers};
use crate::workload::spans_namespaces;

/// Show the update that each container's policy calls for, and why
///
/// No registry is queried for a container that is ignored, or that is not automated and has no
/// policy (unless --assume gives it one). The exit code is 0 if all objects could be read;
/// --exit-code also reports pending updates.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # All workloads in the namespace
  kubectl imgpolicy status

  # What would change in all namespaces, for a script
  kubectl imgpolicy status -A --only updates -o json

  # Two workloads, with the repository, the origin of the policy, and warnings
  kubectl imgpolicy status deployment/web statefulset/db -o wide

  # Manifests instead of a cluster; fail a pipeline when updates are pending
  kubectl imgpolicy status -f ./manifests -R --exit-code

  # Where the image of each live workload is written, and what differs
  kubectl imgpolicy status -A --git .

  # What a kustomization builds, and where each image is written
  kubectl imgpolicy status -k ./apps/prod -o json

  # Possible updates for containers without a policy
  kubectl imgpolicy status --assume auto")]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    scope: ScopeArgs,

    #[command(flatten)]
    git: GitPlaceFlags,

    /// Output format: table, wide, json, yaml or name
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        default_value = "table",
        hide_default_value = true,
        hide_possible_values = true,
        value_parser = OutputFormat(Format::ALL)
    )]
    output: Format,

    /// Do not print the table headings
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false,
        default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_name = "BOOL", action = ArgAction::Set)]
    no_headers: bool,

    /// Sort the table by a column, given by its heading
    #[arg(long, value_name = "COLUMN")]
    sort_by: Option<Column>,

    /// Show only these rows; repeatable, or give several separated by commas
    #[arg(long, value_name = "ROWS", value_delimiter = ',')]
    only: Vec<Only>,

    /// Exit with 10 if updates are pending, 11 if an automated container or a marked value is
    /// undecided, 1 if anything could not be read
    #[arg(long)]
    exit_code: bool,

    #[command(flatten)]
    policy: PolicyFlags,

    #[command(flatten)]
    registry: RegistryFlags,
}

/// A choice of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    /// Rows with a state other than manual, or with a policy
    Managed,
    /// Rows whose outcome is an update
    Updates,
    /// Automated rows
    Automated,
    /// Locked rows
    Locked,
    /// Manual rows
    Manual,
    /// Rows that could not be decided, and rows with warnings
    Problems,
}

impl Only {
    fn keeps(self, row: &Row) -> bool {
        let decision = &row.decision;
        match self {
            Self::Managed => decision.state != State::Manual || decision.policy.is_some(),
            Self::Updates => decision.outcome == Outcome::Update,
            Self::Automated => decision.state == State::Automated,
            Self::Locked => decision.state == State::Locked,
            Self::Manual => decision.state == State::Manual,
            Self::Problems => decision.outcome == Outcome::Unknown || !decision.warnings.is_empty(),
        }
    }
}

/// The exit code of `--exit-code` if updates are pending.
const UPDATES_WAIT: u8 = 10;

/// The exit code of `--exit-code` if an automated container could not be decided.
const UNDECIDED: u8 = 11;

pub(crate) fn status(
    args: &StatusArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let mut collected = scan::collect(
        &args.scope,
        scan::Wanted {
            container: None,
            git: Some(&args.git),
            controllers: true,
        },
        &args.policy,
        &args.registry,
        globals,
        terminal,
    )?;
    let assessment = evaluator::assess(&collected.snapshot)?;
    let markers = decide_markers(&collected, &assessment)?;
    let has_workloads = !collected.snapshot.workloads.is_empty();
    collected.forget_facts();
    let rows: Vec<&Row> = assessment
        .rows
        .iter()
        .filter(|row| args.only.is_empty() || args.only.iter().any(|only| only.keeps(row)))
        .collect();
    let text = match args.output.data() {
        Some(format) => {
            let list = ImageStatusList::new(&assessment, rows.iter().copied());
            let list = list
                .with_markers(&markers)
                .with_controllers(&collected.controllers);
            terminal
                .print_data(&list, format)
                .map_err(CommandError::failed)?;
            String::new()
        }
        None if args.output == Format::Name => names(rows.iter().copied()),
        None => tables(args, &assessment, &rows, &markers, terminal),
    };
    terminal.print(&text);
    let shown = Shown {
        assessment: &assessment,
        rows: &rows,
        markers: &markers,
        has_objects: has_workloads || !assessment.image_policies.is_empty() || !markers.is_empty(),
    };
    print_notes(args, &collected, &shown, terminal);
    Ok(exit_code(args, &collected, &assessment, &markers))
}

/// What is shown.
struct Shown<'a> {
    assessment: &'a Assessment,
    rows: &'a [&'a Row],
    markers: &'a [MarkerDecision],
    /// Whether there is anything in scope.
    has_objects: bool,
}

/// What an update would do to each marked value. Without every election, that is not known.
fn decide_markers(
    collected: &Collected,
    assessment: &Assessment,
) -> Result<Vec<MarkerDecision>, CommandError> {
    if assessment.partial {
        return Ok(Vec::new());
    }
    let input = MarkerInput {
        values: &collected.markers.values,
        policies: &assessment.image_policies,
        automations: &collected.markers.automations,
        sources: &collected.snapshot.sources(),
    };
    let spec = MarkerSpec {
        settings: &collected.snapshot.settings,
        overrides: Overrides::default(),
        now: collected.snapshot.observed_at,
    };
    Ok(plan_markers(input, spec)?)
}

/// The table of the rows and, if all rows are shown, those of the ImagePolicy objects and of
/// the marked values that an update would write.
fn tables(
    args: &StatusArgs,
    assessment: &Assessment,
    rows: &[&Row],
    markers: &[MarkerDecision],
    terminal: &Terminal,
) -> String {
    let style = terminal.style();
    let mut tables = Vec::new();
    if !rows.is_empty() {
        let options = TableOptions {
            namespaces: args.scope.flags().place().all_namespaces
                || spans_namespaces(assessment.rows.iter().map(|row| &row.workload)),
            git: args.git.folder().is_some(),
            wide: args.output == Format::Wide,
            no_headings: args.no_headers,
            sort_by: args.sort_by,
        };
        let rows = rows.iter().copied();
        tables.push(status_table(rows, assessment.observed_at, &options, &style));
    }
    if args.only.is_empty() {
        let headings = !args.no_headers;
        let elections = &assessment.image_policies;
        tables.push(image_policies_table(elections, headings, &style));
        tables.push(markers_table(markers, headings, &style));
    }
    tables.retain(|table| !table.is_empty());
    tables.join("\n")
}

/// Prints everything except the table.
fn print_notes(
    args: &StatusArgs,
    collected: &Collected,
    shown: &Shown<'_>,
    terminal: &mut Terminal,
) {
    let Shown {
        assessment,
        rows,
        markers,
        has_objects,
    } = *shown;
    for error in &assessment.errors {
        terminal.scope_error(error);
    }
    for line in image_policy_warnings(&assessment.image_policies)
        .into_iter()
        .chain(kept_marker_lines(markers))
        .chain(markers_line(markers))
    {
        terminal.note(&line);
    }
    if assessment.rows.is_empty() && !assessment.partial {
        for note in &assessment.notes {
            terminal.note(note);
        }
        if assessment.errors.is_empty() && !has_objects {
            terminal.note(&collected.empty);
            if args.scope.is_everything()
                && assessment.context.is_some()
                && !args.scope.flags().place().all_namespaces
            {
                terminal.note("hint: -A lists the workloads of all namespaces");
            }
        }
        return;
    }
    if rows.is_empty() && !args.only.is_empty() {
        let words: Vec<String> = args
            .only
            .iter()
            .filter_map(|only| Some(only.to_possible_value()?.get_name().to_owned()))
            .collect();
        terminal.note(&format!("No rows for --only {}.", words.join(",")));
    }
    for controller in &collected.controllers {
        terminal.note(&controller_line(controller));
    }
    for line in closing_lines(assessment) {
        terminal.note(&line);
    }
    collected.scanned.report_pull_secrets(terminal);
    let nothing_managed = !assessment.partial
        && markers.is_empty()
        && assessment.image_policies.is_empty()
        && assessment
            .rows
            .iter()
            .all(|row| row.decision.policy.is_none() && row.decision.state == State::Manual);
    if nothing_managed && !args.policy.assumes() {
        terminal.note("no container here has a policy; --assume auto shows what one would do");
    }
}

fn exit_code(
    args: &StatusArgs,
    collected: &Collected,
    assessment: &Assessment,
    markers: &[MarkerDecision],
) -> ExitCode {
    let mut summary = assessment.summary();
    for marker in markers {
        match marker.reason.outcome() {
            Outcome::Update => summary.updates += 1,
            Outcome::Unknown => summary.undecided += 1,
            Outcome::Keep => {}
        }
    }
    if collected.scanned.interrupted {
        ExitCode::from(INTERRUPTED)
    } else if !assessment.errors.is_empty() {
        ExitCode::FAILURE
    } else if args.exit_code && summary.undecided > 0 {
        ExitCode::from(UNDECIDED)
    } else if args.exit_code && summary.updates > 0 {
        ExitCode::from(UPDATES_WAIT)
    } else {
        ExitCode::SUCCESS
    }
}
