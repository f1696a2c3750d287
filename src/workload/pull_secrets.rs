//! The Secrets with which a workload's Pods pull their images: only the names, not
//! the contents.

use serde::{Deserialize, Serialize};

/// The service account of Pods that do not specify one.
pub const DEFAULT_SERVICE_ACCOUNT: &str = "default";

/// The service account of a reader that has none, such as an ImageRepository.
pub const NO_SERVICE_ACCOUNT: &str = "";

/// The references of a Pod template to pull secrets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PullSecretRefs {
    /// The service account, whose pull secrets are also used; `None` means
    /// [`DEFAULT_SERVICE_ACCOUNT`], and [`NO_SERVICE_ACCOUNT`] means none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// The names in `imagePullSecrets`, without duplicates, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// How the registry is reached, if the reader says so.
    #[serde(skip_serializing_if = "ConnectionRefs::is_empty")]
    pub connection: ConnectionRefs,
}

/// How a reader reaches the registry of its image: what an ImageRepository of Flux says. A Pod
/// has no such settings. Only the names of the Secrets, not their contents.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConnectionRefs {
    /// The Secret with certificate authorities or a client certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificates: Option<String>,
    /// The Secret with the proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// Whether plain HTTP is allowed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub insecure: bool,
}

impl ConnectionRefs {
    /// Whether the registry is reached like any other.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The fields of an ImageRepository that say so, with the names of the Secrets.
    #[must_use]
    pub fn fields(&self) -> Vec<String> {
        let secrets = [
            ("certSecretRef", &self.certificates),
            ("proxySecretRef", &self.proxy),
        ];
        let secrets = secrets
            .into_iter()
            .filter_map(|(field, name)| Some(format!("{field} {}", name.as_ref()?)));
        let insecure = self.insecure.then(|| "insecure: true".to_owned());
        secrets.chain(insecure).collect()
    }
}

impl PullSecretRefs {
    pub(crate) fn new(
        service_account: Option<String>,
        listed: impl IntoIterator<Item = String>,
    ) -> Self {
        let mut names: Vec<String> = Vec::new();
        for name in listed {
            // The API accepts an entry without a name, and the kubelet ignores it.
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        }
        Self {
            service_account: service_account
                .filter(|account| !account.is_empty() && account != DEFAULT_SERVICE_ACCOUNT),
            names,
            connection: ConnectionRefs::default(),
        }
    }

    /// Whether the template refers to no pull secret and to no other service account.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The identity with which images are pulled. Workloads with an equal identity have
/// the same credentials. Workloads in different namespaces never do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullIdentity {
    /// The namespace of the workload and of its Secrets.
    pub namespace: String,
    /// The pull secrets.
    #[serde(default, skip_serializing_if = "PullSecretRefs::is_empty")]
    pub pull_secrets: PullSecretRefs,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::workload::{ManifestSource, decode};

    #[test]
    fn pull_secret_names_are_read_from_every_kind_of_template() {
        let refs = |spec: Value| {
            let objects = ["Deployment", "StatefulSet", "DaemonSet"].map(|kind| {
                json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"},
                    "spec": {"template": {"spec": spec}}})
            });
            let cron = json!({"apiVersion": "batch/v1", "kind": "CronJob",
                "metadata": {"name": "web"},
                "spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}});
            let read = |object: &Value| {
                let workload = decode(object, "shop")
                    .expect("decodes")
                    .expect("a workload");
                assert_eq!(workload.reader().expect("one").namespace, "shop");
                workload.pull_secrets
            };
            let all: Vec<_> = objects.iter().chain([&cron]).map(read).collect();
            assert!(all.iter().all(|refs| *refs == all[0]), "{all:?}");
            let PullSecretRefs {
                service_account,
                names,
                ..
            } = all[0].clone();
            (service_account, names.join(" "))
        };
        for (spec, account, names) in [
            (json!({}), None, ""),
            (
                json!({"imagePullSecrets": [{"name": "b"}, {"name": ""}, {}, {"name": "a"},
                    {"name": "b"}]}),
                None,
                "b a",
            ),
            (json!({"serviceAccountName": "web"}), Some("web"), ""),
            (json!({"serviceAccount": "old"}), Some("old"), ""),
            // Naming the default account is the same as naming none.
            (json!({"serviceAccountName": "default"}), None, ""),
            (
                json!({"serviceAccountName": "", "imagePullSecrets": null}),
                None,
                "",
            ),
        ] {
            assert_eq!(
                refs(spec.clone()),
                (account.map(str::to_owned), names.to_owned()),
                "{spec}"
            );
        }
    }

    #[test]
    fn pull_secrets_of_helm_releases_and_files_are_not_known() {
        let release = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": "db"}, "spec": {"values": {"image": "org/db:1"}}});
        let read = |object: &Value| {
            decode(object, "shop")
                .expect("decodes")
                .expect("a workload")
        };
        assert_eq!(read(&release).reader(), None);
        let mut file = read(&json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web"}}));
        assert!(file.reader().is_some());
        file.source = Some(ManifestSource {
            file: "web.yaml".to_owned(),
            line: 1,
        });
        assert_eq!(file.reader(), None);
    }
}
