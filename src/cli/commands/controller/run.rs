//! `controller run`: the loop.

use std::cell::RefCell;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgAction, Args};
use jiff::SignedDuration;

use super::log::{LogFormat, line};
use super::schedule::ScheduleArgs;
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::decisions::DecisionFlags;
use crate::cli::flags::lease::{LeaseFlags, begin_election};
use crate::cli::flags::registry::RegistryAccess;
use crate::cli::runtime::{now, runtime, stop_requests};
use crate::cli::terminal::streams::Terminal;
use crate::cluster::{Cluster, Scope};
use crate::controller::decide::DecisionSources;
use crate::controller::event::ControllerEvent;
use crate::controller::lease::{Leadership, LeaseTimes};
use crate::controller::metrics::{ControllerMetrics, MetricsServer, listen};
use crate::controller::queue::QueueTimes;
use crate::controller::run::{self, ControllerRun};
use crate::controller::{RunSummary, UpdateLimits, UpdateWriter};
use crate::evaluator::Settings;
use crate::policy::parse_age;
use crate::registry::Registries;
use crate::write::{Fence, StopSignal};

/// The exit code if updates wait and are not written.
const UPDATES_WAIT: u8 = 10;

/// Keep workloads up to date until stopped
///
/// Works on its own namespace unless --namespaces or --all-namespaces is given. Skips workloads that
/// are locked, or that are managed by GitOps or an operator. Writes one line per decision that has
/// changed to standard error.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # What the loop would do in all namespaces; nothing is written
  kubectl imgpolicy controller run --all-namespaces --observe

  # One pass, as in a CronJob
  kubectl imgpolicy controller run --namespaces shop,bank --once

  # Follow the policies of a namespace, with a scan every two minutes
  kubectl imgpolicy controller run --namespaces shop --sync-interval 2m

  # Only start updates during office hours, and none at the end of the year
  kubectl imgpolicy controller run --window 'Mon-Fri 09:00-16:00 Europe/Berlin' \\
    --freeze '2026-12-20/2027-01-02 year end'")]
pub(crate) struct RunArgs {
    /// Namespaces to work on, separated by commas; repeatable
    #[arg(
        long,
        value_name = "NAMESPACE",
        value_delimiter = ',',
        conflicts_with = "all_namespaces"
    )]
    pub(super) namespaces: Vec<String>,

    /// Work on all namespaces
    #[arg(short = 'A', long, num_args = 0..=1, require_equals = true, default_value_t = false,
        default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        value_name = "BOOL", action = ArgAction::Set)]
    pub(super) all_namespaces: bool,

    /// Only workloads with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,

    /// Decide and report, and write nothing
    #[arg(long)]
    pub(super) observe: bool,

    /// End when every repository was scanned and every update was made; with --observe, the exit
    /// code is 10 if updates wait
    #[arg(long)]
    pub(super) once: bool,

    /// The time between two scans of a repository; four times as long for repositories that no
    /// automated workload uses
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = interval)]
    sync_interval: Duration,

    /// How many updates may begin in any 60 seconds
    #[arg(long, value_name = "N", default_value_t = 30,
        value_parser = clap::value_parser!(u16).range(1..))]
    max_updates: u16,

    /// How many failed rollouts in an hour stop all updates, unless a fifth of the updates is more
    #[arg(long, value_name = "N", default_value_t = 10,
        value_parser = clap::value_parser!(u16).range(1..))]
    max_failures: u16,

    /// How many rollouts there may be at a time
    #[arg(long, value_name = "N", default_value_t = 5,
        value_parser = clap::value_parser!(u16).range(1..))]
    max_rollouts: u16,

    /// How long a rollout may take
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_age)]
    rollout_timeout: SignedDuration,

    #[command(flatten)]
    schedule: ScheduleArgs,

    /// Serve /metrics, /healthz and /readyz at this IP address and port; [::]:8080 is port 8080 of
    /// every address
    #[arg(long, value_name = "ADDRESS", value_parser = metrics_address, conflicts_with = "once")]
    pub(super) metrics_address: Option<SocketAddr>,

    /// The format of the lines on standard error
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,

    /// The name that the API server records as the author of changes
    #[arg(long, value_name = "NAME", default_value = "imgpolicy")]
    field_manager: String,

    #[command(flatten)]
    lease: LeaseFlags,

    #[command(flatten)]
    decisions: DecisionFlags,

    #[command(flatten)]
    pub(super) access: RegistryAccess,
}

pub(crate) fn run(
    args: &RunArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    args.decisions.elected.check(false, &[])?;
    let lease = args.lease.times()?;
    let port = args.metrics_port()?;
    let registry = &args.access.registry;
    let registries = RunRegistries {
        scanning: registry.registries_to_write(globals)?,
        as_user: registry.registries_without_cache(globals)?,
        as_workload: registry.registries_without_cache(globals)?,
    };
    let summary = runtime()?.block_on(async {
        let mut cluster = Cluster::connect(&globals.connection()).await?;
        if !args.all_namespaces {
            cluster = cluster.staying_in_namespaces();
        }
        let by = cluster.user_name().await;
        let by = by.unwrap_or_else(|| "imgpolicy".to_owned());
        let surroundings = Surroundings {
            cluster: &cluster,
            by: &by,
            registries: &registries,
            lease,
            port,
        };
        follow(args, surroundings, terminal).await
    })?;
    Ok(exit_code(args, summary))
}

/// The registries of a run.
struct RunRegistries {
    scanning: Registries,
    as_user: Registries,
    as_workload: Registries,
}

/// What a run works with.
struct Surroundings<'a> {
    cluster: &'a Cluster,
    by: &'a str,
    registries: &'a RunRegistries,
    lease: LeaseTimes,
    /// Where metrics are served.
    port: Option<TcpListener>,
}

async fn follow(
    args: &RunArgs,
    surroundings: Surroundings<'_>,
    terminal: &mut Terminal,
) -> Result<RunSummary, CommandError> {
    let Surroundings {
        cluster,
        by,
        registries,
        lease,
        port,
    } = surroundings;
    let scopes = args.scopes(cluster);
    let pull_secrets = args.access.pull_secrets.with(Some(cluster), &[]);
    let stop = StopSignal::new(stop_requests());
    let sources = DecisionSources {
        cluster,
        scope: scopes
            .first()
            .cloned()
            .unwrap_or_else(|| Scope::Namespace(cluster.namespace().to_owned())),
        settings: Settings {
            schedule: args.schedule.flags(),
            ..args.decisions.settings()
        },
        registries: &registries.scanning,
        pull_secrets,
        clock: now,
    };
    let leadership = (!args.once).then(|| begin_election(cluster, lease));
    let writer = UpdateWriter {
        cluster,
        as_user: &registries.as_user,
        as_workload: &registries.as_workload,
        pull_secrets,
        field_manager: &args.field_manager,
        by,
        rollout_timeout: args.rollout_timeout.unsigned_abs(),
        clock: now,
        fence: leadership
            .as_ref()
            .map(|leadership| leadership as &dyn Fence),
        stop: &stop,
    };
    let times = if args.once {
        QueueTimes::at_once(args.sync_interval)
    } else {
        QueueTimes::spread(args.sync_interval)
    };
    let metrics = port
        .as_ref()
        .map(|_| registries.metrics(leadership.as_ref()));
    let served = port.zip(metrics.clone());
    let _server = served
        .map(|(port, metrics)| serve(port, metrics, args.log_format, terminal))
        .transpose()?;
    let terminal = RefCell::new(terminal);
    let summary = run::run(ControllerRun {
        sources,
        writer: (!args.observe).then_some(writer),
        scopes,
        label_selector: args.selector.clone(),
        times,
        limits: UpdateLimits {
            max_updates: usize::from(args.max_updates),
            max_rollouts: usize::from(args.max_rollouts),
            max_failures: usize::from(args.max_failures),
            by: by.to_owned(),
        },
        once: args.once,
        leadership: leadership.clone(),
        metrics,
        stop: &stop,
        report: &|event: ControllerEvent<'_>| {
            let line = line(&event, now(), args.log_format);
            terminal.borrow_mut().log(&line);
        },
    })
    .await;
    if let Some(leadership) = &leadership
        && let Err(error) = leadership.release().await
    {
        terminal.borrow_mut().error(&error.to_string());
    }
    Ok(summary)
}

/// Serves metrics until the server is dropped.
fn serve(
    port: TcpListener,
    metrics: ControllerMetrics,
    format: LogFormat,
    terminal: &mut Terminal,
) -> Result<MetricsServer, CommandError> {
    let address = port.local_addr();
    let server = MetricsServer::start(port, metrics);
    match address.and_then(|address| Ok((address, server?))) {
        Ok((address, server)) => {
            let event = ControllerEvent::Serving(address);
            terminal.log(&line(&event, now(), format));
            Ok(server)
        }
        Err(error) => Err(CommandError::failed(format!(
            "metrics cannot be served: {error}"
        ))),
    }
}

impl RunRegistries {
    /// The metrics of a run that uses these.
    fn metrics(&self, leadership: Option<&Leadership>) -> ControllerMetrics {
        let Self {
            scanning,
            as_user,
            as_workload,
        } = self;
        let registries = [scanning, as_user, as_workload];
        ControllerMetrics::new(leadership.cloned(), registries.map(Clone::clone).into())
    }
}

impl RunArgs {
    /// Opens the port for the metrics.
    fn metrics_port(&self) -> Result<Option<TcpListener>, CommandError> {
        let Some(address) = self.metrics_address else {
            return Ok(None);
        };
        let port = listen(address).map_err(|error| {
            CommandError::failed(format!("--metrics-address {address}: {error}"))
        })?;
        Ok(Some(port))
    }

    /// The namespaces to work on.
    fn scopes(&self, cluster: &Cluster) -> Vec<Scope> {
        if self.all_namespaces {
            return vec![Scope::AllNamespaces];
        }
        let mut names = self.namespaces.clone();
        if names.is_empty() {
            names.push(cluster.namespace().to_owned());
        }
        names.sort();
        names.dedup();
        names.into_iter().map(Scope::Namespace).collect()
    }
}

/// The result of a single pass. A loop ends only because it was asked to, whatever it has seen.
fn exit_code(args: &RunArgs, summary: RunSummary) -> ExitCode {
    if !args.once {
        return ExitCode::SUCCESS;
    }
    if summary.failed > 0 || summary.errors > 0 {
        ExitCode::FAILURE
    } else if args.observe && summary.waiting > 0 {
        ExitCode::from(UPDATES_WAIT)
    } else {
        ExitCode::SUCCESS
    }
}

/// Reads an address to listen on.
fn metrics_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "expected an IP address and a port, such as 127.0.0.1:8080 or [::]:8080".to_owned()
    })
}

/// Reads the time between scans. A second is the shortest: registries count requests.
fn interval(text: &str) -> Result<Duration, String> {
    let interval = parse_age(text).map_err(|error| error.to_string())?;
    if interval < SignedDuration::from_secs(1) {
        return Err("the shortest interval is 1s".to_owned());
    }
    Ok(interval.unsigned_abs())
}
