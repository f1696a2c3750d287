//! Scans of a few workloads, and the checks that apply to every scan.

use std::time::Duration;

use kubectl_imgpolicy::collect::{PullSecretUse, UsedPullSecrets, scan};
use kubectl_imgpolicy::evaluator::{Snapshot, assess};
use kubectl_imgpolicy::registry::{Registries, RegistryOptions};
use kubectl_imgpolicy::workload::decode;
use serde_json::{Value, json};

use super::cluster::Objects;

/// A Deployment with a policy; `pod` is merged into its Pod's spec.
pub(crate) fn deployment(namespace: &str, name: &str, image: &str, pod: &Value) -> Value {
    let mut spec = json!({"containers": [{"name": "app", "image": image}]});
    for (key, value) in pod.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": name, "annotations":
            {"fluxcd.io/automated": "true", "fluxcd.io/tag.app": "semver:~1.0"}},
        "spec": {"template": {"spec": spec}}})
}

pub(crate) fn snapshot(objects: &[Value]) -> Snapshot {
    let mut snapshot = Snapshot::new("2026-11-21T12:00:00Z".parse().expect("a time"));
    let workload = |object| decode(object, "").expect("decodes").expect("a workload");
    snapshot.workloads = objects.iter().map(workload).collect();
    snapshot
}

pub(crate) fn options() -> RegistryOptions {
    RegistryOptions {
        backoff: Duration::from_millis(1),
        ..RegistryOptions::default()
    }
}

/// The result of a scan.
pub(crate) struct Scanned {
    pub(crate) snapshot: Snapshot,
    used: UsedPullSecrets,
}

impl Scanned {
    pub(crate) async fn with(
        workloads: &[Value],
        how: PullSecretUse<'_>,
        options: RegistryOptions,
    ) -> Self {
        let mut snapshot = snapshot(workloads);
        let registries = Registries::new(options).expect("options");
        let used = scan(
            &mut snapshot,
            &registries,
            how,
            &|_| {},
            std::future::pending(),
        )
        .await
        .expect("scanned");
        assert_eq!(registries.finish().await, [""; 0]);
        let scanned = Self { snapshot, used };
        scanned.check();
        scanned
    }

    pub(crate) async fn auto(workloads: &[Value], objects: &Objects) -> Self {
        Self::with(
            workloads,
            PullSecretUse::Auto(&objects.cluster()),
            options(),
        )
        .await
    }

    /// Checks that apply to every scan: its snapshot gives the same decisions anywhere, and
    /// contains no credential.
    fn check(&self) {
        let text = serde_json::to_string(&self.snapshot).expect("JSON");
        let again = Snapshot::parse(&text).expect("its own format");
        assert_eq!(
            assess(&again).expect("rows").rows,
            assess(&self.snapshot).expect("rows").rows
        );
        for secret in ["hunter", "aHVudGVy", "YWxpY2U6", "Bearer", "auths"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }

    /// `NAMESPACE/NAME REASON`, sorted.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let rows = assess(&self.snapshot).expect("rows").rows;
        rows.iter()
            .map(|row| {
                let id = &row.workload;
                format!("{}/{} {}", id.namespace, id.name, row.decision.reason)
            })
            .collect()
    }

    pub(crate) fn message(&self, name: &str) -> String {
        let rows = assess(&self.snapshot).expect("rows").rows;
        let row = rows.iter().find(|row| row.workload.name == name);
        row.expect("a row").decision.message.clone()
    }

    pub(crate) fn used(&self) -> (usize, usize) {
        (self.used.secrets, self.used.namespaces)
    }
}
