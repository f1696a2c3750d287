//! `cache`: shows or clears what is kept between runs.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::error::CommandError;
use crate::cli::flags::output::OutputFormat;
use crate::cli::runtime::now;
use crate::cli::terminal::streams::Terminal;
use crate::output::{
    CacheEntriesItem, CacheFileItem, CacheInfo, CacheServerItem, Format, cache_report, count,
    encode,
};
use crate::registry::{CacheOption, CacheReport, Cleared, FileReport, ServerReport, clear_cache};

/// Show or clear the metadata cache
///
/// Image metadata is cached between runs, in a file in your cache directory or on memcached
/// servers.
#[derive(Debug, Clone, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  # Show the cache's location, size and content
  kubectl imgpolicy cache info

  # Empty the cache
  kubectl imgpolicy cache clear

  # The servers of a shared cache
  kubectl imgpolicy cache info --cache memcached://cache-0:11211,cache-1:11211"
)]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    command: CacheCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum CacheCommand {
    /// Show the location, size and content of the cache
    Info(InfoArgs),
    /// Empty the cache
    ///
    /// Other processes may use the cache at the same time. memcached does not record which program
    /// stored an entry, so nothing is removed from memcached without --all.
    Clear(ClearArgs),
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # Your own cache file
  kubectl imgpolicy cache info

  # The servers of a shared cache, for a script
  kubectl imgpolicy cache info --cache memcached://cache-0:11211,cache-1:11211 -o json")]
struct InfoArgs {
    #[command(flatten)]
    place: PlaceFlag,

    /// Output format: table, json or yaml
    #[arg(short, long, value_name = "FORMAT", default_value = "table", hide_default_value = true,
        hide_possible_values = true, value_parser = OutputFormat(Format::DESCRIPTION))]
    output: Format,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # Empty your own cache
  kubectl imgpolicy cache clear

  # Empty a memcached server that nothing else uses
  kubectl imgpolicy cache clear --cache memcached://cache-0:11211 --all")]
struct ClearArgs {
    #[command(flatten)]
    place: PlaceFlag,

    /// Empty the memcached servers, including the entries of other programs
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Clone, Args)]
struct PlaceFlag {
    /// Which cache: auto (a file in your cache directory), off, a directory, or
    /// memcached://HOST:PORT,…
    #[arg(long, value_name = "CACHE", default_value_t, hide_default_value = true)]
    cache: CacheOption,
}

pub(crate) fn cache(args: &CacheArgs, terminal: &mut Terminal) -> Result<ExitCode, CommandError> {
    match &args.command {
        CacheCommand::Info(args) => info(args, terminal),
        CacheCommand::Clear(args) => clear(args, terminal),
    }
}

/// The exit code is 1 if a part could not be read.
fn info(args: &InfoArgs, terminal: &mut Terminal) -> Result<ExitCode, CommandError> {
    let (file, servers) = match CacheReport::for_option(&args.place.cache) {
        CacheReport::Off => (None, Vec::new()),
        CacheReport::NoDirectory => {
            return Err(CommandError::failed(
                "the home directory is unknown; give a directory with --cache",
            ));
        }
        CacheReport::File(report) => (Some(file_item(report)), Vec::new()),
        CacheReport::Servers(reports) => (None, reports.into_iter().map(server_item).collect()),
    };
    let in_vain = file.iter().any(|file| file.problem.is_some())
        || servers.iter().any(|server| server.problem.is_some());
    let info = CacheInfo::new(&args.place.cache.to_string(), file, servers);
    let text = match args.output.data() {
        Some(format) => encode(&info, format).map_err(CommandError::failed)?,
        None => cache_report(&info, now()),
    };
    terminal.print(&text);
    Ok(ExitCode::from(u8::from(in_vain)))
}

fn file_item(report: FileReport) -> CacheFileItem {
    CacheFileItem {
        path: report.path.display().to_string(),
        bytes: report.bytes,
        limit_bytes: report.limit,
        entries: report
            .kinds
            .iter()
            .map(|of| CacheEntriesItem {
                kind: of.kind.to_string(),
                count: of.entries,
                bytes: of.bytes,
            })
            .collect(),
        oldest: report.oldest.map(Into::into),
        problem: report.problem,
    }
}

fn server_item(report: ServerReport) -> CacheServerItem {
    let server = report.server.to_string();
    let (info, problem) = match report.answer {
        Ok(info) => (Some(info), None),
        Err(problem) => (None, Some(problem)),
    };
    CacheServerItem {
        server,
        count: info.as_ref().map(|info| info.items),
        bytes: info.as_ref().map(|info| info.bytes),
        limit_bytes: info.as_ref().map(|info| info.limit),
        version: info.map(|info| info.version),
        problem,
    }
}

fn clear(args: &ClearArgs, terminal: &mut Terminal) -> Result<ExitCode, CommandError> {
    let cleared = clear_cache(&args.place.cache, args.all).map_err(CommandError::failed)?;
    let text = match cleared {
        Cleared::Nothing => "nothing to clear\n".to_owned(),
        Cleared::File { path, entries } => {
            let entries = count(entries, "entry");
            format!("cleared {} ({entries})\n", path.display())
        }
        Cleared::Servers(servers) => servers
            .iter()
            .map(|server| format!("cleared {server}\n"))
            .collect(),
    };
    terminal.print(&text);
    Ok(ExitCode::SUCCESS)
}
