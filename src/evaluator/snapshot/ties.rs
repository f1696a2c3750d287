//! Which ImagePolicy a container is tied to, if no other policy applies to it.
//!
//! In a file, the marker next to the image names the ImagePolicy. A cluster has no markers;
//! there, a container is tied to the ImagePolicy of its image, if there is exactly one.

use std::collections::BTreeMap;

use super::policy_election::ImageObject;
use super::settings::{Elected, Settings};
use crate::image::{CanonicalName, ImageReference};
use crate::policy::{ElectionTarget, FluxObjects, PolicyError, PolicyOrigin, Resolved};
use crate::workload::{Container, Workload};

/// The ImagePolicy objects that containers may be tied to.
#[derive(Debug, Default)]
pub(crate) struct Ties {
    /// By `namespace:name`, as markers spell it.
    policies: BTreeMap<String, TiedPolicy>,
    /// The keys of the policies of an image.
    by_image: BTreeMap<CanonicalName, Vec<String>>,
}

/// An ImagePolicy that containers may be tied to.
#[derive(Debug, Clone)]
pub(crate) struct TiedPolicy {
    /// `namespace/name`.
    pub(crate) id: String,
    pub(crate) target: Result<ElectionTarget, PolicyError>,
}

impl Ties {
    /// Nothing is tied if only recorded images are wanted, because no registry is asked.
    pub(crate) fn new(objects: &[ImageObject], settings: &Settings) -> Self {
        let mut ties = Self::default();
        if settings.elected == Elected::Recorded {
            return ties;
        }
        let pairs = objects.iter();
        let pairs = pairs.map(|each| (each.source.as_ref(), &each.object));
        let objects = FluxObjects::read(pairs, "default");
        for policy in &objects.policies {
            let key = format!("{}:{}", policy.namespace, policy.name);
            let target = objects.target(policy);
            if let Ok(target) = &target {
                let name = target.image.canonical().clone();
                ties.by_image.entry(name).or_default().push(key.clone());
            }
            let id = policy.id();
            ties.policies.insert(key, TiedPolicy { id, target });
        }
        ties
    }

    /// The ImagePolicy of a container to which no other policy applies.
    pub(crate) fn find(
        &self,
        workload: &Workload,
        container: &Container,
        resolved: &Resolved,
    ) -> Option<TiedPolicy> {
        if self.policies.is_empty() || resolved.ignored || has_policy(resolved) {
            return None;
        }
        if workload.source.is_some() {
            return self
                .policies
                .get(&container.marker.as_ref()?.policy)
                .cloned();
        }
        let image: ImageReference = container.image.parse().ok()?;
        let [key] = self.by_image.get(image.canonical())?.as_slice() else {
            return None;
        };
        let mut tied = self.policies.get(key)?.clone();
        if let Ok(target) = &mut tied.target {
            target.policy.origin = PolicyOrigin::ImagePolicy {
                id: tied.id.clone(),
                is_inferred: true,
            };
        }
        Some(tied)
    }
}

/// Whether a policy applies that takes precedence. The one that automation implies does not.
fn has_policy(resolved: &Resolved) -> bool {
    match &resolved.policy {
        Some(Ok(policy)) => !matches!(policy.origin, PolicyOrigin::Implied(_)),
        Some(Err(_)) => true,
        None => false,
    }
}
