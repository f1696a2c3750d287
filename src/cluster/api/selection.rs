//! What the user asked to see.

use super::error::ClusterError;
use super::path_segment::check_path_segment;
use crate::workload::WorkloadType;

/// Which workloads to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Where.
    pub scope: Scope,
    /// `-l`: as the API reads label selectors.
    pub label_selector: Option<String>,
    /// Which of them.
    pub what: WorkloadSelector,
}

/// One namespace or all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// `-n`, or the context's.
    Namespace(String),
    /// `-A`.
    AllNamespaces,
}

/// Kinds or names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkloadSelector {
    /// Nothing was named: every supported kind, those that the cluster does not
    /// have silently left out.
    Everything,
    /// Types that the user named; one that the cluster does not have, or that
    /// may not be read, is an error.
    Kinds(Vec<WorkloadType>),
    /// Single objects; a type without a group means each group that has the name.
    Named(Vec<(WorkloadType, String)>),
}

impl Scope {
    /// The namespace, if it is one.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Namespace(namespace) => Some(namespace),
            Self::AllNamespaces => None,
        }
    }

    /// How errors and JSON call it: `namespace/shop` or `cluster`.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Namespace(namespace) => format!("namespace/{namespace}"),
            Self::AllNamespaces => "cluster".to_owned(),
        }
    }

    /// Refuses a namespace that would leave its place in a URL.
    pub(crate) fn check(&self) -> Result<(), ClusterError> {
        match self {
            Self::Namespace(namespace) => check_path_segment("namespace", namespace),
            Self::AllNamespaces => Ok(()),
        }
    }
}

impl Selection {
    /// Refuses what kubectl refuses, and names that would leave their place in
    /// a URL.
    pub(crate) fn check(&self) -> Result<(), ClusterError> {
        self.scope.check()?;
        let WorkloadSelector::Named(named) = &self.what else {
            return Ok(());
        };
        if self.scope == Scope::AllNamespaces {
            return Err(ClusterError::Selection(
                "a resource cannot be retrieved by name across all namespaces",
            ));
        }
        if self.label_selector.is_some() {
            return Err(ClusterError::Selection(
                "name cannot be provided when a selector is specified",
            ));
        }
        named
            .iter()
            .try_for_each(|(_, name)| check_path_segment("resource name", name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::WorkloadKind;

    fn named(scope: Scope, name: &str, labels: Option<&str>) -> Result<(), String> {
        Selection {
            scope,
            label_selector: labels.map(str::to_owned),
            what: WorkloadSelector::Named(vec![(WorkloadKind::Deployment.into(), name.to_owned())]),
        }
        .check()
        .map_err(|error| error.line())
    }

    #[test]
    fn names_are_refused_where_kubectl_refuses_them() {
        let shop = || Scope::Namespace("shop".to_owned());
        assert_eq!(named(shop(), "web", None), Ok(()));
        for (result, line) in [
            (
                named(Scope::AllNamespaces, "web", None),
                "error: a resource cannot be retrieved by name across all namespaces",
            ),
            (
                named(shop(), "web", Some("a=b")),
                "error: name cannot be provided when a selector is specified",
            ),
            (
                named(shop(), "../secrets", None),
                "error: invalid resource name \"../secrets\": may not contain '/'",
            ),
            (
                named(Scope::Namespace("..".to_owned()), "web", None),
                "error: invalid namespace \"..\": may not be '..'",
            ),
        ] {
            assert_eq!(result, Err(line.to_owned()));
        }
    }
}
