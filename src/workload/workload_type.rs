//! Resource types as given on the command line.

use std::fmt;
use std::str::FromStr;

use super::id::{WorkloadId, WorkloadKind};

/// A kind, with the group and the version of its API if they are given. Several
/// groups may have the kind. All versions of one group have the same objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadType {
    kind: WorkloadKind,
    group: Option<&'static str>,
    version: Option<String>,
}

/// The word is not a kind, or it is a kind that has no rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the server doesn't have a resource type {word:?} that runs containers; {}",
    supported()
)]
pub struct UnknownType {
    /// The word as given.
    pub word: String,
}

fn supported() -> String {
    let names: Vec<&str> = WorkloadKind::ALL.iter().map(|k| k.plural()).collect();
    format!("supported types: {}", names.join(", "))
}

impl WorkloadType {
    /// The kind.
    #[must_use]
    pub fn kind(&self) -> WorkloadKind {
        self.kind
    }

    /// The group, if one is given.
    #[must_use]
    pub fn group(&self) -> Option<&'static str> {
        self.group
    }

    /// The version, if one is given: `v2`.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Whether an object is of this type.
    #[must_use]
    pub fn includes(&self, id: &WorkloadId) -> bool {
        self.kind == id.kind
            && self.group.is_none_or(|group| group == id.group())
            && self.version().is_none_or(|version| version == id.version())
    }

    /// The type in the singular: `deployment`, `helmrelease.helm.fluxcd.io`.
    #[must_use]
    pub fn singular(&self) -> String {
        self.qualify(self.kind.singular())
    }

    /// Appends the version and the group to a name.
    fn qualify(&self, name: &str) -> String {
        let parts = [Some(name), self.version(), self.group];
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        parts.join(".")
    }
}

/// The kind in all groups that have it.
impl From<WorkloadKind> for WorkloadType {
    fn from(kind: WorkloadKind) -> Self {
        Self {
            kind,
            group: None,
            version: None,
        }
    }
}

/// `deployments`, `helmreleases.v2.helm.toolkit.fluxcd.io`.
impl fmt::Display for WorkloadType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.qualify(self.kind.plural()))
    }
}

impl FromStr for WorkloadType {
    type Err = UnknownType;

    /// Parses a type as kubectl does: singular, plural or short name, in upper or
    /// lower case, alone (`deploy`), with the group (`deployments.apps`), or with
    /// version and group (`deployments.v1.apps`).
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownType {
            word: word.to_owned(),
        };
        let lower = word.to_ascii_lowercase();
        let (name, api) = lower.split_once('.').unwrap_or((&lower, ""));
        let kind = match name {
            "deployment" | "deployments" | "deploy" => WorkloadKind::Deployment,
            "statefulset" | "statefulsets" | "sts" => WorkloadKind::StatefulSet,
            "daemonset" | "daemonsets" | "ds" => WorkloadKind::DaemonSet,
            "cronjob" | "cronjobs" | "cj" => WorkloadKind::CronJob,
            "helmrelease" | "helmreleases" | "hr" => WorkloadKind::HelmRelease,
            _ => return Err(unknown()),
        };
        if api.is_empty() {
            return Ok(kind.into());
        }
        if let Some(group) = known_group(kind, api) {
            return Ok(Self {
                kind,
                group: Some(group),
                version: None,
            });
        }
        let (version, group) = api.split_once('.').ok_or_else(unknown)?;
        if !is_version(version) {
            return Err(unknown());
        }
        Ok(Self {
            kind,
            group: Some(known_group(kind, group).ok_or_else(unknown)?),
            version: Some(version.to_owned()),
        })
    }
}

fn known_group(kind: WorkloadKind, group: &str) -> Option<&'static str> {
    kind.groups().iter().copied().find(|known| *known == group)
}

/// Whether a text has the form of an API version: `v1`, `v2beta1`.
fn is_version(text: &str) -> bool {
    let number = text.strip_prefix('v').unwrap_or_default();
    number.starts_with(|c: char| c.is_ascii_digit())
        && number.chars().all(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_parsed_as_in_kubectl() {
        for (word, kind, group, version) in [
            ("deploy", WorkloadKind::Deployment, None, None),
            (
                "Deployments.apps",
                WorkloadKind::Deployment,
                Some("apps"),
                None,
            ),
            (
                "deployments.v1.apps",
                WorkloadKind::Deployment,
                Some("apps"),
                Some("v1"),
            ),
            // As in an old manifest.
            (
                "deployment.extensions",
                WorkloadKind::Deployment,
                Some("extensions"),
                None,
            ),
            ("sts", WorkloadKind::StatefulSet, None, None),
            ("cj.batch", WorkloadKind::CronJob, Some("batch"), None),
            ("hr", WorkloadKind::HelmRelease, None, None),
            (
                "hr.helm.fluxcd.io",
                WorkloadKind::HelmRelease,
                Some("helm.fluxcd.io"),
                None,
            ),
            (
                "helmrelease.flux.weave.works",
                WorkloadKind::HelmRelease,
                Some("flux.weave.works"),
                None,
            ),
            (
                "HelmReleases.v2beta1.helm.toolkit.fluxcd.io",
                WorkloadKind::HelmRelease,
                Some("helm.toolkit.fluxcd.io"),
                Some("v2beta1"),
            ),
        ] {
            let read: WorkloadType = word.parse().expect(word);
            assert_eq!(
                (read.kind(), read.group(), read.version()),
                (kind, group, version),
                "{word}"
            );
        }
        for word in [
            "",
            "deplo",
            "pods",
            "deployments.batch",
            // Another group whose name has the same ending.
            "deployments.myapps",
            "helmreleases.fluxcd.io",
            "helmreleases.helm.cattle.io",
            // An invalid version.
            "deployments.1.apps",
            "deployments.v.apps",
            "deployments.v1%2f.apps",
            "deployments.v1",
        ] {
            assert!(word.parse::<WorkloadType>().is_err(), "{word}");
        }
    }

    #[test]
    fn type_includes_only_matching_objects() {
        let id = WorkloadId {
            namespace: "shop".to_owned(),
            name: "db".to_owned(),
            kind: WorkloadKind::HelmRelease,
            api_version: "helm.toolkit.fluxcd.io/v2".to_owned(),
        };
        for (word, expected) in [
            ("hr", true),
            ("hr.helm.toolkit.fluxcd.io", true),
            ("hr.v2.helm.toolkit.fluxcd.io", true),
            ("hr.v2beta1.helm.toolkit.fluxcd.io", false),
            ("hr.helm.fluxcd.io", false),
            ("deploy", false),
        ] {
            let word: WorkloadType = word.parse().expect(word);
            assert_eq!(word.includes(&id), expected, "{word}");
        }
    }
}
