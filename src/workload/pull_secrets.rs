//! With which Secrets a workload's Pods pull their images: their names, never
//! what they hold.

use serde::{Deserialize, Serialize};

/// The service account of Pods that name none.
pub const DEFAULT_SERVICE_ACCOUNT: &str = "default";

/// What a Pod template says of its credentials.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PullSecretRefs {
    /// The service account, whose own pull secrets count too; `None`:
    /// [`DEFAULT_SERVICE_ACCOUNT`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// `imagePullSecrets`, each once, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

impl PullSecretRefs {
    pub(crate) fn new(
        service_account: Option<String>,
        listed: impl IntoIterator<Item = String>,
    ) -> Self {
        let mut names: Vec<String> = Vec::new();
        for name in listed {
            // The API takes an entry without a name, and the kubelet passes it over.
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        }
        Self {
            service_account: service_account
                .filter(|account| !account.is_empty() && account != DEFAULT_SERVICE_ACCOUNT),
            names,
        }
    }

    /// Whether the template says nothing of its own.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Whose pull secrets a registry is shown: workloads with an equal one have the
/// same credentials, and no two namespaces ever have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reader {
    /// The namespace of the workload and of its Secrets.
    pub namespace: String,
    /// The Secrets.
    #[serde(default, skip_serializing_if = "PullSecretRefs::is_empty")]
    pub pull_secrets: PullSecretRefs,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::workload::{ManifestSource, decode};

    #[test]
    fn pull_secrets_are_read_by_their_names_from_every_kind_of_template() {
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
            // Who names the default names none, so that they share what is read.
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
    fn releases_and_files_have_no_pull_secrets_that_are_known() {
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
