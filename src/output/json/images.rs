//! `images` without an argument.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::api_version::API_VERSION;
use super::explanation::ExplainContext;
use super::parts::{ErrorItem, Time, WorkloadItem};
use crate::evaluator::{ScopeError, State};
use crate::image::{Digest, ImageReference, Tag};
use crate::output::view::ImageUse;
use crate::workload::ContainerType;

/// The output of `images`: everything that runs in scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageList {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `ImageList`.
    pub kind: String,
    /// The kubeconfig context; null if no cluster was used.
    pub context: Option<String>,
    /// The time used as the current time.
    pub observed_at: Time,
    /// What could not be read.
    pub errors: Vec<ErrorItem>,
    /// The images, sorted by name.
    pub items: Vec<ImageItem>,
}

impl ImageList {
    /// The output for these containers.
    #[must_use]
    pub fn new(uses: &[ImageUse], errors: &[ScopeError], context: &ExplainContext) -> Self {
        let mut images: BTreeMap<&str, Vec<&ImageUse>> = BTreeMap::new();
        for used in uses {
            images.entry(&used.image).or_default().push(used);
        }
        let items = images
            .into_iter()
            .map(|(image, uses)| ImageItem::new(image, &uses));
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "ImageList".to_owned(),
            context: context.context.clone(),
            observed_at: context.observed_at.into(),
            errors: errors.iter().map(Into::into).collect(),
            items: items.collect(),
        }
    }
}

/// One image and the containers that run it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageItem {
    /// The image as written.
    pub image: String,
    /// The repository in canonical form; null if the image is not a valid reference.
    pub repository: Option<String>,
    /// The tag in the image reference.
    pub tag: Option<Tag>,
    /// The digest in the image reference.
    pub digest: Option<Digest>,
    /// The ImagePolicy objects that elect from the repository; omitted if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_policies: Vec<String>,
    /// The containers, in the order in which they were given.
    pub containers: Vec<UserItem>,
}

impl ImageItem {
    fn new(image: &str, uses: &[&ImageUse]) -> Self {
        let reference: Option<ImageReference> = image.parse().ok();
        let reference = reference.as_ref();
        Self {
            image: image.to_owned(),
            repository: reference.map(|reference| reference.canonical().to_string()),
            tag: reference.and_then(|reference| reference.tag().cloned()),
            digest: reference.and_then(|reference| reference.digest().cloned()),
            // They depend only on the image.
            image_policies: uses
                .first()
                .map(|used| used.image_policies.clone())
                .unwrap_or_default(),
            containers: uses.iter().map(|used| (*used).into()).collect(),
        }
    }
}

/// One container of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserItem {
    /// The workload, or the other owner of the Pods.
    pub workload: WorkloadItem,
    /// The container's name.
    pub container: String,
    /// `container` or `initContainer`.
    pub container_type: ContainerType,
    /// The state; null if no policy can apply to the container.
    pub state: Option<State>,
    /// How many Pods run it; null if they were not counted.
    pub pods: Option<usize>,
}

impl From<&ImageUse> for UserItem {
    fn from(used: &ImageUse) -> Self {
        Self {
            workload: WorkloadItem {
                api_version: used.user.api_version.clone(),
                kind: used.user.kind.clone(),
                namespace: used.user.namespace.clone(),
                name: used.user.name.clone(),
            },
            container: used.container.clone(),
            container_type: used.container_type,
            state: used.state,
            pods: used.pods,
        }
    }
}
