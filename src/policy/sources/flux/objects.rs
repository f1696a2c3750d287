//! Flux's image objects together: which repository an ImagePolicy elects from, by which
//! policy and with whose credentials.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::access::NamespaceLabels;
use super::fields::labels;
use super::image_policy::FluxImagePolicy;
use super::image_repository::{FluxImageRepository, RepositorySpec};
use super::rule::{DigestReflection, ElectionRule};
use crate::image::{CanonicalName, ImageReference};
use crate::policy::container_policy::{ContainerPolicy, PolicyError, PolicyOrigin};
use crate::workload::{ManifestSource, NO_SERVICE_ACCOUNT, PullIdentity, PullSecretRefs};

/// The ImagePolicy objects of a run, and what they refer to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FluxObjects {
    /// The ImagePolicy objects.
    pub policies: Vec<FluxImagePolicy>,
    repositories: Vec<FluxImageRepository>,
    /// The labels of the namespaces that are among the objects.
    namespaces: NamespaceLabels,
}

/// What an ImagePolicy elects from.
#[derive(Debug, Clone, PartialEq)]
pub struct ElectionTarget {
    /// The image without a tag, as its ImageRepository spells it.
    pub image: ImageReference,
    /// The policy.
    pub policy: ContainerPolicy,
    /// The credentials and the connection that Flux uses.
    pub reader: PullIdentity,
    /// The provider whose login Flux uses, which this program does not.
    pub provider: Option<String>,
}

/// The fields of an object that are read. The rest may contain data that does not belong in
/// a saved snapshot.
const RELEVANT_METADATA: [&str; 4] = ["name", "namespace", "labels", "generation"];

impl FluxObjects {
    /// Reads the objects of these kinds: ImagePolicy, ImageRepository and Namespace. Others
    /// are passed over.
    #[must_use]
    pub fn read<'o>(
        objects: impl IntoIterator<Item = (Option<&'o ManifestSource>, &'o Value)>,
        default_namespace: &str,
    ) -> Self {
        let mut found = Self::default();
        for (source, object) in objects {
            let policy = FluxImagePolicy::read(object, source, default_namespace);
            let repository = FluxImageRepository::read(object, source, default_namespace);
            found.policies.extend(policy);
            found.repositories.extend(repository);
            if is_namespace(object)
                && let Some(name) = object["metadata"]["name"].as_str()
            {
                let own = labels(&object["metadata"]["labels"]);
                found.namespaces.insert(name.to_owned(), own);
            }
        }
        found
    }

    /// The part of an object that [`Self::read`] reads, with its namespace; `None` for an
    /// object of another kind.
    #[must_use]
    pub fn relevant_part(object: &Value, default_namespace: &str) -> Option<Value> {
        let objects = Self::read([(None, object)], default_namespace);
        let is_image_object = !objects.policies.is_empty() || !objects.repositories.is_empty();
        if !is_image_object && objects.namespaces.is_empty() {
            return None;
        }
        let metadata: BTreeMap<&str, &Value> = RELEVANT_METADATA
            .into_iter()
            .filter_map(|key| Some((key, object["metadata"].get(key)?)))
            .collect();
        let mut part = json!({
            "apiVersion": object["apiVersion"], "kind": object["kind"], "metadata": metadata,
        });
        if is_image_object {
            if object["metadata"]["namespace"].is_null() {
                part["metadata"]["namespace"] = json!(default_namespace);
            }
            part["spec"] = object["spec"].clone();
            part["status"] = object["status"].clone();
        }
        Some(part)
    }

    /// The namespaces whose labels decide whether a policy may use its ImageRepository.
    #[must_use]
    pub fn foreign_namespaces(objects: &[Value]) -> BTreeSet<String> {
        let found = Self::read(objects.iter().map(|object| (None, object)), "default");
        let policies = found.policies.iter();
        let foreign = policies.filter(|policy| {
            let rule = policy.rule.as_ref();
            rule.is_ok_and(|rule| repository_id(policy, rule).0 != policy.namespace)
        });
        foreign.map(|policy| policy.namespace.clone()).collect()
    }

    /// Which policies elect from one of these images.
    #[must_use]
    pub fn policies_for(&self, images: &BTreeSet<CanonicalName>) -> BTreeSet<String> {
        let policies = self.policies.iter();
        let own = policies.filter(|policy| {
            let target = self.target(policy);
            target.is_ok_and(|target| images.contains(target.image.canonical()))
        });
        own.map(FluxImagePolicy::id).collect()
    }

    /// The ImageRepository that a policy names, as `namespace/name`; `None` if the policy is
    /// not valid.
    #[must_use]
    pub fn repository_of(&self, policy: &FluxImagePolicy) -> Option<String> {
        Some(id_of(repository_id(policy, policy.rule.as_ref().ok()?)))
    }

    /// Whether Flux does not read new tags for a policy.
    #[must_use]
    pub fn is_repository_suspended(&self, policy: &FluxImagePolicy) -> bool {
        let repository = policy.rule.as_ref().ok();
        let repository = repository.and_then(|rule| self.repository(policy, rule).ok());
        repository.is_some_and(|repository| repository.is_suspended)
    }

    /// What a policy elects from.
    ///
    /// # Errors
    ///
    /// The policy or its ImageRepository is not valid, is missing, or may not be used.
    pub fn target(&self, policy: &FluxImagePolicy) -> Result<ElectionTarget, PolicyError> {
        let origin = PolicyOrigin::ImagePolicy {
            id: policy.id(),
            is_inferred: false,
        };
        let rule = policy.rule.as_ref().map_err(|why| {
            let reason = format!("{why} ({})", policy.place());
            PolicyError::new("", origin.clone(), reason)
        })?;
        let text = rule.rule.to_string();
        let found = self.repository(policy, rule);
        let (repository, spec) = found
            .and_then(|repository| Ok((repository, self.usable(policy, repository)?)))
            .map_err(|reason| PolicyError::new(&text, origin.clone(), reason))?;
        let mut filter = rule.filter.clone();
        filter.ignore.clone_from(&spec.exclusions);
        let elected = ContainerPolicy {
            filter,
            reflects_digest: rule.reflection != DigestReflection::Never,
            ..ContainerPolicy::new(text, rule.rule.clone(), origin)
        };
        Ok(ElectionTarget {
            image: spec.image.clone(),
            policy: elected,
            reader: PullIdentity {
                namespace: repository.namespace.clone(),
                pull_secrets: PullSecretRefs {
                    service_account: Some(
                        spec.service_account
                            .clone()
                            .unwrap_or_else(|| NO_SERVICE_ACCOUNT.to_owned()),
                    ),
                    names: spec.secret.iter().cloned().collect(),
                    connection: spec.connection.clone(),
                },
            },
            provider: spec.provider.clone(),
        })
    }

    /// The ImageRepository that a policy names.
    fn repository(
        &self,
        policy: &FluxImagePolicy,
        rule: &ElectionRule,
    ) -> Result<&FluxImageRepository, String> {
        let wanted = repository_id(policy, rule);
        let all = self.repositories.iter();
        let mut own = all.filter(|each| (each.namespace.as_str(), each.name.as_str()) == wanted);
        let id = id_of(wanted);
        let repository = own
            .next()
            .ok_or_else(|| format!("its ImageRepository {id} was not found"))?;
        match own.find(|other| other.spec != repository.spec) {
            None => Ok(repository),
            Some(other) => Err(format!(
                "there are two ImageRepository objects {id}, in {} and {}",
                place(repository),
                place(other)
            )),
        }
    }

    /// The spec of an ImageRepository, if the policy may use it.
    fn usable<'r>(
        &self,
        policy: &FluxImagePolicy,
        repository: &'r FluxImageRepository,
    ) -> Result<&'r RepositorySpec, String> {
        let (id, place) = (repository.id(), place(repository));
        let spec = repository
            .spec
            .as_ref()
            .map_err(|why| format!("ImageRepository {id}: {why} ({place})"))?;
        if policy.namespace != repository.namespace {
            let access = spec.access.check(&policy.namespace, &self.namespaces);
            access.map_err(|why| format!("ImageRepository {id} ({place}) {why}"))?;
        }
        Ok(spec)
    }
}

fn is_namespace(object: &Value) -> bool {
    object["apiVersion"] == "v1" && object["kind"] == "Namespace"
}

fn repository_id<'r>(policy: &'r FluxImagePolicy, rule: &'r ElectionRule) -> (&'r str, &'r str) {
    let namespace = rule.repository_namespace.as_deref();
    (
        namespace.unwrap_or(&policy.namespace),
        rule.repository.as_str(),
    )
}

fn id_of((namespace, name): (&str, &str)) -> String {
    format!("{namespace}/{name}")
}

fn place(repository: &FluxImageRepository) -> String {
    let source = repository.source.as_ref();
    source.map_or_else(|| "the cluster".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(namespace: &str, repository: &Value) -> Value {
        json!({"apiVersion": "image.toolkit.fluxcd.io/v1beta2", "kind": "ImagePolicy",
            "metadata": {"name": "app", "namespace": namespace},
            "spec": {"imageRepositoryRef": repository, "policy": {"semver": {"range": "1.x"}}}})
    }

    fn repository(spec: &Value) -> Value {
        json!({"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImageRepository",
            "metadata": {"name": "app", "namespace": "flux-system"}, "spec": spec})
    }

    fn target(objects: &[Value]) -> Result<ElectionTarget, String> {
        let source = ManifestSource {
            file: "flux.yaml".to_owned(),
            line: 7,
        };
        let objects = objects.iter().map(|object| (Some(&source), object));
        let objects = FluxObjects::read(objects, "flux-system");
        let target = objects.target(&objects.policies[0]);
        target.map_err(|error| error.message)
    }

    #[test]
    fn policy_elects_from_the_repository_that_it_names() {
        let own = policy("flux-system", &json!({"name": "app"}));
        let spec = json!({"image": "org/app", "secretRef": {"name": "pull"}});
        let found = target(&[own.clone(), repository(&spec)]).expect("a target");
        assert_eq!(found.image.to_string(), "org/app");
        assert_eq!(found.policy.text, "semver:1.x");
        assert_eq!(found.reader.namespace, "flux-system");
        assert_eq!(found.reader.pull_secrets.names, ["pull"]);
        for (why, objects, expected) in [
            (
                "no repository",
                vec![own.clone()],
                "its ImageRepository flux-system/app was not found",
            ),
            (
                "an invalid one",
                vec![own.clone(), repository(&json!({"image": "org/app:1"}))],
                "ImageRepository flux-system/app: spec.image \"org/app:1\" must not have a tag or \
                 a digest (flux.yaml:7)",
            ),
            (
                "two of them",
                vec![own, repository(&spec), repository(&json!({"image": "a"}))],
                "there are two ImageRepository objects flux-system/app, in flux.yaml:7 and \
                 flux.yaml:7",
            ),
        ] {
            let error = target(&objects).expect_err(why);
            assert_eq!(error, format!("ImagePolicy flux-system/app: {expected}"));
        }
    }

    #[test]
    fn repository_of_another_namespace_must_be_open_to_the_policy() {
        let foreign = policy("apps", &json!({"name": "app", "namespace": "flux-system"}));
        let open = json!({"namespaceSelectors": [{"matchLabels": {"team": "a"}}]});
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "apps", "labels": {"team": "a"}}});
        let spec = json!({"image": "org/app", "accessFrom": open});
        let mut objects = vec![foreign, repository(&spec), namespace];
        let found = target(&objects).expect("a target");
        // The Secret is in the namespace of the ImageRepository.
        assert_eq!(found.reader.namespace, "flux-system");
        objects.pop();
        let error = target(&objects).expect_err("labels that are not known");
        assert!(
            error.ends_with("the Namespace object is missing"),
            "{error}"
        );
        objects[1] = repository(&json!({"image": "org/app"}));
        let error = target(&objects).expect_err("no access");
        assert!(error.contains("accessFrom does not select it"), "{error}");
    }

    #[test]
    fn snapshot_has_only_the_fields_that_are_read() {
        let mut object = policy("apps", &json!({"name": "app"}));
        object["metadata"]["annotations"] = json!({"note": "secret"});
        let metadata = object["metadata"].as_object_mut().expect("metadata");
        metadata.remove("namespace");
        let part = FluxObjects::relevant_part(&object, "apps").expect("an ImagePolicy");
        object["metadata"]["namespace"] = json!("apps");
        object["metadata"]
            .as_object_mut()
            .expect("metadata")
            .remove("annotations");
        object["status"] = Value::Null;
        assert_eq!(part, object);
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "apps"}, "spec": {"finalizers": []}});
        let part = FluxObjects::relevant_part(&namespace, "apps").expect("a Namespace");
        assert_eq!(part.get("spec"), None);
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}});
        assert_eq!(FluxObjects::relevant_part(&secret, "apps"), None);
    }
}
