//! What `kubectl rollout undo` took back.
//!
//! Going back to an older revision also brings back the annotations that the Deployment
//! had then: its lock, its policies and its record are those of the older ReplicaSet.
//! What they were before is only known from the newer ReplicaSet.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The number of a ReplicaSet's revision, which grows with each change.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// The former numbers of a revision that a Deployment went back to.
const FORMER_REVISIONS: &str = "deployment.kubernetes.io/revision-history";

/// The revision that a Deployment had before it went back to an older one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UndoneRevision {
    /// Its number, as in `kubectl rollout history`.
    pub revision: u64,
    /// The annotations that the Deployment had; only those that this program reads.
    pub annotations: BTreeMap<String, String>,
    /// The images of its containers, by the containers' names.
    pub images: BTreeMap<String, String>,
}

/// Whether a Deployment went back to this `ReplicaSet` at some time.
#[must_use]
pub fn has_former_revisions(replica_set: &Value) -> bool {
    let former = &replica_set["metadata"]["annotations"][FORMER_REVISIONS];
    former.as_str().is_some_and(|former| !former.is_empty())
}

/// The revision that was undone, from all ReplicaSets of one Deployment. `None` if its
/// current revision is a new one.
#[must_use]
pub fn undone_revision(replica_sets: &[&Value]) -> Option<UndoneRevision> {
    let mut numbered: Vec<(u64, &Value)> = replica_sets
        .iter()
        .filter_map(|&set| Some((revision(set)?, set)))
        .collect();
    numbered.sort_by_key(|(revision, _)| *revision);
    let (_, current) = numbered.pop()?;
    let (revision, undone) = numbered.pop()?;
    if !has_former_revisions(current) {
        return None;
    }
    let annotations = undone["metadata"]["annotations"].as_object()?;
    let texts = annotations
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .filter(|(key, _)| super::decode::is_read(key));
    Some(UndoneRevision {
        revision,
        annotations: texts.collect(),
        images: container_images(&undone["spec"]["template"]["spec"]),
    })
}

/// The number of the revision that a `ReplicaSet` is.
#[must_use]
pub fn revision(replica_set: &Value) -> Option<u64> {
    let number = replica_set["metadata"]["annotations"][REVISION].as_str()?;
    number.parse().ok()
}

/// The images of the spec of a Pod, by the names of the containers.
#[must_use]
pub fn container_images(pod: &Value) -> BTreeMap<String, String> {
    ["containers", "initContainers"]
        .into_iter()
        .flat_map(|list| pod[list].as_array().into_iter().flatten())
        .filter_map(|container| {
            let [name, image] = ["name", "image"].map(|key| container[key].as_str());
            Some((name?.to_owned(), image?.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn replica_set(revision: &str, former: Option<&str>, image: &str) -> Value {
        let mut annotations = json!({REVISION: revision, "fluxcd.io/locked": "true",
            "example.com/other": "x"});
        if let Some(former) = former {
            annotations[FORMER_REVISIONS] = json!(former);
        }
        json!({"metadata": {"annotations": annotations}, "spec": {"template": {"spec": {
            "containers": [{"name": "app", "image": image}]}}}})
    }

    #[test]
    fn revision_before_the_one_that_was_gone_back_to_is_undone() {
        let undone = undone_revision(&[
            &replica_set("10", Some("8"), "app:1"),
            &replica_set("9", None, "app:2"),
            &replica_set("2", None, "app:0"),
        ]);
        let undone = undone.expect("it was undone");
        assert_eq!(undone.revision, 9);
        assert_eq!(undone.images["app"], "app:2");
        assert_eq!(
            undone.annotations.keys().collect::<Vec<_>>(),
            ["fluxcd.io/locked"]
        );
    }

    #[test]
    fn new_revision_undoes_nothing() {
        for sets in [
            vec![],
            vec![replica_set("1", None, "app:1")],
            vec![
                replica_set("1", None, "app:1"),
                replica_set("2", None, "app:2"),
            ],
            // It went back once, and forward again since.
            vec![
                replica_set("3", Some("1"), "app:1"),
                replica_set("4", None, "app:3"),
            ],
            vec![json!({}), replica_set("3", Some("1"), "app:1")],
        ] {
            let sets: Vec<&Value> = sets.iter().collect();
            assert_eq!(undone_revision(&sets), None, "{sets:?}");
        }
    }
}
