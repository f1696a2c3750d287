//! Other tools that update a workload's images. They do not respect our locks.

use std::collections::BTreeMap;

use crate::workload::Workload;

/// Another tool that updates the images of a workload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OtherUpdater {
    /// Its name: `Keel`, `HelmRelease shop/web`.
    pub name: String,
    /// How it was detected: `annotation keel.sh/policy`.
    pub sign: String,
}

/// The tools that an annotation allows to update a workload, each with the key.
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

/// The kinds of owners that write the images from Git or from a chart.
const OWNERS: [&str; 3] = ["Kustomization", "HelmRelease", "Application"];

/// The other tools that update images of a workload, as far as the object itself
/// shows them.
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
    fn other_updaters_of_a_workload_are_listed() {
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
