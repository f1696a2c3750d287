//! Who else updates a workload's images. A lock of ours does not bind them.

use std::collections::BTreeMap;

use crate::workload::Workload;

/// Somebody else who updates images of a workload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OtherUpdater {
    /// What it is called: `Keel`, `HelmRelease shop/web`.
    pub name: String,
    /// What tells: `annotation keel.sh/policy`.
    pub sign: String,
}

/// The annotations that let another tool update a workload, each with the tool.
pub(crate) fn by_annotation(
    annotations: &BTreeMap<String, String>,
) -> impl Iterator<Item = (&'static str, &str)> {
    let keel = annotations
        .get_key_value("keel.sh/policy")
        .filter(|(_, value)| *value != "never");
    let argo = annotations
        .keys()
        .find(|key| key.starts_with("argocd-image-updater.argoproj.io/"));
    let keel = keel.map(|(key, _)| ("Keel", key.as_str()));
    keel.into_iter()
        .chain(argo.map(|key| ("Argo CD Image Updater", key.as_str())))
}

/// The owners that write images of their own accord, as Git or a chart tells
/// them.
const OWNERS: [&str; 3] = ["Kustomization", "HelmRelease", "Application"];

/// Everybody else who updates images of a workload, as far as the object itself
/// tells, each once.
#[must_use]
pub fn other_updaters(workload: &Workload) -> Vec<OtherUpdater> {
    let tools = by_annotation(&workload.annotations).map(|(name, key)| OtherUpdater {
        name: name.to_owned(),
        sign: format!("annotation {key}"),
    });
    let markers = workload.containers.iter().filter_map(|container| {
        let marker = container.marker.as_ref()?;
        Some(OtherUpdater {
            name: "Flux's image automation".to_owned(),
            sign: format!(
                "ImagePolicy {} at container {}",
                marker.policy, container.name
            ),
        })
    });
    let owner = workload.managed_by.as_ref();
    let owner = owner
        .filter(|owner| OWNERS.contains(&owner.kind.as_str()))
        .map(|owner| OtherUpdater {
            name: owner.to_string(),
            sign: "which applies this workload".to_owned(),
        });
    tools.chain(markers).chain(owner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{ImageMarker, Owner};

    #[test]
    fn everybody_whom_a_lock_does_not_bind_is_named() {
        let mut workload = Workload::running("org/app:1");
        assert_eq!(other_updaters(&workload), []);
        let annotation = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        workload.annotations = BTreeMap::from([
            annotation("keel.sh/policy", "never"),
            annotation("argocd-image-updater.argoproj.io/image-list", "org/app"),
        ]);
        workload.containers[0].marker = Some(ImageMarker {
            policy: "flux-system:app".to_owned(),
        });
        workload.managed_by = Some(Owner {
            kind: "HelmRelease".to_owned(),
            namespace: Some("shop".to_owned()),
            name: "web".to_owned(),
        });
        let names = |workload: &Workload| -> Vec<String> {
            other_updaters(workload)
                .into_iter()
                .map(|u| u.name)
                .collect()
        };
        let rest = [
            "Argo CD Image Updater",
            "Flux's image automation",
            "HelmRelease shop/web",
        ];
        assert_eq!(names(&workload), rest);
        workload
            .annotations
            .insert("keel.sh/policy".to_owned(), "minor".to_owned());
        assert_eq!(names(&workload)[0], "Keel");
    }
}
