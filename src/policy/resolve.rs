//! Resolves the state and the policy of each container from its workload and the
//! other sources of policies.
//!
//! If several policies apply to a container, the workload's own annotation takes
//! precedence over an entry of its Kustomization's `imagePolicies`, and both take
//! precedence over the `glob:*` that is implied by automation. A container to which
//! only an entry applies is automated, unless `fluxcd.io/automated` is `"false"`.
//! Locked and ignored always take precedence.

use std::collections::BTreeMap;

use serde_json::Value;

use super::container_policy::{ContainerPolicy, PolicyError, PolicyOrigin};
use super::quote::quote;
use super::resolved::Resolved;
use super::rollouts::RolloutRules;
use super::rule::Rule;
use super::schedule::{Schedule, ScheduleFlags, namespace_schedule};
use super::sources::annotation_keys::AnnotationKey;
use super::sources::annotations::PolicyAnnotations;
use super::sources::image_policies::{ImagePolicies, ImagePolicyEntry};
use super::sources::refinements::{apply_refinements, apply_restrictions_to_entry};
use super::state::State;
use super::warning::{Warning, WarningCode};
use crate::image::ImageReference;
use crate::workload::{Container, DEFAULT_NAMESPACE, NumericTag, Owner, Workload};

/// The sources of policies other than the workloads' own annotations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicySources {
    /// The Kustomizations with `imagePolicies`.
    pub image_policies: Vec<ImagePolicies>,
    /// The annotations of namespaces about when images may be updated, by the namespace's
    /// name.
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// The windows and freezes of the run.
    pub schedule: ScheduleFlags,
}

/// Resolves every container of a workload, in the order of the spec.
#[must_use]
pub fn resolve(workload: &Workload, sources: &PolicySources) -> Vec<Resolved> {
    let annotations = PolicyAnnotations::read(workload);
    let schedule = Schedule::of(workload, &sources.namespaces, &sources.schedule);
    let rollouts = RolloutRules::of(workload);
    workload
        .containers
        .iter()
        .map(|container| {
            let rules = rollouts.as_ref();
            let rules = rules.map(|rules| rules.of_container(&container.name));
            resolve_container(workload, container, &annotations, sources)
                .restricted(schedule.clone(), rules.map_err(Clone::clone))
        })
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
            format!("{} also applies; {} is used", entry.origin, own.origin),
        ));
    }

    let by_entry_alone = own.is_none() && entry.is_some();
    let automated =
        annotations.automated.is_some() || (by_entry_alone && !is_explicitly_manual(workload));
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
        // A restriction with a misspelled container must not be dropped silently.
        (None, Some(_), _) | (None, None, Some(_)) if !annotations.dangling.is_empty() => {
            Some(Err(dangling_error(workload, annotations)))
        }
        (None, Some(entry), _) => Some(entry),
        // The same applies to an invalid entry, which may be for this container.
        (None, None, Some(key)) => Some(match unreadable_entry(workload, sources) {
            Some(error) => Err(error),
            None => implied(workload, container, key),
        }),
        (None, None, None) => None,
    };
    warnings.extend(container.numeric_tag.as_ref().map(numeric_tag));
    warnings.extend(drift(container));
    let is_replaced = container.replaced_by.is_some();
    if (policy.is_some() || is_replaced)
        && let Some(obstacle) = workload.obstacle(container)
    {
        let code = if is_replaced && !workload.is_sealed {
            WarningCode::OverriddenByKustomization
        } else {
            WarningCode::NotWritable
        };
        warnings.push(Warning::new(code, obstacle.message));
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
        schedule: Ok(Schedule::default()),
        rollouts: Ok(RolloutRules::default()),
        warnings,
    }
}

/// The warning that the cluster has another image than the Git repository.
fn drift(container: &Container) -> Option<Warning> {
    let declared = container.declared.as_ref()?;
    if declared.is_drift(&container.image) != Some(true) {
        return None;
    }
    let place = match container.written_at.first() {
        Some(place) => format!(" ({place})"),
        None => String::new(),
    };
    Some(Warning::new(
        WarningCode::Drift,
        format!("the repository has {}{place}", quote(&declared.image)),
    ))
}

/// The warning that a tag is not a string, with the value that Helm uses.
fn numeric_tag(tag: &NumericTag) -> Warning {
    let NumericTag { printed, written } = tag;
    let message = match written {
        Some(written) if written == printed => {
            format!("the tag {written} is written without quotes, so it is not a string; quote it")
        }
        Some(written) => format!(
            "the tag {written} is written without quotes, so Helm reads it as {printed}; quote it"
        ),
        None => format!(
            "the tag is not a string, and Helm reads it as {printed}; its text in the manifest is \
             not known here; quote it there"
        ),
    };
    Warning::new(WarningCode::NumericTag, message)
}

/// Whether the workload's annotation turns automation off. Every value other than
/// `"true"` does, including a misspelled one.
fn is_explicitly_manual(workload: &Workload) -> bool {
    let switch = AnnotationKey::Automated.find(&workload.annotations);
    switch.is_some_and(|(_, value)| value != "true")
}

/// The error of an entry that may apply to the workload, but whose image is not
/// known.
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
                "{} is {:?}, which is used as a glob; did you mean {:?}?",
                filter.key,
                quote(&filter.text),
                quote(&meant)
            ),
        ));
    }
    let policy = Rule::parse(&filter.text)
        .map_err(|error| PolicyError::new(&filter.text, origin.clone(), error))
        .and_then(|rule| {
            refine(
                workload,
                container,
                ContainerPolicy::new(&filter.text, rule, origin),
            )
        });
    Some(policy)
}

/// The policy that is implied by automation: the newest image.
fn implied(
    workload: &Workload,
    container: &Container,
    key: &str,
) -> Result<ContainerPolicy, PolicyError> {
    let origin = PolicyOrigin::Implied(key.to_owned());
    let rule = Rule::parse("glob:*").map_err(|e| PolicyError::new("glob:*", origin.clone(), e))?;
    refine(
        workload,
        container,
        ContainerPolicy::new("glob:*", rule, origin),
    )
}

fn refine(
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
            "{} has no such container (it has {}); until this is fixed or removed, only \
             containers with their own filter are updated",
            workload.id,
            names.join(", ")
        ),
    )
}

/// The policy of the `imagePolicies` entry for the container, if one applies.
fn entry_policy(
    workload: &Workload,
    container: &Container,
    sources: &PolicySources,
) -> Option<Result<ContainerPolicy, PolicyError>> {
    let key = AnnotationKey::NamedPolicy(&container.name).to_string();
    let governing: Vec<&ImagePolicies> = sources
        .image_policies
        .iter()
        .filter(|policies| governs(policies, workload, sources))
        .collect();
    if let Some(wanted) = workload.annotations.get(&key) {
        return Some(
            named_entry(&key, wanted, sources, &governing)
                .and_then(|entry| entry_for(entry, workload, container)),
        );
    }
    let image = container.image.parse::<ImageReference>().ok()?;
    let matching: Vec<&ImagePolicyEntry> = governing
        .into_iter()
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
                "{} is for the same image; choose one with the annotation {key}",
                second.origin()
            );
            Some(Err(PolicyError::new(first.text(), first.origin(), reason)))
        }
    }
}

/// The entry that an annotation names: `[namespace/]name`. Entries of Kustomizations
/// that apply the workload take precedence.
fn named_entry<'s>(
    key: &str,
    wanted: &str,
    sources: &'s PolicySources,
    governing: &[&'s ImagePolicies],
) -> Result<&'s ImagePolicyEntry, PolicyError> {
    let mut found = entries_named(wanted, governing.iter().copied());
    if found.is_empty() {
        found = entries_named(wanted, &sources.image_policies);
    }
    let reason = match found.as_slice() {
        [entry] => return Ok(entry),
        [first, second, ..] if first.origin() == second.origin() => return Ok(first),
        [] => format!("there is no imagePolicies entry {:?}", quote(wanted)),
        [first, second, ..] => format!(
            "it could be the {} or the {}",
            first.origin(),
            second.origin()
        ),
    };
    let origin = PolicyOrigin::Annotation(key.to_owned());
    Err(PolicyError::new(wanted, origin, reason))
}

fn entries_named<'s>(
    wanted: &str,
    policies: impl IntoIterator<Item = &'s ImagePolicies>,
) -> Vec<&'s ImagePolicyEntry> {
    let (namespace, name) = match wanted.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, wanted),
    };
    policies
        .into_iter()
        .filter(|policies| namespace.is_none_or(|namespace| policies.namespace == namespace))
        .flat_map(|policies| &policies.entries)
        .filter(|entry| entry.name == name)
        .collect()
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

/// Whether a Kustomization applies a workload. If the workload has Flux's label, that
/// decides. Otherwise, for a file, the folder of the Kustomization decides, and the
/// innermost folder if there are several. A file that is not in such a folder
/// belongs to every Kustomization.
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
    // A base is not in the folder of an overlay, and every overlay may include it.
    let all = sources.image_policies.iter();
    let innermost = all.map(|each| folder_depth(each, &source.file)).max();
    Some(folder_depth(policies, &source.file)) == innermost
}

/// How deep the folder of a Kustomization is; `None` if the file is not below it.
fn folder_depth(policies: &ImagePolicies, file: &str) -> Option<usize> {
    let folder = policies.path.as_deref().unwrap_or_default();
    depth_below(file, folder)
}

/// The number of path elements of the folder, if the file is below it, wherever the
/// root of the checkout is. `None` if it is not, or if there is no folder.
fn depth_below(file: &str, folder: &str) -> Option<usize> {
    let (file, folder) = (path_elements(file), path_elements(folder));
    let is_below = !folder.is_empty() && file.windows(folder.len()).any(|window| window == folder);
    is_below.then_some(folder.len())
}

fn path_elements(path: &str) -> Vec<&str> {
    path.split(['/', '\\'])
        .filter(|part| !part.is_empty() && *part != ".")
        .collect()
}

impl PolicySources {
    /// Adds what an object defines, if it is one that defines anything.
    pub fn add(&mut self, object: &Value) {
        let policies = ImagePolicies::read(object, DEFAULT_NAMESPACE);
        self.image_policies.extend(policies);
        self.namespaces.extend(namespace_schedule(object));
    }

    /// Those that may apply to a workload: its own Kustomization's, and those that it names.
    #[must_use]
    pub fn of(&self, workload: &Workload) -> Self {
        let mut containers = workload.containers.iter();
        let names_policies = containers.any(|container| {
            let key = AnnotationKey::NamedPolicy(&container.name).to_string();
            workload.annotations.contains_key(&key)
        });
        let image_policies = self.image_policies.iter();
        let own = self.namespaces.get_key_value(&workload.id.namespace);
        Self {
            image_policies: image_policies
                .filter(|policies| names_policies || governs(policies, workload, self))
                .cloned()
                .collect(),
            namespaces: BTreeMap::from_iter(own.map(|(name, all)| (name.clone(), all.clone()))),
            schedule: self.schedule.clone(),
        }
    }

    /// A message for each entry whose image no container of these workloads has, with
    /// similar images. A misspelled image would never be updated.
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
                    .filter(|name| is_similar(name, &wanted.canonical().to_string()))
                    .collect();
                near.sort_unstable();
                near.dedup();
                let hint = if near.is_empty() {
                    String::new()
                } else {
                    format!(" (similar: {})", near.join(", "))
                };
                sentences.push(format!(
                    "imagePolicies entry {} of Kustomization {} does not match any container: its \
                     image {} must be the same as in the manifest{hint}",
                    entry.name,
                    policies.id(),
                    wanted.name(),
                ));
            }
        }
        sentences
    }
}

/// How similar two names must be to be suggested, from 0 to 1.
const SIMILAR: f64 = 0.9;

fn is_similar(a: &str, b: &str) -> bool {
    a.rsplit('/').next() == b.rsplit('/').next() || strsim::jaro_winkler(a, b) >= SIMILAR
}
