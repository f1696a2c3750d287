//! `update`: collect, assess, plan, and write what was elected.

use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::Args;
use jiff::SignedDuration;

use crate::cli::apply::author::authorship;
use crate::cli::apply::pipeline::{Draft, Manner, carry_out};
use crate::cli::apply::preflight::{Objects, Registry};
use crate::cli::apply::results::Wording;
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::decisions::DecisionFlags;
use crate::cli::flags::pull_secrets::PullSecretFlags;
use crate::cli::flags::registry::RegistryFlags;
use crate::cli::flags::target::{TargetArgs, WriteFlags};
use crate::cli::gather::cost;
use crate::cli::gather::workloads;
use crate::cli::gather::workloads::{Asking, Collected};
use crate::cli::menu;
use crate::cli::menu::Reached;
use crate::cli::terminal::streams::Terminal;
use crate::evaluator::{self, Row, Settings};
use crate::image::ImageReference;
use crate::output::{Format, UnknownFormat, summary_line};
use crate::plan::{Overrides, Plan, UpdateSpec, plan_image, plan_update};
use crate::policy::parse_age;

/// Write the images that policies elect
///
/// Writes what 'status' shows under UPDATE for automated containers, one patch a
/// workload, and keeps a record of it at the workload, which 'rollback' reads. What
/// is going to be written is shown first, and asked about unless --yes is given.
/// Workloads that are locked, or that belong to GitOps or an operator, stay as they
/// are.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # What would be written for one workload, without writing it
  kubectl imgpolicy update deployment/web --dry-run

  # Everything in the namespace for which an update is elected
  kubectl imgpolicy update --all

  # Choose from what is elected; nothing is written before a yes
  kubectl imgpolicy update -i

  # One workload after the other, stopping at the first that does not come up
  kubectl imgpolicy update -l team=shop -A --yes --wait=10m

  # One image by hand, wherever it runs in the namespace
  kubectl imgpolicy update --all --image docker.io/org/my-app:1.0.1

  # Manifests instead of a cluster
  kubectl imgpolicy update -f ./manifests -R")]
pub(crate) struct UpdateArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Update these containers only; repeatable
    #[arg(short, long, value_name = "NAME")]
    container: Vec<String>,

    /// Write this image into every container that runs its repository, instead of what policies
    /// elect; it has to be one that they accept
    #[arg(long, value_name = "NAME:TAG", value_parser = explicit_image)]
    image: Option<ImageReference>,

    /// Update containers with a policy that are not automated too
    #[arg(long)]
    include_manual: bool,

    /// Write --image although the policy does not accept it
    #[arg(long, requires = "image")]
    override_policy: bool,

    /// Update locked workloads too
    #[arg(long)]
    override_lock: bool,

    /// Update workloads too that GitOps or an operator will revert
    #[arg(long)]
    override_owner: bool,

    /// Update so many workloads at most
    #[arg(long, value_name = "N")]
    max: Option<NonZeroUsize>,

    /// Update one workload after the other, wait for each rollout, and stop at the first that
    /// fails or takes longer [default: 5m]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true,
        default_missing_value = "5m", value_parser = parse_age, conflicts_with = "filename")]
    wait: Option<SignedDuration>,

    /// Choose the images to update from a menu; what is held back is shown with its reason
    #[arg(short, long, conflicts_with_all = ["yes", "output"])]
    interactive: bool,

    /// Output format: json, yaml or name
    #[arg(short, long, value_name = "FORMAT", value_parser = output_format)]
    output: Option<Format>,

    #[command(flatten)]
    write: WriteFlags,

    #[command(flatten)]
    decisions: DecisionFlags,

    #[command(flatten)]
    pull_secrets: PullSecretFlags,

    #[command(flatten)]
    registry: RegistryFlags,
}

const WORDING: Wording = Wording {
    action: "Update",
    line: "image updated",
    done: "updated",
    nothing: "nothing to update",
};

pub(crate) fn update(
    args: &UpdateArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let place = args.target.place();
    let what = match &args.image {
        // The image says which containers.
        Some(_) => args.target.what()?,
        // The menu asks which of them all.
        None if args.interactive => args.target.what()?,
        None => args.target.chosen()?,
    };
    if args.interactive {
        menu::check(terminal)?;
    }
    args.target.check_stdin(args.output)?;
    args.write.check(args.target.place())?;
    if !place.filename.is_empty() {
        args.pull_secrets.check("--filename")?;
    }
    let registries = args.registry.registries_to_write(globals)?;
    let runtime = workloads::runtime()?;
    let settings = Settings {
        image: args.image.clone(),
        ..args.decisions.settings()
    };
    let reading = runtime.block_on(workloads::read_to_write(place, what, settings, globals))?;
    let how = Asking {
        registries: &registries,
        pull_secrets: &args.pull_secrets,
    };
    let collected = workloads::scan(reading, &how, runtime, terminal)?;
    cost::tell_cost(
        &registries.statistics(),
        collected.snapshot.repository_count(),
        terminal,
    );
    if collected.interrupted {
        return Err(CommandError::interrupted());
    }
    for note in &collected.snapshot.notes {
        terminal.tell(note);
    }
    collected.tell_pull_secrets(terminal);
    let plan = plan(args, &collected, terminal)?;
    let Collected {
        snapshot,
        origin,
        empty,
        ..
    } = collected;
    let is_empty = snapshot.workloads.is_empty() && snapshot.errors.is_empty();
    let by = authorship(origin.cluster(), overrides(args).words());
    let draft = Draft {
        plan,
        authorship: runtime.block_on(by),
        origin,
        objects: Objects::default(),
        context: snapshot.context,
        empty: is_empty.then_some(empty),
        errors: snapshot.errors,
    };
    let reached = Reached {
        place,
        globals,
        further: further_flags(args),
        dry_run: args.write.dry_run(),
    };
    let wait = args.wait.map(|wait| wait.unsigned_abs());
    let manner = Manner {
        wording: WORDING,
        flags: &args.write,
        output: args.output,
        overrides: overrides(args),
        wait,
        max: args.max.map(NonZeroUsize::get),
        menu: args.interactive.then_some(&reached),
        registry: Registry {
            flags: &args.registry,
            pull_secrets: &args.pull_secrets,
            globals,
        },
    };
    carry_out(draft, &manner, runtime, terminal)
}

/// What a command has to repeat that chooses the same images without a menu.
fn further_flags(args: &UpdateArgs) -> Vec<String> {
    let overrides = overrides(args).words();
    let mut words: Vec<String> = overrides
        .iter()
        .map(|word| format!("--override-{word}"))
        .collect();
    words.extend(args.include_manual.then(|| "--include-manual".to_owned()));
    let image = args.image.iter();
    words.extend(image.flat_map(|image| ["--image".to_owned(), image.to_string()]));
    words.extend(args.decisions.repeated());
    words.extend(args.registry.repeated());
    words.extend(args.pull_secrets.repeated().map(str::to_owned));
    words
}

/// What is going to be written, as far as the decisions tell.
fn plan(
    args: &UpdateArgs,
    collected: &Collected,
    terminal: &mut Terminal,
) -> Result<Plan, CommandError> {
    let snapshot = &collected.snapshot;
    let assessment = evaluator::assess(snapshot)?;
    for name in &args.container {
        let mut names: Vec<&str> = assessment
            .rows
            .iter()
            .map(|r| r.container.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        if !names.is_empty() && !names.contains(&name.as_str()) {
            return Err(CommandError::failed(format!(
                "unable to find container named {name:?} (there are {})",
                names.join(", ")
            )));
        }
    }
    let spec = UpdateSpec {
        containers: args.container.clone(),
        include_manual: args.include_manual,
        overrides: overrides(args),
    };
    let plan = match &args.image {
        Some(image) => {
            let runs = |row: &Row| {
                let running = row.image.parse::<ImageReference>();
                running.is_ok_and(|running| running.canonical() == image.canonical())
            };
            if snapshot.errors.is_empty() && !assessment.rows.iter().any(runs) {
                return Err(CommandError::failed(format!(
                    "no container in scope runs {}",
                    image.canonical()
                )));
            }
            plan_image(snapshot, image, &spec)?
        }
        None => plan_update(&assessment, &spec),
    };
    if plan.changes.is_empty() && !assessment.rows.is_empty() {
        terminal.tell(&summary_line(&assessment.summary()));
    }
    Ok(plan)
}

fn overrides(args: &UpdateArgs) -> Overrides {
    Overrides {
        policy: args.override_policy,
        lock: args.override_lock,
        owner: args.override_owner,
    }
}

/// Reads an image that names what is to run.
fn explicit_image(text: &str) -> Result<ImageReference, String> {
    let image = text
        .parse::<ImageReference>()
        .map_err(|error| error.to_string())?;
    if image.tag().is_none() && image.digest().is_none() {
        return Err("name the tag or the digest too, as in docker.io/org/my-app:1.0.1".to_owned());
    }
    Ok(image)
}

/// What can be printed of a write instead of kubectl's lines.
pub(crate) fn output_format(word: &str) -> Result<Format, UnknownFormat> {
    Format::among(word, &[Format::Json, Format::Yaml, Format::Name])
}
