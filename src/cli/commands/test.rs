//! `test`: tries a policy on an image's tags, without a workload.

use std::process::ExitCode;
use std::{fmt, io};

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::decisions::{GateFlags, typo_warning};
use crate::cli::flags::output::ReportFlags;
use crate::cli::flags::registry::RegistryFlags;
use crate::cli::gather::scan;
use crate::cli::gather::snapshot_file;
use crate::cli::runtime::now;
use crate::cli::terminal::streams::Terminal;
use crate::evaluator::{Examination, Outcome, Settings, Subject};
use crate::files::PathOrStdin;
use crate::image::{
    BuildTimes, Digest, ImageReference, Known, Platform, RepositoryMetadata, SourceKind, Tag,
    TagOrDigest,
};
use crate::output::{ImageTest, encode, test_report};
use crate::policy::{
    AllowMode, BarredTags, ContainerPolicy, GoRegex, PolicyOrigin, Rule, TagFilter, Template,
    parse_age,
};
use crate::user_file;
use crate::workload::Workload;

/// The maximum size of the file of `--tags-from`, in bytes.
const MAX_TAGS_FILE: u64 = 256 << 20;

/// Try a policy on an image's tags
///
/// No workload is needed. With --tags-from, no registry is needed either.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # Try a policy on the tags in a registry
  kubectl imgpolicy test docker.io/library/nginx:1.25.3 --policy 'semver:~1.25'

  # Follow the alpine variant by version
  kubectl imgpolicy test nginx:1.25.3-alpine --policy 'semver:~1.25' \\
    --filter-tags '^(?P<v>.*)-alpine$' --extract '$v'

  # Try a policy on tags from a file or a pipe, one per line
  printf '1.0.0\\n1.0.1\\n1.2.0\\n' | \\
    kubectl imgpolicy test org/my-app:1.0.0 --policy 'semver:~1.0' --tags-from -")]
pub(crate) struct TestArgs {
    /// The image; its tag, if any, counts as the running tag
    #[arg(value_name = "IMAGE")]
    image: String,

    /// The policy: semver:RANGE, glob:GLOB, regex:RE, alphabetical[:asc|desc],
    /// numerical[:asc|desc], digest:TAG or digest:sha256:HEX
    #[arg(long, value_name = "TYPE:EXPR")]
    policy: String,

    /// Consider only tags that match this regular expression (Go syntax, unanchored)
    #[arg(long, value_name = "RE")]
    filter_tags: Option<String>,

    /// The part of a matching tag that the policy reads, from the groups of --filter-tags, as in $v
    #[arg(long, value_name = "TEMPLATE", requires = "filter_tags")]
    extract: Option<String>,

    /// Consider only tags that match this regular expression; repeatable, any match is enough
    #[arg(long, value_name = "RE")]
    allow_tags: Vec<String>,

    /// Ignore tags that match this regular expression; takes precedence over --allow-tags;
    /// repeatable
    #[arg(long, value_name = "RE")]
    ignore_tags: Vec<String>,

    /// A prefix that every tag must have; the policy reads what follows it
    #[arg(long, value_name = "PREFIX")]
    identifier: Option<String>,

    /// Only elect images that are at least this old, such as 72h or 3d
    #[arg(long, value_name = "DURATION", value_parser = parse_age)]
    min_age: Option<SignedDuration>,

    #[command(flatten)]
    gate: GateFlags,

    /// Platform that the image must support, such as linux/amd64; repeatable
    #[arg(long, value_name = "OS/ARCH", help_heading = "Decisions")]
    platform: Vec<Platform>,

    /// Tags from a file or - for stdin: one per line, or JSON lines
    /// {"tag": …, "created": …, "pushed": …, "digest": …, "platforms": […]}
    #[arg(long, value_name = "FILE|-", conflicts_with = "from_snapshot")]
    tags_from: Option<PathOrStdin>,

    /// Use the image's tags from a saved snapshot
    #[arg(long, value_name = "FILE")]
    from_snapshot: Option<std::path::PathBuf>,

    #[command(flatten)]
    report: ReportFlags,

    #[command(flatten)]
    registry: RegistryFlags,
}

pub(crate) fn test(
    args: &TestArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let image: ImageReference = args
        .image
        .parse()
        .map_err(|error| CommandError::failed(format!("{:?}: {error}", args.image)))?;
    let policy = args.container_policy()?;
    if let Some(warning) = typo_warning("--policy", &args.policy) {
        terminal.note(&warning);
    }
    let workload = Workload::running(&args.image);
    let settings = Settings {
        platforms: args.platform.clone(),
        ..args.gate.settings()
    };
    let container = &workload.containers[0];
    let subject = Subject::for_trial(&workload, container, policy, &settings, now());
    let metadata = match (&args.tags_from, &args.from_snapshot) {
        (Some(from), _) => {
            let given = given_tags(from)?;
            if given.illegal_tags > 0 {
                let lines = match given.illegal_tags {
                    1 => "1 line is not a valid tag and was".to_owned(),
                    more => format!("{more} lines are not valid tags and were"),
                };
                terminal.note(&format!("--tags-from: {lines} skipped"));
            }
            given
        }
        (None, Some(path)) => snapshot_file::repository(path, image.canonical())?,
        (None, None) => {
            let name = image.canonical();
            scan::fetch_until_decidable(name, &subject, &args.registry, globals, terminal)?
        }
    };
    let examination = subject.examine(&metadata);
    let text = match args.report.output.data() {
        Some(format) => encode(&ImageTest::new(&args.image, &examination), format)
            .map_err(CommandError::failed)?,
        None => test_report(
            &args.image,
            &examination,
            now(),
            args.report.limit,
            &terminal.style(),
        ),
    };
    terminal.print(&text);
    if args.report.output.data().is_some() && examination.decision.outcome == Outcome::Unknown {
        // The JSON data has no field for the message.
        terminal.error(&format!("error: {}", examination.decision.message));
    }
    Ok(exit_code(&examination))
}

/// 1 if the tags are not available, so that a script does not mistake an empty result for
/// an answer.
fn exit_code(examination: &Examination) -> ExitCode {
    match examination.decision.outcome {
        Outcome::Unknown => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

impl TestArgs {
    fn container_policy(&self) -> Result<ContainerPolicy, CommandError> {
        if self.policy.is_empty() {
            return Err(invalid("--policy", "", "a policy has the form TYPE:EXPR"));
        }
        let rule =
            Rule::parse(&self.policy).map_err(|error| invalid("--policy", &self.policy, error))?;
        let mut policy = ContainerPolicy::new(&self.policy, rule, PolicyOrigin::Flag("--policy"));
        policy.min_age = self.min_age;
        policy.filter = TagFilter {
            barred: BarredTags::default(),
            pattern: self
                .filter_tags
                .as_ref()
                .map(|text| parse_regex("--filter-tags", text))
                .transpose()?,
            extract: self
                .extract
                .as_deref()
                .filter(|text| !text.is_empty())
                .map(|text| Template::new(text).map_err(|error| invalid("--extract", text, error)))
                .transpose()?,
            allow: self
                .allow_tags
                .iter()
                .map(|text| parse_regex("--allow-tags", text))
                .collect::<Result<_, _>>()?,
            allow_mode: AllowMode::Restricts,
            ignore: self
                .ignore_tags
                .iter()
                .map(|text| parse_regex("--ignore-tags", text))
                .collect::<Result<_, _>>()?,
            identifier: self.identifier.clone().filter(|prefix| !prefix.is_empty()),
        };
        Ok(policy)
    }
}

fn parse_regex(flag: &str, text: &str) -> Result<GoRegex, CommandError> {
    GoRegex::new(text).map_err(|error| invalid(flag, text, error))
}

fn invalid(flag: &str, text: &str, error: impl fmt::Display) -> CommandError {
    CommandError::failed(format!("{flag} {text:?}: {error}"))
}

/// One JSON line of `--tags-from`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenTag {
    tag: String,
    created: Option<Timestamp>,
    pushed: Option<Timestamp>,
    digest: Option<Digest>,
    platforms: Option<Vec<Platform>>,
}

/// Reads tags as the user gives them. Missing facts count as absent, because no registry is
/// queried.
fn given_tags(from: &PathOrStdin) -> Result<RepositoryMetadata, CommandError> {
    let name = from.to_string();
    let bytes = match from {
        PathOrStdin::Stdin => user_file::read_to_end(io::stdin().lock(), MAX_TAGS_FILE),
        PathOrStdin::Path(path) => user_file::read(path, MAX_TAGS_FILE),
    };
    let text = bytes
        .and_then(user_file::to_text)
        .map_err(|error| CommandError::failed(format!("--tags-from {name}: {error}")))?;
    let mut metadata = RepositoryMetadata {
        source: SourceKind::Given,
        is_closed: true,
        ..RepositoryMetadata::default()
    };
    let mut tags = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let given = if line.starts_with('{') {
            serde_json::from_str(line).map_err(|error| {
                CommandError::failed(format!("--tags-from {name}:{}: {error}", number + 1))
            })?
        } else {
            GivenTag {
                tag: line.to_owned(),
                created: None,
                pushed: None,
                digest: None,
                platforms: None,
            }
        };
        let Ok(tag) = given.tag.parse::<Tag>() else {
            metadata.illegal_tags += 1;
            continue;
        };
        let image = metadata
            .images
            .entry(TagOrDigest::Tag(tag.clone()))
            .or_default();
        image.created = Known::Value(BuildTimes {
            given: given.created,
            ..BuildTimes::default()
        });
        image.pushed = Known::Value(given.pushed);
        image.platforms = given.platforms.map_or(Known::NotAsked, Known::Value);
        image.digest = match given.digest {
            Some(digest) => Known::Value(digest),
            None => Known::NotAsked,
        };
        tags.push(tag);
    }
    tags.sort_unstable();
    tags.dedup();
    metadata.tags = Known::Value(tags);
    Ok(metadata)
}
