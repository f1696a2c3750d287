//! The field manager names of tools that revert other people's changes.

/// Flux, for Kustomizations.
pub(crate) const KUSTOMIZE_CONTROLLER: &str = "kustomize-controller";
/// Flux, for Helm releases.
pub(crate) const HELM_CONTROLLER: &str = "helm-controller";
/// Argo CD.
pub(crate) const ARGOCD: &str = "argocd";

/// The prefixes of field managers that apply their source (Git, a chart or a program)
/// again whenever the object differs.
const REVERTING: [&str; 10] = [
    KUSTOMIZE_CONTROLLER,
    HELM_CONTROLLER,
    ARGOCD,
    "terraform",
    "fleet",
    "pulumi",
    "kapp",
    "configsync",
    "config-sync",
    "crossplane",
];

/// Whether a field manager belongs to a tool.
pub(crate) fn is_of(manager: &str, tool: &str) -> bool {
    let start = manager.get(..tool.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(tool))
}

/// Whether a field manager restores what it wrote.
pub(crate) fn reverts(manager: &str) -> bool {
    REVERTING.iter().any(|tool| is_of(manager, tool))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managers_are_recognised_by_prefix() {
        for (manager, expected) in [
            ("kustomize-controller", true),
            ("argocd-application-controller", true),
            ("Terraform", true),
            ("kubectl-set", false),
            ("imgpolicy", false),
            ("é", false),
        ] {
            assert_eq!(reverts(manager), expected, "{manager}");
        }
    }
}
