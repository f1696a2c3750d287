//! The workloads that the user selected.

use super::error::ClusterError;
use super::path_segment::check_path_segment;
use crate::workload::WorkloadType;

/// Which workloads to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The namespaces to read.
    pub scope: Scope,
    /// `-l`, in the API's label selector syntax.
    pub label_selector: Option<String>,
    /// The types or names to read.
    pub selector: WorkloadSelector,
}

/// One namespace, or all of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// `-n`, or the context's namespace.
    Namespace(String),
    /// `-A`.
    AllNamespaces,
}

/// Which workloads of a scope to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkloadSelector {
    /// Nothing was named: every supported kind. Kinds that the cluster does not have
    /// are left out silently.
    Everything,
    /// Types that the user named. A type that the cluster does not have, or that may not
    /// be read, is an error.
    Kinds(Vec<WorkloadType>),
    /// Single objects. A type without a group means every group that has the type.
    Named(Vec<(WorkloadType, String)>),
}

impl Scope {
    /// The namespace; `None` for all namespaces.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Namespace(namespace) => Some(namespace),
            Self::AllNamespaces => None,
        }
    }

    /// The name in errors and JSON: `namespace/shop` or `cluster`.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Namespace(namespace) => format!("namespace/{namespace}"),
            Self::AllNamespaces => "cluster".to_owned(),
        }
    }

    /// Rejects a namespace that is not exactly one segment of a URL.
    pub(crate) fn check(&self) -> Result<(), ClusterError> {
        match self {
            Self::Namespace(namespace) => check_path_segment("namespace", namespace),
            Self::AllNamespaces => Ok(()),
        }
    }
}

impl Selection {
    /// Rejects the combinations that kubectl rejects, and names that are not exactly one
    /// segment of a URL.
    pub(crate) fn check(&self) -> Result<(), ClusterError> {
        self.scope.check()?;
        let WorkloadSelector::Named(named) = &self.selector else {
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
            selector: WorkloadSelector::Named(vec![(
                WorkloadKind::Deployment.into(),
                name.to_owned(),
            )]),
        }
        .check()
        .map_err(|error| error.line())
    }

    #[test]
    fn names_are_rejected_where_kubectl_rejects_them() {
        let shop = Scope::Namespace("shop".to_owned());
        assert_eq!(named(shop.clone(), "web", None), Ok(()));
        for (result, line) in [
            (
                named(Scope::AllNamespaces, "web", None),
                "error: a resource cannot be retrieved by name across all namespaces",
            ),
            (
                named(shop.clone(), "web", Some("a=b")),
                "error: name cannot be provided when a selector is specified",
            ),
            (
                named(shop, "../secrets", None),
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
