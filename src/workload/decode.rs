//! Decodes an object from the API or from a file into a [`Workload`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::container::{Container, ContainerType};
use super::helm::values;
use super::id::{WorkloadId, WorkloadKind};
use super::object::Workload;
use super::owner::{Owner, OwnerReference};
use super::pull_secrets::PullSecretRefs;
use super::scheduling::pod_spec::{PlacementFields, RawAffinity};
use super::scheduling::scheduling::Scheduling;
use super::scheduling::toleration::Toleration;

/// Why an object of a workload kind cannot be decoded. The manifest has to be fixed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The object has no name.
    #[error("the {kind} has no metadata.name")]
    NoName {
        /// The object's kind.
        kind: WorkloadKind,
    },
    /// An annotation or a label is not a string. The API server also refuses that.
    #[error("{field} of {object} must be a string, but is {found}; quote it")]
    NotText {
        /// `annotation KEY`.
        field: String,
        /// `deployment/web`.
        object: String,
        /// The type and the value that was found.
        found: String,
    },
    /// A field does not have the type that the API defines.
    #[error("{object}: {reason}")]
    Shape {
        /// `deployment/web`.
        object: String,
        /// What is wrong.
        reason: String,
    },
}

/// Decodes an object by its own `apiVersion` and `kind`. `Ok(None)` if it is not a
/// workload.
///
/// # Errors
///
/// The object is a workload, but it is not valid: see [`DecodeError`].
pub fn decode(object: &Value, namespace: &str) -> Result<Option<Workload>, DecodeError> {
    let [api_version, kind] = ["apiVersion", "kind"]
        .map(|key| object.get(key).and_then(Value::as_str).unwrap_or_default());
    match WorkloadKind::from_api(api_version, kind) {
        Some(kind) => decode_as(kind, api_version, namespace, object)
            .map(Some)
            .map_err(|error| match error {
                DecodeError::Shape { .. } => shape_error(kind, object).unwrap_or(error),
                error => error,
            }),
        None => Ok(None),
    }
}

/// The error of an object that is not valid, with its name and the path of the field.
fn shape_error(kind: WorkloadKind, object: &Value) -> Option<DecodeError> {
    let error = serde_path_to_error::deserialize::<_, RawObject>(object).err()?;
    let name = object.pointer("/metadata/name").and_then(Value::as_str);
    Some(DecodeError::Shape {
        object: name.map_or_else(
            || format!("a {kind}"),
            |name| format!("{}/{name}", kind.singular()),
        ),
        reason: format!("{}: {}", error.path(), error.inner()),
    })
}

/// Decodes an object whose kind is known, such as an item of a list, with any
/// deserializer. `namespace` is used if the object has none.
///
/// # Errors
///
/// The object is not valid: see [`DecodeError`].
pub fn decode_as<'de, D>(
    kind: WorkloadKind,
    api_version: &str,
    namespace: &str,
    object: D,
) -> Result<Workload, DecodeError>
where
    D: serde::Deserializer<'de>,
{
    let raw = RawObject::deserialize(object).map_err(|error| DecodeError::Shape {
        object: format!("a {kind}"),
        reason: error.to_string(),
    })?;
    raw.into_workload(kind, api_version, namespace)
}

/// Substrings of the keys of annotations that are kept. Other annotations are
/// dropped: they may be large, and may contain data that must not be in a saved
/// snapshot.
const READ: [&str; 6] = [
    "fluxcd.io/",
    "flux.weave.works/",
    "imgpolicy.dev/",
    "keel.sh/",
    "argocd",
    "meta.helm.sh/",
];

/// Whether the annotation with this key is kept.
pub(crate) fn is_read(key: &str) -> bool {
    READ.iter().any(|mark| key.contains(mark))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawObject {
    #[serde(default)]
    metadata: RawMetadata,
    #[serde(default)]
    spec: Option<RawSpec>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawMetadata {
    name: Option<String>,
    namespace: Option<String>,
    annotations: Option<BTreeMap<String, Value>>,
    labels: Option<BTreeMap<String, Value>>,
    owner_references: Option<Vec<OwnerReference>>,
    deletion_timestamp: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawSpec {
    selector: Option<RawSelector>,
    template: Option<RawTemplate>,
    job_template: Option<RawJobTemplate>,
    values: Option<Value>,
    /// A number, but in a file it may be the text of a template.
    replicas: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawSelector {
    match_labels: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawJobTemplate {
    spec: Option<RawJobSpec>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawJobSpec {
    template: Option<RawTemplate>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawTemplate {
    spec: Option<RawPodSpec>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawPodSpec {
    containers: Option<Vec<RawContainer>>,
    init_containers: Option<Vec<RawContainer>>,
    node_selector: Option<BTreeMap<String, String>>,
    affinity: Option<RawAffinity>,
    tolerations: Option<Vec<Toleration>>,
    node_name: Option<String>,
    image_pull_secrets: Option<Vec<RawReference>>,
    service_account_name: Option<String>,
    /// The deprecated name of that field, which the API still sets.
    service_account: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawReference {
    name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawContainer {
    name: String,
    image: Option<String>,
}

impl RawObject {
    fn into_workload(
        self,
        kind: WorkloadKind,
        api_version: &str,
        namespace: &str,
    ) -> Result<Workload, DecodeError> {
        let RawObject { metadata, spec } = self;
        let name = metadata
            .name
            .filter(|name| !name.is_empty())
            .ok_or(DecodeError::NoName { kind })?;
        let id = WorkloadId {
            namespace: metadata
                .namespace
                .filter(|namespace| !namespace.is_empty())
                .unwrap_or_else(|| namespace.to_owned()),
            name,
            kind,
            api_version: api_version.to_owned(),
        };
        let mut annotations = metadata.annotations.unwrap_or_default();
        annotations.retain(|key, _| is_read(key));
        let annotations = texts("annotation", &id, annotations)?;
        let labels = texts("label", &id, metadata.labels.unwrap_or_default())?;
        let references = metadata.owner_references.unwrap_or_default();
        let is_being_deleted = metadata.deletion_timestamp.is_some();
        let managed_by = Owner::from_markers(&labels, &annotations, &references, &id.namespace);

        let spec = spec.unwrap_or_default();
        let pod_labels = spec
            .selector
            .and_then(|s| s.match_labels)
            .unwrap_or_default();
        let replicas = spec.replicas.as_ref().and_then(Value::as_u64);
        let replicas = replicas.and_then(|replicas| replicas.try_into().ok());
        if kind == WorkloadKind::HelmRelease {
            let values = spec.values.as_ref().and_then(Value::as_object);
            let containers = values
                .map(|values| values::containers(values, &annotations))
                .unwrap_or_default();
            return Ok(Workload {
                id,
                annotations,
                containers,
                scheduling: Scheduling::default(),
                managed_by,
                pod_labels: BTreeMap::new(),
                replicas: None,
                pull_secrets: PullSecretRefs::default(),
                source: None,
                root: None,
                is_sealed: false,
                is_being_deleted,
            });
        }
        let template = match kind {
            WorkloadKind::CronJob => spec
                .job_template
                .and_then(|j| j.spec)
                .and_then(|s| s.template),
            _ => spec.template,
        };
        let pod = template
            .and_then(|template| template.spec)
            .unwrap_or_default();
        Ok(Workload {
            id,
            annotations,
            containers: containers_of_type(pod.containers, ContainerType::Container)
                .chain(containers_of_type(
                    pod.init_containers,
                    ContainerType::InitContainer,
                ))
                .collect(),
            scheduling: Scheduling::from_pod(
                PlacementFields {
                    node_selector: pod.node_selector,
                    affinity: pod.affinity,
                    tolerations: pod.tolerations,
                    node_name: pod.node_name,
                },
                kind,
            ),
            managed_by,
            pod_labels,
            replicas,
            pull_secrets: PullSecretRefs::new(
                pod.service_account_name.or(pod.service_account),
                pod.image_pull_secrets
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|secret| secret.name),
            ),
            source: None,
            root: None,
            is_sealed: false,
            is_being_deleted,
        })
    }
}

fn containers_of_type(
    containers: Option<Vec<RawContainer>>,
    container_type: ContainerType,
) -> impl Iterator<Item = Container> {
    // A container without an image has no row: the patch of an overlay names
    // containers without their images.
    containers
        .unwrap_or_default()
        .into_iter()
        .filter_map(move |raw| {
            Some(Container {
                name: raw.name,
                container_type,
                image: raw.image?,
                marker: None,
                obstacle: None,
                numeric_tag: None,
                has_chart_tag: false,
                replaced_by: None,
                written_at: Vec::new(),
                declared: None,
            })
        })
}

fn texts(
    field: &str,
    id: &WorkloadId,
    values: BTreeMap<String, Value>,
) -> Result<BTreeMap<String, String>, DecodeError> {
    values
        .into_iter()
        .map(|(key, value)| match value {
            Value::String(text) => Ok((key, text)),
            // The API treats a null as an empty string.
            Value::Null => Ok((key, String::new())),
            other => Err(DecodeError::NotText {
                field: format!("{field} {key}"),
                object: id.to_string(),
                found: match other {
                    Value::Bool(value) => format!("the boolean {value}"),
                    Value::Number(value) => format!("the number {value}"),
                    Value::Array(_) => "a list".to_owned(),
                    _ => "a mapping".to_owned(),
                },
            }),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod() -> Value {
        json!({"spec": {
            "initContainers": [{"name": "setup", "image": "busybox:1"}],
            "containers": [{"name": "app", "image": "org/app:1"}, {"name": "patched"}]}})
    }

    fn rows(object: &Value) -> Vec<(String, ContainerType, String)> {
        let workload = decode(object, "default")
            .expect("decodes")
            .expect("a workload");
        let row = |c: Container| (c.name, c.container_type, c.image);
        workload.containers.into_iter().map(row).collect()
    }

    #[test]
    fn containers_are_listed_before_init_containers() {
        let expected = [
            (
                "app".to_owned(),
                ContainerType::Container,
                "org/app:1".to_owned(),
            ),
            (
                "setup".to_owned(),
                ContainerType::InitContainer,
                "busybox:1".to_owned(),
            ),
        ];
        for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
            let object = json!({"apiVersion": "apps/v1", "kind": kind,
                "metadata": {"name": "web"}, "spec": {"template": pod()}});
            assert_eq!(rows(&object), expected, "{kind}");
        }
        let cron = json!({"apiVersion": "batch/v1", "kind": "CronJob",
            "metadata": {"name": "web"}, "spec": {"jobTemplate": {"spec": {"template": pod()}}}});
        assert_eq!(rows(&cron), expected);
    }

    #[test]
    fn other_kinds_are_not_workloads() {
        for (api, kind) in [
            ("v1", "Pod"),
            ("batch/v1", "Job"),
            ("v1", "Service"),
            ("", ""),
        ] {
            let object = json!({"apiVersion": api, "kind": kind, "metadata": {"name": "x"}});
            assert_eq!(decode(&object, "default"), Ok(None), "{kind}");
        }
    }

    #[test]
    fn unquoted_boolean_annotation_is_reported() {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "annotations": {"fluxcd.io/automated": true}}});
        let error = decode(&object, "default").expect_err("no text").to_string();
        assert_eq!(
            error,
            "annotation fluxcd.io/automated of deployment/web must be a string, \
             but is the boolean true; quote it"
        );
    }

    #[test]
    fn namespace_is_the_objects_own_or_the_default() {
        let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web"}});
        let namespace = |object: &Value| {
            decode(object, "shop")
                .expect("decodes")
                .expect("a workload")
                .id
                .namespace
        };
        assert_eq!(namespace(&object), "shop");
        object["metadata"]["namespace"] = json!("own");
        assert_eq!(namespace(&object), "own");
    }

    #[test]
    fn owner_is_read_from_its_marker() {
        for (metadata, owner) in [
            (
                json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps",
                "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}}),
                Some("Kustomization flux-system/apps"),
            ),
            (
                json!({"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:a/b"}}),
                Some("Application shop"),
            ),
            (
                json!({"ownerReferences": [{"kind": "Rollout", "name": "r", "controller": true}]}),
                Some("Rollout default/r"),
            ),
            (
                json!({"annotations": {"meta.helm.sh/release-name": "db",
                "meta.helm.sh/release-namespace": "data"}}),
                Some("Release data/db"),
            ),
            (json!({}), None),
        ] {
            let mut object =
                json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata});
            object["metadata"]["name"] = json!("web");
            let workload = decode(&object, "default")
                .expect("decodes")
                .expect("a workload");
            assert_eq!(workload.managed_by.map(|o| o.to_string()).as_deref(), owner);
        }
    }
}
