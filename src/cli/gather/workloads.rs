//! Reads the workloads in scope, and what their decisions need from the cluster.

use std::path::Path;

use super::kustomizations::{KustomizationOrigin, built_roots, unless_stopped};
use super::named;
use super::snapshot_file;
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::flags::scope::{KustomizationFlags, PlaceFlags, ScopeArgs};
use crate::cli::runtime::now;
use crate::cluster::{Cluster, PodUsages, Scope, Selection, WorkloadSelector};
use crate::collect::{self, FluxMarkers};
use crate::evaluator::{Settings, Snapshot};
use crate::files::{self, FileError, FileListing, FileScope, SecretInFile, UncoveredImage};
use crate::kustomize::BuiltKustomization;
use crate::output::count;
use crate::policy::PolicySources;
use crate::registry::Cache;
use crate::workload::DEFAULT_NAMESPACE;

/// Where workloads were read, which is also where they are written.
pub(crate) enum WorkloadOrigin {
    /// Files.
    Files {
        /// The text of standard input, if it was one of them.
        stdin: Option<String>,
        /// Those with objects that define policies.
        policy_files: Vec<String>,
        /// The Secrets with registry credentials.
        secrets: Vec<SecretInFile>,
        /// The kustomizations among them.
        kustomizations: Option<Box<KustomizationOrigin>>,
    },
    /// The files of a kustomization.
    Kustomization(Box<KustomizationOrigin>),
    /// A cluster.
    Cluster(Box<Cluster>),
}

impl WorkloadOrigin {
    /// Nothing could be read.
    const NO_FILES: Self = Self::Files {
        stdin: None,
        policy_files: Vec::new(),
        secrets: Vec::new(),
        kustomizations: None,
    };

    /// The cluster, if the workloads came from one.
    pub(crate) fn cluster(&self) -> Option<&Cluster> {
        match self {
            Self::Cluster(cluster) => Some(cluster),
            Self::Files { .. } | Self::Kustomization(_) => None,
        }
    }

    /// The Secrets with registry credentials, if they are in files.
    pub(crate) fn secrets(&self) -> &[SecretInFile] {
        match self {
            Self::Files { secrets, .. } => secrets,
            Self::Cluster(_) | Self::Kustomization(_) => &[],
        }
    }

    /// The kustomizations that were built.
    pub(crate) fn kustomizations(&self) -> Option<&KustomizationOrigin> {
        match self {
            Self::Kustomization(origin) => Some(origin),
            Self::Files { kustomizations, .. } => kustomizations.as_deref(),
            Self::Cluster(_) => None,
        }
    }
}

/// The workloads in scope, before any registry is queried.
pub(crate) struct Reading {
    pub(crate) snapshot: Snapshot,
    /// Where they were read.
    pub(crate) origin: WorkloadOrigin,
    /// Printed if no workload was found.
    pub(crate) empty: String,
    /// What was skipped in folders.
    pub(crate) skipped: Option<String>,
    /// The images in files that have no row.
    pub(crate) uncovered: Vec<UncoveredImage>,
    /// The markers of Flux's image automation in files.
    pub(crate) markers: FluxMarkers,
}

/// The workloads in scope, and the images that only Pods or unsupported kinds have.
pub(crate) struct ImageReading {
    pub(crate) snapshot: Snapshot,
    pub(crate) pods: PodUsages,
    /// The images in files that have no row.
    pub(crate) uncovered: Vec<UncoveredImage>,
    /// Printed if no image was found.
    pub(crate) empty: String,
}

/// The namespace of an object in a file that does not name one.
pub(crate) fn default_namespace(globals: &Globals) -> &str {
    globals.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE)
}

/// Reads the workloads in scope.
pub(crate) async fn read(
    place: &PlaceFlags,
    kustomization: &KustomizationFlags,
    selector: WorkloadSelector,
    settings: Settings,
    globals: &Globals,
    cache: &Cache,
) -> Result<Reading, CommandError> {
    if kustomization.is_given() {
        return read_kustomization(kustomization, &selector, settings, globals, cache).await;
    }
    if !place.filename.is_empty() {
        let kustomization = Some((kustomization, cache));
        return read_files(place, kustomization, &selector, settings, globals).await;
    }
    let (cluster, selection) = connect(place, selector, globals).await?;
    let snapshot = collect::from_cluster(&cluster, &selection, settings, now()).await?;
    Ok(Reading {
        snapshot,
        origin: WorkloadOrigin::Cluster(Box::new(cluster)),
        empty: empty(&selection),
        skipped: None,
        uncovered: Vec::new(),
        markers: FluxMarkers::default(),
    })
}

/// Reads the workloads in scope for a command that writes them.
pub(crate) async fn read_to_write(
    place: &PlaceFlags,
    kustomization: &KustomizationFlags,
    selector: WorkloadSelector,
    settings: Settings,
    globals: &Globals,
    cache: &Cache,
) -> Result<Reading, CommandError> {
    let reading = read(
        place,
        kustomization,
        selector.clone(),
        settings,
        globals,
        cache,
    );
    let mut reading = reading.await?;
    named::refuse_ambiguous(&mut reading.snapshot, &selector);
    Ok(reading)
}

/// Reads only the workloads in scope. An annotation edit needs nothing else from the
/// cluster.
pub(crate) async fn read_workloads(
    place: &PlaceFlags,
    selector: WorkloadSelector,
    globals: &Globals,
) -> Result<Reading, CommandError> {
    let settings = Settings::default();
    if !place.filename.is_empty() {
        // An edit of annotations is not traced through kustomizations.
        let mut reading = read_files(place, None, &selector, settings, globals).await?;
        reading.snapshot.keep_policies(|_, _| false);
        named::refuse_ambiguous(&mut reading.snapshot, &selector);
        return Ok(reading);
    }
    let (cluster, selection) = connect(place, selector, globals).await?;
    let mut snapshot = collect::read_workloads(&cluster, &selection, settings, now()).await?;
    named::refuse_ambiguous(&mut snapshot, &selection.selector);
    Ok(Reading {
        snapshot,
        origin: WorkloadOrigin::Cluster(Box::new(cluster)),
        empty: empty(&selection),
        skipped: None,
        uncovered: Vec::new(),
        markers: FluxMarkers::default(),
    })
}

async fn connect(
    place: &PlaceFlags,
    selector: WorkloadSelector,
    globals: &Globals,
) -> Result<(Cluster, Selection), CommandError> {
    let cluster = Cluster::connect(&globals.connection()).await?;
    let scope = if place.all_namespaces {
        Scope::AllNamespaces
    } else {
        Scope::Namespace(cluster.namespace().to_owned())
    };
    let selection = Selection {
        scope,
        label_selector: place.selector.clone(),
        selector,
    };
    Ok((cluster, selection))
}

async fn read_files(
    place: &PlaceFlags,
    kustomization: Option<(&KustomizationFlags, &Cache)>,
    selector: &WorkloadSelector,
    settings: Settings,
    globals: &Globals,
) -> Result<Reading, CommandError> {
    let namespace = default_namespace(globals);
    let kustomization = kustomization.filter(|(flags, _)| flags.builds_folders(place));
    let scope = FileScope {
        paths: &place.filename,
        recursive: place.recursive,
        exclude: &place.exclude,
        builds_kustomizations: kustomization.is_some(),
    };
    let mut listing = files::read(scope, namespace);
    let kustomizations = match kustomization {
        Some((flags, cache)) => built_roots(flags, place, &mut listing, namespace, cache).await?,
        None => None,
    };
    let markers = collect::flux_markers(&mut listing, &place.filename, namespace);
    let charts = listing.skipped_charts;
    let skipped = (charts > 0).then(|| format!("skipped {}", count(charts, "Helm chart")));
    let stdin = listing.stdin.take();
    let policy_files = listing.objects.iter().map(|(at, _)| at.file.clone());
    let mut policy_files: Vec<String> = policy_files.collect();
    policy_files.dedup();
    let origin = WorkloadOrigin::Files {
        stdin,
        policy_files,
        secrets: std::mem::take(&mut listing.pull_secrets),
        kustomizations: kustomizations.map(Box::new),
    };
    let found = FoundInFiles {
        listing,
        markers,
        skipped,
    };
    from_listing(found, origin, namespace, selector, settings)
}

/// Builds a kustomization and reads the workloads in scope.
async fn read_kustomization(
    flags: &KustomizationFlags,
    selector: &WorkloadSelector,
    settings: Settings,
    globals: &Globals,
    cache: &Cache,
) -> Result<Reading, CommandError> {
    let folder = flags.folder().unwrap_or(Path::new("."));
    let builder = flags.builder(cache);
    let namespace = default_namespace(globals);
    let (listing, origin) = match unless_stopped(builder.read(folder, None)).await? {
        Ok(kustomization) => {
            let BuiltKustomization { tree, built, .. } = &kustomization;
            let listing = FileListing::of_kustomization(tree, built, namespace);
            let origin = KustomizationOrigin {
                kustomizations: vec![kustomization],
                builder,
                sources: PolicySources::default(),
            };
            (listing, WorkloadOrigin::Kustomization(Box::new(origin)))
        }
        Err(error @ FileError::Kustomization { .. }) => {
            let errors = vec![error];
            let listing = FileListing {
                errors,
                ..FileListing::default()
            };
            (listing, WorkloadOrigin::NO_FILES)
        }
        Err(error) => return Err(CommandError::failed(error)),
    };
    let found = FoundInFiles {
        listing,
        markers: FluxMarkers::default(),
        skipped: None,
    };
    from_listing(found, origin, namespace, selector, settings)
}

/// What files contain.
struct FoundInFiles {
    listing: FileListing,
    markers: FluxMarkers,
    /// What was skipped in folders.
    skipped: Option<String>,
}

/// The workloads in scope among those in files.
fn from_listing(
    found: FoundInFiles,
    origin: WorkloadOrigin,
    default_namespace: &str,
    selector: &WorkloadSelector,
    settings: Settings,
) -> Result<Reading, CommandError> {
    let FoundInFiles {
        mut listing,
        markers,
        skipped,
    } = found;
    listing
        .workloads
        .retain(|workload| named::is_named(selector, &workload.id));
    let uncovered = std::mem::take(&mut listing.uncovered);
    let mut snapshot = collect::from_files(listing, default_namespace, settings, now())?;
    if *selector != WorkloadSelector::Everything {
        // An entry for a workload that was not requested is not a mistake.
        snapshot.notes.clear();
    }
    let imageless = collect::imageless_releases(&snapshot.workloads);
    let not_covered = uncovered
        .line()
        .filter(|_| *selector == WorkloadSelector::Everything);
    let notes = [skipped.clone(), imageless, not_covered];
    snapshot.notes.extend(notes.into_iter().flatten());
    named::report_missing(&mut snapshot, selector, "files");
    Ok(Reading {
        snapshot,
        origin,
        empty: NO_FILES.to_owned(),
        skipped,
        uncovered: uncovered.images,
        markers,
    })
}

/// Reads the workloads in scope and the images of every Pod, without querying a registry.
pub(crate) async fn read_with_pods(
    scope: &ScopeArgs,
    globals: &Globals,
    cache: &Cache,
) -> Result<ImageReading, CommandError> {
    let settings = Settings::default();
    if let Some(path) = scope.flags().saved_snapshot() {
        return Ok(ImageReading {
            snapshot: snapshot_file::read(path)?,
            pods: PodUsages::default(),
            uncovered: Vec::new(),
            empty: NOTHING_SAVED.to_owned(),
        });
    }
    let place = scope.flags().place();
    let selector = scope.workload_selector()?;
    let kustomization = scope.flags().kustomization();
    let in_files = if kustomization.is_given() {
        let settings = settings.clone();
        Some(read_kustomization(kustomization, &selector, settings, globals, cache).await?)
    } else if place.filename.is_empty() {
        None
    } else {
        let settings = settings.clone();
        let kustomization = Some((kustomization, cache));
        Some(read_files(place, kustomization, &selector, settings, globals).await?)
    };
    if let Some(reading) = in_files {
        return Ok(ImageReading {
            snapshot: reading.snapshot,
            pods: PodUsages::default(),
            uncovered: reading.uncovered,
            empty: reading.empty,
        });
    }
    let (cluster, selection) = connect(place, selector, globals).await?;
    let workloads = collect::from_cluster(&cluster, &selection, settings, now());
    let pods = cluster.pod_usages(&selection.scope, selection.label_selector.as_deref());
    let (workloads, pods) = futures_util::join!(workloads, pods);
    let mut snapshot = workloads?;
    collect::add_image_objects(&cluster, None, &mut snapshot).await;
    Ok(ImageReading {
        snapshot,
        pods: pods?,
        uncovered: Vec::new(),
        empty: empty(&selection),
    })
}

/// Printed if a snapshot holds no workload.
pub(crate) const NOTHING_SAVED: &str = "No resources found in the snapshot.";

/// Printed if files hold no workload.
const NO_FILES: &str = "No workloads found in the files.";

/// What to print if the cluster holds no workload, in kubectl's words.
fn empty(selection: &Selection) -> String {
    match selection.scope.namespace() {
        Some(namespace) => format!("No resources found in {namespace} namespace."),
        None => "No resources found".to_owned(),
    }
}
