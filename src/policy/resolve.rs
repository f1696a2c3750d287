//! From a workload and the sources of policies to each container's state and
//! policy.
//!
//! Where several policies apply to one container, the workload's own annotation
//! wins over an entry of its Kustomization's `imagePolicies`, and either wins
//! over the `glob:*` that automation alone implies. A container reached only by
//! an entry is automated, unless `fluxcd.io/automated` says `"false"`. Locked
//! and ignored always win.

use super::container_policy::{ContainerPolicy, PolicyError, PolicyOrigin};
use super::quote::quote;
use super::rule::Rule;
use super::sources::annotations::PolicyAnnotations;
use super::sources::image_policies::{ImagePolicies, ImagePolicyEntry};
use super::sources::keys::AnnotationKey;
use super::sources::refinements::{apply_refinements, apply_restrictions_to_entry};
use super::state::{Lock, State};
use super::warning::{Warning, WarningCode};
use crate::image::ImageReference;
use crate::workload::{Container, NumericTag, Owner, Workload};

/// Where policies are read from beside the workloads' own annotations.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PolicySources {
    /// The Kustomizations with `imagePolicies`.
    pub image_policies: Vec<ImagePolicies>,
}

/// What is said of one container.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The state that follows from the annotations and the policy's source.
    pub state: State,
    /// The lock, where the state is locked.
    pub lock: Option<Lock>,
    /// Whether it would be automated without its lock.
    pub automated: bool,
    /// Whether `ignore` holds, also below a lock: then nothing is asked.
    pub ignored: bool,
    /// The policy to judge by, or why it cannot be used. `None`: there is none,
    /// and nothing needs to be asked.
    pub policy: Option<Result<ContainerPolicy, PolicyError>>,
    /// What to know about the annotations.
    pub warnings: Vec<Warning>,
}

/// Resolves every container of a workload, in the order of the spec.
#[must_use]
pub fn resolve(workload: &Workload, sources: &PolicySources) -> Vec<Resolved> {
    let annotations = PolicyAnnotations::read(workload);
    workload
        .containers
        .iter()
        .map(|container| resolve_container(workload, container, &annotations, sources))
        .collect()
}

fn resolve_container(
    workload: &Workload,
    container: &Container,
    annotations: &PolicyAnnotations,
    sources: &PolicySources,
) -> Resolved {
    let mut warnings = annotations.warnings.clone();
    warnings.extend(
        annotations
            .container_warnings
            .get(&container.name)
            .into_iter()
            .flatten()
            .cloned(),
    );
    if let Some(marker) = &container.marker {
        warnings.push(Warning::new(
            WarningCode::OtherUpdater,
            format!(
                "Flux's image automation writes this image by ImagePolicy {}",
                marker.policy
            ),
        ));
    }
    let own = own_policy(workload, container, annotations, &mut warnings);
    let entry = entry_policy(workload, container, sources);
    if let (Some(Ok(own)), Some(Ok(entry))) = (&own, &entry) {
        warnings.push(Warning::new(
            WarningCode::PolicyConflict,
            format!("{} applies as well; {} counts", entry.origin, own.origin),
        ));
    }

    let by_entry_alone = own.is_none() && entry.is_some();
    let automated = annotations.automated.is_some() || (by_entry_alone && !says_manual(workload));
    let state = if annotations.lock.is_some() {
        State::Locked
    } else if annotations.ignored {
        State::Ignored
    } else if automated {
        State::Automated
    } else {
        State::Manual
    };
    let policy = match (own, entry, &annotations.automated) {
        _ if annotations.ignored => None,
        (Some(own), ..) => Some(own),
        // A restriction that missed its container must not widen another's.
        (None, Some(_), _) | (None, None, Some(_)) if !annotations.dangling.is_empty() => {
            Some(Err(dangling_error(workload, annotations)))
        }
        (None, Some(entry), _) => Some(entry),
        // Nor must an entry that nobody can read: it may be for this container.
        (None, None, Some(key)) => Some(match unreadable_entry(workload, sources) {
            Some(error) => Err(error),
            None => implied(workload, container, key),
        }),
        (None, None, None) => None,
    };
    warnings.extend(container.numeric_tag.as_ref().map(numeric_tag));
    if policy.is_some()
        && let Some(obstacle) = workload.obstacle(container)
    {
        warnings.push(Warning::new(WarningCode::NotWritable, obstacle.message));
    }
    let lock = annotations.lock.clone();
    warnings.sort();
    warnings.dedup();
    Resolved {
        state,
        lock,
        automated,
        ignored: annotations.ignored,
        policy,
        warnings,
    }
}

/// That a tag is not a text, and what comes of it.
fn numeric_tag(tag: &NumericTag) -> Warning {
    let NumericTag { printed, written } = tag;
    let message = match written {
        Some(written) if written == printed => format!(
            "the tag {written} is written without quotes, so it is not read as text; quote it"
        ),
        Some(written) => format!(
            "the tag {written} is written without quotes, and Helm gets {printed} of it; quote it"
        ),
        None => format!(
            "the tag is not a text, and Helm gets {printed} of it; how the manifest writes it is \
             not known here; quote it there"
        ),
    };
    Warning::new(WarningCode::NumericTag, message)
}

/// Whether the workload's own word is that nothing is automated. A switch is on
/// or off, so whatever is not `"true"` counts, a misspelling too.
fn says_manual(workload: &Workload) -> bool {
    let switch = AnnotationKey::Automated.find(&workload.annotations);
    switch.is_some_and(|(_, value)| value != "true")
}

/// The error of an entry that governs the workload and whose image is not known.
fn unreadable_entry(workload: &Workload, sources: &PolicySources) -> Option<PolicyError> {
    sources
        .image_policies
        .iter()
        .filter(|policies| governs(policies, workload, sources))
        .flat_map(|policies| &policies.entries)
        .filter(|entry| entry.image.is_none())
        .find_map(|entry| entry.policy.as_ref().err().cloned())
}

/// The policy of the container's own filter annotation.
fn own_policy(
    workload: &Workload,
    container: &Container,
    annotations: &PolicyAnnotations,
    warnings: &mut Vec<Warning>,
) -> Option<Result<ContainerPolicy, PolicyError>> {
    let filter = annotations.filters.get(&container.name)?;
    let origin = PolicyOrigin::Annotation(filter.key.clone());
    if let Some(meant) = Rule::likely_typo(&filter.text) {
        warnings.push(Warning::new(
            WarningCode::PolicyTypo,
            format!(
                "{} is {:?}, which is taken as a glob; was {:?} meant?",
                filter.key,
                quote(&filter.text),
                quote(&meant)
            ),
        ));
    }
    let policy = Rule::parse(&filter.text)
        .map_err(|error| PolicyError::new(&filter.text, origin.clone(), error))
        .and_then(|rule| {
            refined(
                workload,
                container,
                ContainerPolicy::new(&filter.text, rule, origin),
            )
        });
    Some(policy)
}

/// The policy of automation alone: whatever is newest.
fn implied(
    workload: &Workload,
    container: &Container,
    key: &str,
) -> Result<ContainerPolicy, PolicyError> {
    let origin = PolicyOrigin::Implied(key.to_owned());
    let rule = Rule::parse("glob:*").map_err(|e| PolicyError::new("glob:*", origin.clone(), e))?;
    refined(
        workload,
        container,
        ContainerPolicy::new("glob:*", rule, origin),
    )
}

fn refined(
    workload: &Workload,
    container: &Container,
    mut policy: ContainerPolicy,
) -> Result<ContainerPolicy, PolicyError> {
    apply_refinements(&mut policy, &workload.annotations, &container.name)?;
    Ok(policy)
}

fn dangling_error(workload: &Workload, annotations: &PolicyAnnotations) -> PolicyError {
    let key = annotations.dangling.first().cloned().unwrap_or_default();
    let text = workload.annotations.get(&key).cloned().unwrap_or_default();
    let names: Vec<&str> = workload
        .containers
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    PolicyError::new(
        &text,
        PolicyOrigin::Annotation(key),
        format!(
            "it names no container of {} ({}); until it is mended or removed, only containers \
             with a filter of their own are updated",
            workload.id,
            names.join(", ")
        ),
    )
}

/// The policy of the entry for the container's image, if one applies.
fn entry_policy(
    workload: &Workload,
    container: &Container,
    sources: &PolicySources,
) -> Option<Result<ContainerPolicy, PolicyError>> {
    let key = AnnotationKey::NamedPolicy(&container.name).to_string();
    let governing = || {
        sources
            .image_policies
            .iter()
            .filter(|p| governs(p, workload, sources))
    };
    if let Some(wanted) = workload.annotations.get(&key) {
        return Some(
            named_entry(&key, wanted, sources, governing())
                .and_then(|entry| entry_for(entry, workload, container)),
        );
    }
    let image = container.image.parse::<ImageReference>().ok()?;
    let matching: Vec<&ImagePolicyEntry> = governing()
        .flat_map(|policies| &policies.entries)
        .filter(|entry| {
            entry
                .image
                .as_ref()
                .is_some_and(|i| i.canonical() == image.canonical())
        })
        .collect();
    match matching.as_slice() {
        [] => None,
        [entry] => Some(entry_for(entry, workload, container)),
        [first, second, ..] => {
            let reason = format!(
                "{} names the same image; choose with the annotation {key}",
                second.origin()
            );
            Some(Err(PolicyError::new(first.text(), first.origin(), reason)))
        }
    }
}

/// The entry that an annotation names: `[namespace/]name`. Those whose
/// Kustomization applies the workload are looked at first.
fn named_entry<'s>(
    key: &str,
    wanted: &str,
    sources: &'s PolicySources,
    governing: impl Iterator<Item = &'s ImagePolicies>,
) -> Result<&'s ImagePolicyEntry, PolicyError> {
    let (namespace, name) = match wanted.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, wanted),
    };
    let named = |policies: &'s ImagePolicies| {
        let in_scope = namespace.is_none_or(|namespace| policies.namespace == namespace);
        let entries = policies.entries.iter().filter(move |_| in_scope);
        entries.filter(move |entry| entry.name == name)
    };
    let mut found: Vec<&ImagePolicyEntry> = governing.flat_map(named).collect();
    if found.is_empty() {
        found = sources.image_policies.iter().flat_map(named).collect();
    }
    let refuse =
        |reason: String| PolicyError::new(wanted, PolicyOrigin::Annotation(key.to_owned()), reason);
    match found.as_slice() {
        [entry] => Ok(entry),
        [] => Err(refuse(format!(
            "there is no imagePolicies entry {:?}",
            quote(wanted)
        ))),
        [first, second, ..] if first.origin() == second.origin() => Ok(first),
        [first, second, ..] => Err(refuse(format!(
            "it may mean the {} or the {}",
            first.origin(),
            second.origin()
        ))),
    }
}

fn entry_for(
    entry: &ImagePolicyEntry,
    workload: &Workload,
    container: &Container,
) -> Result<ContainerPolicy, PolicyError> {
    let mut policy = entry.policy.clone()?;
    apply_restrictions_to_entry(&mut policy, &workload.annotations, &container.name)?;
    Ok(policy)
}

/// Whether a Kustomization applies a workload: by Flux's label where there is
/// one; for a file, by the folder that the Kustomization names, the innermost
/// where several do; a file in no such folder counts for every Kustomization.
fn governs(policies: &ImagePolicies, workload: &Workload, sources: &PolicySources) -> bool {
    if let Some(Owner {
        kind,
        namespace,
        name,
    }) = &workload.managed_by
        && kind == "Kustomization"
    {
        return *name == policies.name
            && namespace
                .as_ref()
                .is_none_or(|namespace| *namespace == policies.namespace);
    }
    let Some(source) = &workload.source else {
        return false;
    };
    let depth = |policies: &ImagePolicies| {
        let path = policies.path.as_deref().unwrap_or_default();
        depth_below(&source.file, path)
    };
    // A base is in no overlay's folder, and all overlays may build on it.
    let innermost = sources.image_policies.iter().map(depth).max().flatten();
    depth(policies) == innermost
}

/// How many folders deep the folder is below which a file lies, wherever the
/// checkout begins; `None`: the file lies elsewhere, or no folder is named.
fn depth_below(file: &str, folder: &str) -> Option<usize> {
    let parts = |path: &str| -> Vec<String> {
        path.split(['/', '\\'])
            .filter(|part| !part.is_empty() && *part != ".")
            .map(str::to_owned)
            .collect()
    };
    let (file, folder) = (parts(file), parts(folder));
    let lies_below =
        !folder.is_empty() && file.windows(folder.len()).any(|window| window == folder);
    lies_below.then_some(folder.len())
}

impl PolicySources {
    /// The entries that are for no container among these, each with the images
    /// that come close, in a sentence: a misspelt image is never updated.
    #[must_use]
    pub fn unmatched<'w>(
        &self,
        workloads: impl Iterator<Item = &'w Workload> + Clone,
    ) -> Vec<String> {
        let images: Vec<ImageReference> = workloads
            .flat_map(|workload| &workload.containers)
            .filter_map(|container| container.image.parse().ok())
            .collect();
        let mut sentences = Vec::new();
        for policies in &self.image_policies {
            for entry in &policies.entries {
                let Some(wanted) = &entry.image else {
                    sentences.extend(entry.policy.as_ref().err().map(ToString::to_string));
                    continue;
                };
                if images
                    .iter()
                    .any(|image| image.canonical() == wanted.canonical())
                {
                    continue;
                }
                let mut near: Vec<String> = images
                    .iter()
                    .map(|image| image.canonical().to_string())
                    .filter(|name| is_near(name, &wanted.canonical().to_string()))
                    .collect();
                near.sort_unstable();
                near.dedup();
                let hint = if near.is_empty() {
                    String::new()
                } else {
                    format!(" (close: {})", near.join(", "))
                };
                sentences.push(format!(
                    "imagePolicies entry {} of Kustomization {} matches no container: its image \
                     {} must be the one in the manifest{hint}",
                    entry.name,
                    policies.id(),
                    wanted.name(),
                ));
            }
        }
        sentences
    }
}

/// How alike two names must be to be called close, from 0 to 1.
const NEAR: f64 = 0.9;

fn is_near(a: &str, b: &str) -> bool {
    let last = |name: &str| name.rsplit('/').next().map(str::to_owned);
    last(a) == last(b) || strsim::jaro_winkler(a, b) >= NEAR
}
