//! `images`: lists every running image, or the tags of one image.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{ArgAction, Args};

use super::explain::examine;
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::decisions::PolicyFlags;
use crate::cli::flags::output::ReportFlags;
use crate::cli::flags::registry::RegistryFlags;
use crate::cli::flags::scope::{ScopeArgs, ScopeFlags};
use crate::cli::gather::cost;
use crate::cli::gather::named;
use crate::cli::gather::scan;
use crate::cli::gather::snapshot_file;
use crate::cli::gather::workloads::{self, ImageReading};
use crate::cli::runtime::{now, runtime};
use crate::cli::terminal::streams::Terminal;
use crate::cluster::PodUsage;
use crate::evaluator::{self, Examination, Outcome, ScopeError, Settings, Subject};
use crate::files::UncoveredImage;
use crate::image::ImageReference;
use crate::output::{
    ExplainContext, ImageList, ImageTags, ImageUse, ImageUser, ItemList, TableOptions, encode,
    image_tags, images_table,
};
use crate::policy::{ContainerPolicy, PolicyOrigin, Rule};
use crate::workload::{Workload, WorkloadType, span_namespaces};

/// List the running images, or the tags of one image
///
/// Without an argument, lists every image in scope with its workloads and states, including the
/// images of Pods that belong to no supported workload. With an image or a workload, lists the tags
/// in the order of the policy, with their dates, and marks the running tag.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # What runs in the namespace
  kubectl imgpolicy images

  # The newest tags of an image
  kubectl imgpolicy images docker.io/library/nginx --limit 20

  # The tags that a container could move to, best first
  kubectl imgpolicy images deployment/web -c app")]
pub(crate) struct ImagesArgs {
    /// An image, or a workload as TYPE/NAME
    #[arg(value_name = "IMAGE|TYPE/NAME")]
    subject: Option<String>,

    /// Only this container of the workload
    #[arg(short, long, value_name = "CONTAINER")]
    container: Option<String>,

    /// Do not print the table headings
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false,
        default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_name = "BOOL", action = ArgAction::Set)]
    no_headers: bool,

    #[command(flatten)]
    report: ReportFlags,

    #[command(flatten)]
    scope: ScopeFlags,

    #[command(flatten)]
    registry: RegistryFlags,
}

pub(crate) fn images(
    args: &ImagesArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    match &args.subject {
        None => everything(args, globals, terminal),
        Some(word) if is_workload(word) => tags_of_workload(args, word, globals, terminal),
        Some(word) => tags_of_image(args, word, globals, terminal),
    }
}

/// `deployment/web` and `deployments` name workloads; `org/web` and `web` name images.
/// Anything that is not a workload type is an image.
fn is_workload(word: &str) -> bool {
    let (kind, name) = word.split_once('/').unwrap_or((word, ""));
    kind.parse::<WorkloadType>().is_ok() && !name.contains(['/', ':', '@'])
}

fn everything(
    args: &ImagesArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    args.scope.check_kustomization()?;
    let scope_args = ScopeArgs::new(Vec::new(), args.scope.clone());
    let ImageReading {
        snapshot,
        pods,
        uncovered,
        empty,
    } = runtime()?.block_on(async {
        let cache = args.registry.cache();
        let reading = workloads::read_with_pods(&scope_args, globals, &cache).await;
        cache.flush().await;
        cost::report_warnings(&cache.warnings(), terminal);
        reading
    })?;
    snapshot_file::save(args.scope.snapshot_to_save(), &snapshot)?;
    let assessment = evaluator::assess(&snapshot)?;
    let mut errors = assessment.errors.clone();
    errors.extend(pods.errors.into_iter().map(ScopeError::from));
    let rows = assessment.rows.iter().map(ImageUse::from);
    let uncovered = uncovered.into_iter().map(use_without_row);
    let mut uses = uses(rows.chain(uncovered).collect(), &pods.containers);
    let policies = snapshot.elections()?.by_repository();
    for used in &mut uses {
        let image = used.image.parse::<ImageReference>().ok();
        let own = image.and_then(|image| policies.get(image.canonical()));
        used.image_policies = own.cloned().unwrap_or_default();
    }
    let context = ExplainContext {
        context: assessment.context.clone(),
        observed_at: assessment.observed_at,
    };
    let text = match args.report.output.data() {
        Some(format) => encode(&ImageList::new(&uses, &errors, &context), format)
            .map_err(CommandError::failed)?,
        None if uses.is_empty() => String::new(),
        None => {
            let options = TableOptions {
                namespaces: args.scope.place().all_namespaces
                    || span_namespaces(uses.iter().map(|used| used.user.namespace.as_str())),
                no_headings: args.no_headers,
                ..TableOptions::default()
            };
            images_table(&uses, &options, &terminal.style())
        }
    };
    terminal.print(&text);
    for error in &errors {
        terminal.scope_error(error);
    }
    for note in &assessment.notes {
        terminal.note(note);
    }
    if uses.is_empty() && errors.is_empty() {
        terminal.note(&empty);
    }
    Ok(if errors.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// An image in a file that has no row.
fn use_without_row(found: UncoveredImage) -> ImageUse {
    ImageUse {
        image: found.image,
        user: ImageUser {
            namespace: found.namespace,
            kind: found.kind,
            name: found.name,
            api_version: found.api_version,
        },
        container: found.container,
        container_type: found.container_type,
        state: None,
        pods: None,
        image_policies: Vec::new(),
    }
}

/// Joins the containers of workloads with those of Pods. A Pod's container counts towards
/// the container of its workload if the image is the same; any other is counted separately.
fn uses(mut uses: Vec<ImageUse>, pods: &[PodUsage]) -> Vec<ImageUse> {
    let mut places: BTreeMap<[String; 5], usize> = uses
        .iter()
        .enumerate()
        .map(|(at, used)| (key_of(used), at))
        .collect();
    for pod in pods {
        let (kind, name) = match &pod.owner {
            Some(owner) => (owner.kind.as_str(), owner.name.as_str()),
            None => ("Pod", pod.pod.as_str()),
        };
        let key = [&pod.namespace, kind, name, &pod.container, &pod.image];
        let at = *places.entry(key.map(str::to_owned)).or_insert_with(|| {
            uses.push(ImageUse {
                image: pod.image.clone(),
                user: ImageUser {
                    namespace: pod.namespace.clone(),
                    kind: kind.to_owned(),
                    name: name.to_owned(),
                    api_version: String::new(),
                },
                container: pod.container.clone(),
                container_type: pod.container_type,
                state: None,
                pods: None,
                image_policies: Vec::new(),
            });
            uses.len() - 1
        });
        if let Some(used) = uses.get_mut(at) {
            *used.pods.get_or_insert(0) += 1;
        }
    }
    uses
}

/// What must be equal for a Pod's container to count towards this use.
fn key_of(used: &ImageUse) -> [String; 5] {
    let user = &used.user;
    [
        &user.namespace,
        &user.kind,
        &user.name,
        &used.container,
        &used.image,
    ]
    .map(String::clone)
}

fn tags_of_workload(
    args: &ImagesArgs,
    word: &str,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let scope_args = ScopeArgs::new(vec![word.to_owned()], args.scope.clone());
    // A container without a policy gets one that fits its tag, because the user wants to
    // see the tags in order.
    let policy = PolicyFlags::assuming("auto");
    let collected = scan::collect(
        &scope_args,
        scan::Wanted {
            container: args.container.as_deref(),
            ..scan::Wanted::default()
        },
        &policy,
        &args.registry,
        globals,
        terminal,
    )?;
    let snapshot = &collected.snapshot;
    named::check_containers(snapshot, args.container.as_slice())?;
    let subjects = snapshot.subjects()?;
    let context = ExplainContext {
        context: snapshot.context.clone(),
        observed_at: snapshot.observed_at,
    };
    let mut lists = Vec::new();
    let mut failed = false;
    for (row, mut examination) in subjects.iter().filter_map(|s| examine(snapshot, s)) {
        // The tags are shown in the order of the assumed policy.
        if let (None, Some(suggestion)) = (
            &examination.decision.policy,
            &examination.decision.suggestion,
        ) {
            examination.decision.policy = Some(suggestion.policy.clone());
            examination.decision.latest.clone_from(&suggestion.latest);
        }
        if let Some(message) = without_answer(&examination) {
            terminal.error(&format!(
                "error: {} container {}: {message}",
                row.workload, row.container
            ));
            failed = true;
            continue;
        }
        lists.push((row.image, examination));
    }
    print_tags(args, &lists, &context, &snapshot.errors, terminal)?;
    let code = collected.end(terminal);
    Ok(if failed && code == ExitCode::SUCCESS {
        ExitCode::FAILURE
    } else {
        code
    })
}

/// Why there are no tags to show. An empty list would look like a result.
fn without_answer(examination: &Examination) -> Option<&str> {
    let decision = &examination.decision;
    let suggestion = decision.suggestion.as_ref();
    let nothing = examination.tags == 0 && decision.latest.is_none();
    nothing.then(|| suggestion.map_or(decision.message.as_str(), |s| s.message.as_str()))
}

fn tags_of_image(
    args: &ImagesArgs,
    word: &str,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let image: ImageReference = word
        .parse()
        .map_err(|error| CommandError::failed(format!("{word:?}: {error}")))?;
    let container = args.container.as_ref().map(|_| "--container");
    if let Some(flag) = container.or(args.scope.about_workloads()) {
        return Err(CommandError::usage(format!(
            "{word:?} is an image, but {flag} applies to workloads; give TYPE/NAME instead"
        )));
    }
    let rule = Rule::parse("glob:*").map_err(CommandError::failed)?;
    let policy = ContainerPolicy::new("glob:*", rule, PolicyOrigin::Flag("images"));
    let workload = Workload::running(word);
    let now = now();
    let settings = Settings::default();
    let subject = Subject::for_trial(&workload, &workload.containers[0], policy, &settings, now);
    let metadata = if let Some(path) = args.scope.saved_snapshot() {
        snapshot_file::repository(path, image.canonical())?
    } else {
        let name = image.canonical();
        scan::fetch_until_decidable(name, &subject, &args.registry, globals, terminal)?
    };
    let mut examination = subject.examine(&metadata);
    if image.tag().is_none() && image.digest().is_none() {
        // A bare name asks about the repository, so no tag is marked as running.
        for candidate in &mut examination.candidates {
            candidate.running = false;
        }
    }
    if let Some(message) = without_answer(&examination) {
        return Err(CommandError::failed(message));
    }
    let context = ExplainContext {
        context: None,
        observed_at: now,
    };
    // The tags are known but their order is not, because a date is missing.
    let undecided = (examination.decision.outcome == Outcome::Unknown)
        .then(|| format!("error: {}", examination.decision.message));
    print_tags(
        args,
        &[(word.to_owned(), examination)],
        &context,
        &[],
        terminal,
    )?;
    Ok(match undecided {
        Some(message) => {
            terminal.error(&message);
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    })
}

fn print_tags(
    args: &ImagesArgs,
    lists: &[(String, Examination)],
    context: &ExplainContext,
    errors: &[ScopeError],
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    let text = match args.report.output.data() {
        Some(format) => {
            let items = lists
                .iter()
                .map(|(image, examination)| ImageTags::new(image, examination, context));
            let list = ItemList::new("ImageTagsList", errors, items);
            encode(&list, format).map_err(CommandError::failed)?
        }
        None => {
            let style = terminal.style();
            let tables = lists.iter().map(|(image, examination)| {
                image_tags(
                    image,
                    examination,
                    context.observed_at,
                    args.report.limit,
                    !args.no_headers,
                    &style,
                )
            });
            tables.collect::<Vec<_>>().join("\n")
        }
    };
    terminal.print(&text);
    Ok(())
}
