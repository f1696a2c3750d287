//! Which workloads a command reads.

use std::path::{Path, PathBuf};

use clap::{ArgAction, Args};

use super::pull_secrets::PullSecretFlags;
use crate::cli::error::CommandError;
use crate::cluster::WorkloadSelector;
use crate::files::PathOrStdin;
use crate::kustomize::{KustomizeBuilder, KustomizeOptions};
use crate::registry::Cache;
use crate::workload::WorkloadType;

/// Which workloads.
#[derive(Debug, Clone, Args)]
pub(crate) struct ScopeArgs {
    /// TYPE/NAME…, TYPE NAME…, TYPE or TYPE1,TYPE2; if omitted, every workload in the namespace
    #[arg(value_name = "TYPE[/NAME]")]
    resources: Vec<String>,

    #[command(flatten)]
    flags: ScopeFlags,
}

/// The help heading of these flags. It is set on each flag, because a heading on the group
/// would also apply to the flags after the group.
pub(crate) const WORKLOADS: &str = "Workloads";

/// Where the workloads are, and which credentials to use for their images.
#[derive(Debug, Clone, Args)]
pub(crate) struct ScopeFlags {
    #[command(flatten)]
    place: PlaceFlags,

    #[command(flatten)]
    kustomization: KustomizationFlags,

    /// Save every fact that the decisions use to this file
    #[arg(long, help_heading = WORKLOADS, value_name = "FILE")]
    save_snapshot: Option<PathBuf>,

    /// Decide again from a saved snapshot, without a cluster or a registry
    #[arg(long, help_heading = WORKLOADS, value_name = "FILE", conflicts_with_all = ["filename", "kustomize", "all_namespaces", "selector", "save_snapshot"])]
    from_snapshot: Option<PathBuf>,

    #[command(flatten)]
    pull_secrets: PullSecretFlags,
}

/// Where the workloads are.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlaceFlags {
    /// Workloads in all namespaces
    #[arg(short = 'A', long, help_heading = WORKLOADS, conflicts_with = "filename", num_args = 0..=1, require_equals = true,
        default_value_t = false, default_missing_value = "true", hide_default_value = true,
        hide_possible_values = true, value_name = "BOOL", action = ArgAction::Set)]
    pub(crate) all_namespaces: bool,

    /// Selector (label query) to filter on, as in -l app=web
    #[arg(
        short = 'l',
        long,
        help_heading = WORKLOADS,
        value_name = "SELECTOR",
        conflicts_with = "filename"
    )]
    pub(crate) selector: Option<String>,

    /// Manifests to read instead of a cluster: a file, a folder, or - for stdin; repeatable
    #[arg(short = 'f', long, help_heading = WORKLOADS, value_name = "FILE|DIR|-")]
    pub(crate) filename: Vec<PathOrStdin>,

    /// Also read the subfolders of the folders given with -f
    #[arg(short = 'R', long, help_heading = WORKLOADS, requires = "filename", num_args = 0..=1, require_equals = true,
        default_value_t = false, default_missing_value = "true", hide_default_value = true,
        hide_possible_values = true, value_name = "BOOL", action = ArgAction::Set)]
    pub(crate) recursive: bool,

    /// Leave out this file or folder; repeatable. Folders of Helm charts are left out unless -f
    /// names them
    #[arg(long, help_heading = WORKLOADS, value_name = "PATH", requires = "filename")]
    pub(crate) exclude: Vec<PathBuf>,
}

/// The kustomization to build.
#[derive(Debug, Clone, Args)]
pub(crate) struct KustomizationFlags {
    /// Folder with a kustomization.yaml; its result is read instead of a cluster
    #[arg(short = 'k', long, help_heading = WORKLOADS, value_name = "DIR",
        conflicts_with_all = ["filename", "recursive", "exclude", "all_namespaces", "selector"])]
    kustomize: Option<PathBuf>,

    /// With -R, read the files that kustomizations include as they are, instead of what is built
    #[arg(long, help_heading = WORKLOADS, conflicts_with = "kustomize")]
    no_kustomize: bool,

    /// Program for kustomizations that the built-in model cannot build: a kustomize or a kubectl
    /// [default: kustomize, otherwise kubectl, on the PATH]
    #[arg(long, help_heading = WORKLOADS, value_name = "PROGRAM",
        conflicts_with = "no_kustomize")]
    kustomize_program: Option<PathBuf>,
}

impl KustomizationFlags {
    /// Whether a kustomization is to be built.
    pub(crate) fn is_given(&self) -> bool {
        self.kustomize.is_some()
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.kustomize.as_deref()
    }

    /// Whether the kustomizations in the folders of -f are built.
    pub(crate) fn builds_folders(&self, place: &PlaceFlags) -> bool {
        place.recursive && !self.no_kustomize
    }

    /// Checks the flags against the place of the workloads.
    ///
    /// # Errors
    ///
    /// A flag has no effect.
    pub(crate) fn check(&self, place: &PlaceFlags) -> Result<(), CommandError> {
        let is_useless = !self.is_given() && !self.builds_folders(place);
        if is_useless && self.kustomize_program.is_some() {
            return Err(CommandError::usage(
                "--kustomize-program has no effect without -k DIR or -f DIR -R",
            ));
        }
        if self.no_kustomize && !place.recursive {
            return Err(CommandError::usage(
                "--no-kustomize has no effect without -f DIR -R",
            ));
        }
        Ok(())
    }

    /// The same flags, but kustomizations in the folders of -f are not built.
    pub(crate) fn without_folders(&self) -> Self {
        Self {
            no_kustomize: true,
            ..self.clone()
        }
    }

    /// How kustomizations are built. `cache`: where the places of images are kept.
    #[expect(
        clippy::disallowed_methods,
        reason = "the command line is where the search path comes from"
    )]
    pub(crate) fn builder(&self, cache: &Cache) -> KustomizeBuilder {
        KustomizeBuilder::new(KustomizeOptions {
            program: self.kustomize_program.clone(),
            search_path: std::env::var_os("PATH"),
            cache: cache.clone(),
        })
    }
}

impl ScopeFlags {
    /// Where the workloads are.
    pub(crate) fn place(&self) -> &PlaceFlags {
        &self.place
    }

    /// The kustomization to build.
    pub(crate) fn kustomization(&self) -> &KustomizationFlags {
        &self.kustomization
    }

    /// The flags about credentials.
    pub(crate) fn pull_secrets(&self) -> &PullSecretFlags {
        &self.pull_secrets
    }

    /// Rejects flags about kustomizations that have no effect.
    pub(crate) fn check_kustomization(&self) -> Result<(), CommandError> {
        self.kustomization.check(&self.place)
    }

    /// Rejects pull secrets if no cluster is read.
    pub(crate) fn check_pull_secrets(&self) -> Result<(), CommandError> {
        if self.from_snapshot.is_some() {
            self.pull_secrets.check("--from-snapshot")
        } else if !self.place.filename.is_empty() {
            self.pull_secrets.check("-f")
        } else if self.kustomization.is_given() {
            self.pull_secrets.check("-k")
        } else {
            Ok(())
        }
    }

    /// The saved snapshot to decide from.
    pub(crate) fn saved_snapshot(&self) -> Option<&PathBuf> {
        self.from_snapshot.as_ref()
    }

    /// The file to save the facts in.
    pub(crate) fn snapshot_to_save(&self) -> Option<&Path> {
        self.save_snapshot.as_deref()
    }

    /// A given flag that describes workloads, if there is one.
    pub(crate) fn about_workloads(&self) -> Option<&'static str> {
        let given = [
            (self.place.all_namespaces, "--all-namespaces"),
            (self.place.selector.is_some(), "--selector"),
            (!self.place.filename.is_empty(), "--filename"),
            (self.kustomization.is_given(), "--kustomize"),
            (self.save_snapshot.is_some(), "--save-snapshot"),
            (self.pull_secrets.is_given(), "--pull-secrets"),
        ];
        given
            .iter()
            .find(|(given, _)| *given)
            .map(|(_, flag)| *flag)
    }
}

impl ScopeArgs {
    pub(crate) fn new(resources: Vec<String>, flags: ScopeFlags) -> Self {
        Self { resources, flags }
    }

    pub(crate) fn flags(&self) -> &ScopeFlags {
        &self.flags
    }

    /// Whether neither a workload nor a label selector is given.
    pub(crate) fn is_everything(&self) -> bool {
        self.resources.is_empty() && self.flags.place.selector.is_none()
    }

    /// The workloads that the words select.
    pub(crate) fn workload_selector(&self) -> Result<WorkloadSelector, CommandError> {
        parse_resources(&self.resources)
    }
}

/// Parses kubectl's ways of naming objects: `TYPE/NAME…`, `TYPE NAME…`, `TYPE1,TYPE2`.
pub(crate) fn parse_resources(words: &[String]) -> Result<WorkloadSelector, CommandError> {
    let Some(first) = words.first() else {
        return Ok(WorkloadSelector::Everything);
    };
    if matches!(words, [word] if word == "all") {
        return Ok(WorkloadSelector::Everything);
    }
    if first.contains('/') {
        return words
            .iter()
            .map(|word| parse_type_and_name(word))
            .collect::<Result<_, _>>()
            .map(WorkloadSelector::Named);
    }
    let kinds = first
        .split(',')
        .filter(|word| !word.is_empty())
        .map(parse_type)
        .collect::<Result<Vec<_>, _>>()?;
    if kinds.is_empty() {
        return Err(CommandError::usage(format!(
            "{first:?} is not a resource type"
        )));
    }
    let names = &words[1..];
    if names.is_empty() {
        return Ok(WorkloadSelector::Kinds(kinds));
    }
    if let Some(word) = names.iter().find(|word| word.contains('/')) {
        return Err(CommandError::usage(format!(
            "{word:?} is in TYPE/NAME form, but a type was already given"
        )));
    }
    Ok(WorkloadSelector::Named(
        kinds
            .iter()
            .flat_map(|kind| names.iter().map(move |name| (kind.clone(), name.clone())))
            .collect(),
    ))
}

fn parse_type(word: &str) -> Result<WorkloadType, CommandError> {
    word.parse().map_err(CommandError::failed)
}

/// Parses `TYPE/NAME`.
fn parse_type_and_name(word: &str) -> Result<(WorkloadType, String), CommandError> {
    match word.split_once('/') {
        Some((kind, name)) if !kind.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok((parse_type(kind)?, name.to_owned()))
        }
        Some(_) => Err(CommandError::usage(format!(
            "arguments in resource/name form must have a single resource and name: {word:?}"
        ))),
        None => Err(CommandError::usage(format!(
            "there is no need to specify a resource type as a separate argument when passing \
             arguments in resource/name form: {word:?} is not TYPE/NAME"
        ))),
    }
}
