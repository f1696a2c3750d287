//! The rights that the controller needs, and what for. The roles that are printed and the table
//! in docs/controller.md follow from this list.

use crate::cluster::CONTROLLER_LEASE;

/// Where a right is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Where the workloads are.
    Workloads,
    /// In the namespace of each workload, on the Namespace itself.
    Namespaces,
    /// In the whole cluster; not if the controller works in namespaces.
    Cluster,
    /// In the namespace where the controller runs.
    Own,
}

/// When a right is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Always.
    Always,
    /// If the controller writes.
    Writing,
    /// If it uses the pull secrets of workloads.
    PullSecrets,
}

/// A right that the controller needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// The verbs.
    pub verbs: &'static [&'static str],
    /// API groups, each with its resources.
    pub on: &'static [(&'static str, &'static [&'static str])],
    /// The only object that it is needed on; `None`: on all.
    pub name: Option<&'static str>,
    /// Where it is needed.
    pub place: Place,
    /// When it is needed.
    pub need: Need,
    /// What it is for.
    pub purpose: &'static str,
}

const WORKLOADS: &[(&str, &[&str])] = &[
    ("apps", &["deployments", "statefulsets", "daemonsets"]),
    ("batch", &["cronjobs"]),
    ("helm.toolkit.fluxcd.io", &["helmreleases"]),
    ("helm.fluxcd.io", &["helmreleases"]),
    ("flux.weave.works", &["helmreleases"]),
];

/// All of them.
pub const RIGHTS: &[Right] = &[
    Right {
        verbs: &["list", "watch"],
        on: WORKLOADS,
        name: None,
        place: Place::Workloads,
        need: Need::Always,
        purpose: "the workloads",
    },
    Right {
        verbs: &["get", "patch"],
        on: WORKLOADS,
        name: None,
        place: Place::Workloads,
        need: Need::Writing,
        purpose: "updates, rollbacks, and how a rollout goes on",
    },
    Right {
        verbs: &["get"],
        on: &[("", &["namespaces"])],
        name: None,
        place: Place::Namespaces,
        need: Need::Always,
        purpose: "windows and freezes, namespaces that are being deleted, and resumed updates",
    },
    Right {
        verbs: &["list"],
        on: &[("", &["namespaces"])],
        name: None,
        place: Place::Cluster,
        need: Need::Always,
        purpose: "the same, for many namespaces at once",
    },
    Right {
        verbs: &["list"],
        on: &[("", &["pods"])],
        name: None,
        place: Place::Workloads,
        need: Need::Always,
        purpose: "the digests that run, and why a rollout does not go on",
    },
    Right {
        verbs: &["list"],
        on: &[("", &["nodes"])],
        name: None,
        place: Place::Cluster,
        need: Need::Always,
        purpose: "the platforms that an image must have",
    },
    Right {
        verbs: &["list"],
        on: &[("apps", &["replicasets"])],
        name: None,
        place: Place::Workloads,
        need: Need::Always,
        purpose: "rollouts that somebody has undone",
    },
    Right {
        verbs: &["get"],
        on: &[("", &["serviceaccounts", "secrets"])],
        name: None,
        place: Place::Workloads,
        need: Need::PullSecrets,
        purpose: "the pull secrets of workloads",
    },
    Right {
        verbs: &["get", "list"],
        on: &[("kustomize.toolkit.fluxcd.io", &["kustomizations"])],
        name: None,
        place: Place::Workloads,
        need: Need::Always,
        purpose: "`imagePolicies`, and who else writes to a workload",
    },
    Right {
        verbs: &["list"],
        on: &[("argoproj.io", &["applications"])],
        name: None,
        place: Place::Cluster,
        need: Need::Writing,
        purpose: "who else writes to a workload",
    },
    Right {
        verbs: &["list"],
        on: &[("", &["events"])],
        name: None,
        place: Place::Workloads,
        need: Need::Writing,
        purpose: "why the Pods of a rollout cannot be created",
    },
    Right {
        verbs: &["create"],
        on: &[("events.k8s.io", &["events"])],
        name: None,
        place: Place::Workloads,
        need: Need::Writing,
        purpose: "the record of updates, and of what holds them back",
    },
    Right {
        verbs: &["get", "watch", "update"],
        on: &[("coordination.k8s.io", &["leases"])],
        name: Some(CONTROLLER_LEASE),
        place: Place::Own,
        need: Need::Always,
        purpose: "which replica leads",
    },
    Right {
        verbs: &["create"],
        on: &[("coordination.k8s.io", &["leases"])],
        name: None,
        place: Place::Own,
        need: Need::Always,
        purpose: "the first start; this right cannot be limited to a name",
    },
];

impl Right {
    /// The row of the table in docs/controller.md.
    #[must_use]
    pub fn row(&self) -> String {
        let verbs = self.verbs.iter().map(|verb| format!("`{verb}`"));
        let verbs = verbs.collect::<Vec<_>>().join(", ");
        let resources = self.on.iter().flat_map(|(group, resources)| {
            resources.iter().map(move |resource| match *group {
                "" => format!("`{resource}`"),
                group => format!("`{resource}.{group}`"),
            })
        });
        let mut on = resources.collect::<Vec<_>>().join(", ");
        if let Some(name) = self.name {
            on.push_str(&format!(", only `{name}`"));
        }
        let place = match self.place {
            Place::Workloads => "the namespaces of the workloads",
            Place::Namespaces => "these namespaces themselves",
            Place::Cluster => "the cluster; only with `--all-namespaces`",
            Place::Own => "its own namespace",
        };
        let need = match self.need {
            Need::Always => "",
            Need::Writing => "; not with `--observe`",
            Need::PullSecrets => "; not with `--pull-secrets off`",
        };
        format!("| {verbs} | {on} | {place} | {}{need} |", self.purpose)
    }
}
