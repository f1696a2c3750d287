//! `update`: collect, assess, plan, and write what was elected.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use jiff::SignedDuration;

use crate::cli::apply::author::authorship;
use crate::cli::apply::commit;
use crate::cli::apply::git_target;
use crate::cli::apply::job::{
    ApplyEnd, ApplyJob, ApplyOptions, GitTarget, JobKind, Wording, file_locks,
};
use crate::cli::apply::pipeline::apply;
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::decisions::DecisionFlags;
use crate::cli::flags::elected::RuledOut;
use crate::cli::flags::git::GitFlag;
use crate::cli::flags::overrides::OverrideFlags;
use crate::cli::flags::registry::RegistryAccess;
use crate::cli::flags::scope::KustomizationFlags;
use crate::cli::flags::target::{RecordFlag, TargetArgs, WriteFlags};
use crate::cli::gather::cost;
use crate::cli::gather::git_auto;
use crate::cli::gather::kustomizations::Settling;
use crate::cli::gather::named;
use crate::cli::gather::scan;
use crate::cli::gather::scan::ScanSources;
use crate::cli::gather::workloads::{self, Reading, default_namespace};
use crate::cli::menu;
use crate::cli::menu::CommandScope;
use crate::cli::runtime::runtime;
use crate::cli::terminal::streams::Terminal;
use crate::cluster::WorkloadSelector;
use crate::collect::{FluxMarkers, ObservedObjects};
use crate::evaluator::{self, Elected, Settings, Snapshot};
use crate::image::ImageReference;
use crate::output::summary_line;
use crate::plan::{
    MarkerInput, MarkerSpec, Plan, UpdateSpec, plan_image, plan_markers, plan_update,
};
use crate::policy::parse_age;
use crate::registry::Registries;

/// Update images to the tags that their policies elect
///
/// Writes the tags that 'status' shows under UPDATE for automated containers, with one patch per
/// workload, and records the update in the workload's annotations, so that 'rollback' can undo it.
/// Shows the changes and asks for confirmation unless --yes is given. Skips workloads that are
/// locked, or that are managed by GitOps or an operator.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # Preview the update of one workload
  kubectl imgpolicy update deployment/web --dry-run

  # Every update in the namespace
  kubectl imgpolicy update --all

  # Choose from the elected images; nothing is written until you confirm
  kubectl imgpolicy update -i

  # One workload after another, stopping at the first whose rollout fails
  kubectl imgpolicy update -l team=shop -A --yes --wait=10m

  # One image by hand, wherever it runs in the namespace
  kubectl imgpolicy update --all --image docker.io/org/my-app:1.0.1

  # Manifests instead of a cluster
  kubectl imgpolicy update -f ./manifests -R

  # The same, committed to the local repository, and pushed
  kubectl imgpolicy update -f ./manifests -R --git . --push

  # The lines of a kustomization, committed
  kubectl imgpolicy update -k ./apps/prod --git .

  # Without a checkout: a commit on a branch of its own
  kubectl imgpolicy update --git https://git.example/apps.git --path prod --push-branch updates

  # The values with Flux markers, with the images that Flux has recorded; no registry is queried
  kubectl get imagepolicies -A -o yaml > policies.yaml
  kubectl imgpolicy update -f ./clusters -R -f policies.yaml --elected recorded

  # The lines of a kustomization that decide the images, such as newTag
  kubectl imgpolicy update -k ./apps/prod")]
pub(crate) struct UpdateArgs {
    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    kustomization: KustomizationFlags,

    /// Only update these containers; repeatable
    #[arg(short, long, value_name = "CONTAINER")]
    container: Vec<String>,

    /// Write this image to every container that runs an image of the same repository, instead of
    /// the one that the policy elects; the policy must accept it
    #[arg(long, value_name = "NAME:TAG", value_parser = explicit_image)]
    image: Option<ImageReference>,

    /// Also update containers that have a policy but are not automated
    #[arg(long)]
    include_manual: bool,

    #[command(flatten)]
    overrides: OverrideFlags,

    /// Update at most N workloads and values with a Flux marker
    #[arg(long, value_name = "N")]
    max: Option<NonZeroUsize>,

    /// Update one workload at a time, wait for each rollout, and stop at the first one that fails
    /// or takes longer than this [default: 5m]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true,
        default_missing_value = "5m", value_parser = parse_age, conflicts_with_all = ["filename", "kustomize", "path"])]
    wait: Option<SignedDuration>,

    /// Choose the images to update from a menu; images that are held back are shown with the reason
    #[arg(short, long, conflicts_with_all = ["yes", "output"])]
    interactive: bool,

    #[command(flatten)]
    git: GitFlag,

    #[command(flatten)]
    record: RecordFlag,

    #[command(flatten)]
    write: WriteFlags,

    #[command(flatten)]
    decisions: DecisionFlags,

    #[command(flatten)]
    access: RegistryAccess,
}

const WORDING: Wording = Wording {
    action: "Update",
    line: "image updated",
    done: "updated",
    is_rollback: false,
    nothing: Some("nothing to update"),
};

pub(crate) fn update(
    args: &UpdateArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let args = &with_repository(args, globals, terminal)?;
    let place = args.target.place();
    let kustomization = &args.kustomization;
    args.git
        .check(place, kustomization.folder(), args.write.dry_run())?;
    let selector = match &args.image {
        // The image determines the containers.
        Some(_) => args.target.workload_selector()?,
        // The menu lets the user choose among all of them.
        None if args.interactive || kustomization.is_given() => args.target.workload_selector()?,
        None => args.target.chosen()?,
    };
    if args.interactive {
        menu::check(terminal)?;
    }
    args.target.check_write(&args.write)?;
    if !place.filename.is_empty() {
        args.access.pull_secrets.check("-f")?;
    } else if kustomization.is_given() {
        args.access.pull_secrets.check("-k")?;
        args.write.check_without_server("-k")?;
    }
    kustomization.check(place)?;
    let builds = kustomization.is_given() || kustomization.builds_folders(place);
    if args.overrides.allow_unconfirmed && !builds {
        return Err(CommandError::usage(
            "--allow-unconfirmed can only be used with -k DIR or -f DIR -R",
        ));
    }
    let settings = Settings {
        image: args.image.clone(),
        containers: args.container.clone(),
        ..args.decisions.settings()
    };
    let is_narrowed = selector != WorkloadSelector::Everything || !args.container.is_empty();
    let has_files = !place.filename.is_empty();
    args.decisions
        .elected
        .check(has_files, &ruled_out(args, &settings, is_narrowed))?;
    let git = git_target::open(&args.git, terminal)?;
    let registries = args.access.registry.registries_to_write(globals)?;
    let request = UpdateRequest {
        args,
        selector,
        settings,
        registries: &registries,
        globals,
    };
    git_target::until_pushed(git, args.write.dry_run(), terminal, |git, terminal| {
        request.carry_out(git, terminal)
    })
}

/// The arguments with the repository, and with its paths among the files. Before a clone becomes
/// the current folder, local paths must no longer depend on it.
fn with_repository(
    args: &UpdateArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<UpdateArgs, CommandError> {
    let mut args = args.clone();
    if args.git.is_auto() && (args.kustomization.is_given() || args.wait.is_some()) {
        let message = "--git auto cannot be used with -k or --wait";
        return Err(CommandError::usage(message));
    }
    let dry_run = args.write.dry_run();
    let found = git_auto::look_up(&args.target, &args.git, dry_run, globals, terminal)?;
    (args.target, args.git) = found;
    args.target.add_files(args.git.paths());
    if args.git.is_url() {
        let made = args.access.registry.make_paths_absolute();
        made.map_err(CommandError::failed)?;
    }
    Ok(args)
}

/// What the user has asked for.
struct UpdateRequest<'a> {
    args: &'a UpdateArgs,
    selector: WorkloadSelector,
    settings: Settings,
    registries: &'a Registries,
    globals: &'a Globals,
}

impl UpdateRequest<'_> {
    /// Whether marked values are written. They are selected by their files alone.
    fn writes_markers(&self) -> bool {
        let args = self.args;
        let is_narrowed =
            self.selector != WorkloadSelector::Everything || !args.container.is_empty();
        !is_narrowed && args.image.is_none()
    }

    /// Decides, and carries out the decisions.
    fn carry_out(
        &self,
        git: Option<&GitTarget>,
        terminal: &mut Terminal,
    ) -> Result<ApplyEnd, CommandError> {
        let Self {
            args,
            registries,
            globals,
            ..
        } = *self;
        let place = args.target.place();
        // Recorded images are for Flux's markers, which are about files as they are written.
        let is_recorded = args.decisions.elected.elected() == Elected::Recorded;
        let kustomization = if is_recorded {
            args.kustomization.without_folders()
        } else {
            args.kustomization.clone()
        };
        let repository = git.map(|git| &git.repository);
        let runtime = runtime()?;
        let reading = runtime.block_on(workloads::read_to_write(
            place,
            &kustomization,
            self.selector.clone(),
            self.settings.clone(),
            globals,
            registries.cache(),
        ))?;
        let sources = ScanSources {
            registries,
            pull_secrets: &args.access.pull_secrets,
        };
        let Reading {
            mut snapshot,
            origin,
            empty,
            markers,
            ..
        } = reading;
        let markers = if self.writes_markers() {
            markers
        } else {
            FluxMarkers::default()
        };
        let named = markers.policies();
        snapshot.keep_policies(|namespace, name| named.contains(&(namespace, name)));
        let sources_in_scope = snapshot
            .workloads
            .iter()
            .filter_map(|workload| workload.source.as_ref())
            .chain(markers.values.iter().map(|value| &value.source))
            .map(|source| source.file.as_str());
        let paths = match repository {
            Some(repository) => commit::paths(repository, sources_in_scope)?,
            None => BTreeMap::new(),
        };
        let scanned = scan::scan(&mut snapshot, &origin, &sources, terminal)?;
        cost::report_cost(
            &registries.statistics(),
            snapshot.repository_count(),
            terminal,
        );
        if scanned.interrupted {
            return Err(CommandError::interrupted());
        }
        for note in &snapshot.notes {
            terminal.note(note);
        }
        scanned.report_pull_secrets(terminal);
        let mut plan = plan(args, &snapshot, &markers, terminal)?;
        if let Some(kustomizations) = origin.kustomizations() {
            let settling = Settling {
                default_namespace: default_namespace(globals),
                overrides: args.overrides.overrides(),
                may_add: true,
                at: snapshot.observed_at,
            };
            kustomizations.settle(&mut plan, &settling)?;
        }
        if let Some(repository) = repository {
            commit::note_uncommitted(repository, &paths, &plan, terminal)?;
        }
        let has_rows = !snapshot.workloads.is_empty() || !plan.markers.is_empty();
        let is_empty = !has_rows && snapshot.errors.is_empty();
        let folder = args.git.folder().unwrap_or(Path::new("."));
        let overridden = args.overrides.overrides().words();
        let is_recorded = args.record.is_recorded();
        let by = authorship(origin.cluster(), folder, overridden, is_recorded);
        let job = ApplyJob {
            plan,
            kind: JobKind::Images(Vec::new()),
            authorship: runtime.block_on(by),
            origin,
            objects: ObservedObjects::default(),
            locks: file_locks(),
            confirmation: None,
            context: snapshot.context,
            empty: is_empty.then_some(empty),
            errors: snapshot.errors,
        };
        let scope = CommandScope {
            place,
            globals,
            extra_flags: globals
                .given
                .to_args_except::<UpdateArgs>(&CHOSEN_IN_THE_MENU),
        };
        let options = ApplyOptions {
            wording: WORDING,
            write: &args.write,
            overrides: args.overrides.overrides(),
            is_recorded,
            wait: args.wait.map(|wait| wait.unsigned_abs()),
            max: args.max.map(NonZeroUsize::get),
            menu: args.interactive.then_some(&scope),
            registry: Some(&args.access),
            git,
            globals,
        };
        apply(job, &options, terminal)
    }
}

/// Arguments that are not repeated in the equivalent command without a menu, because it
/// names the workloads and containers.
const CHOSEN_IN_THE_MENU: [&str; 13] = [
    "resources",
    "all",
    "selector",
    "all_namespaces",
    "filename",
    "recursive",
    "exclude",
    "path",
    "container",
    "max",
    "interactive",
    "yes",
    "output",
];

/// The plan that follows from the decisions, before any check.
fn plan(
    args: &UpdateArgs,
    snapshot: &Snapshot,
    markers: &FluxMarkers,
    terminal: &mut Terminal,
) -> Result<Plan, CommandError> {
    let assessment = evaluator::assess(snapshot)?;
    named::check_containers(snapshot, &args.container)?;
    let spec = UpdateSpec {
        containers: args.container.clone(),
        include_manual: args.include_manual,
        overrides: args.overrides.overrides(),
    };
    let mut plan = match &args.image {
        Some(image) => {
            let is_running = assessment
                .rows
                .iter()
                .filter_map(|row| row.image.parse::<ImageReference>().ok())
                .any(|running| running.canonical() == image.canonical());
            if snapshot.errors.is_empty() && !is_running {
                return Err(CommandError::failed(format!(
                    "no container in scope runs {}",
                    image.canonical()
                )));
            }
            plan_image(snapshot, image, &spec)?
        }
        None => plan_update(&assessment, &spec),
    };
    let sources = snapshot.sources();
    plan.rest_on(&snapshot.workloads, &sources);
    let input = MarkerInput {
        values: &markers.values,
        policies: &assessment.image_policies,
        automations: &markers.automations,
        sources: &sources,
    };
    let spec = MarkerSpec {
        settings: &snapshot.settings,
        overrides: args.overrides.overrides(),
        now: snapshot.observed_at,
    };
    plan.markers = plan_markers(input, spec)?;
    if let Some(reason) = &snapshot.unread_namespaces
        && !plan.changes.is_empty()
    {
        terminal.note(&format!(
            "namespaces cannot be read ({reason}), so their windows and freezes are not checked"
        ));
    }
    if plan.is_empty() && !assessment.rows.is_empty() {
        terminal.note(&summary_line(&assessment.summary()));
    }
    Ok(plan)
}

/// What a recorded election rules out, because it would have no effect on marked values.
fn ruled_out(args: &UpdateArgs, settings: &Settings, is_narrowed: bool) -> [RuledOut; 4] {
    const NO_REGISTRY: &str = "no registry is asked about recorded images";
    [
        RuledOut {
            name: "names of workloads or containers",
            why: "every marker in the files is written; name fewer files with -f",
            is_given: is_narrowed,
        },
        RuledOut {
            name: "--image",
            why: "there would be two images for one value",
            is_given: args.image.is_some(),
        },
        RuledOut {
            name: "--min-age",
            why: NO_REGISTRY,
            is_given: settings.min_age.is_some(),
        },
        RuledOut {
            name: "--platform",
            why: NO_REGISTRY,
            is_given: !settings.platforms.is_empty(),
        },
    ]
}

/// Reads an image with a tag or a digest.
fn explicit_image(text: &str) -> Result<ImageReference, String> {
    let image = text
        .parse::<ImageReference>()
        .map_err(|error| error.to_string())?;
    if image.tag().is_none() && image.digest().is_none() {
        return Err("add a tag or a digest, as in docker.io/org/my-app:1.0.1".to_owned());
    }
    Ok(image)
}
