//! Field managers: under which names the tools write that write again what
//! others change.

/// Flux, for Kustomizations.
pub(crate) const KUSTOMIZE_CONTROLLER: &str = "kustomize-controller";
/// Flux, for Helm releases.
pub(crate) const HELM_CONTROLLER: &str = "helm-controller";
/// Argo CD.
pub(crate) const ARGOCD: &str = "argocd";

/// How the names of field managers begin that apply what Git, a chart or a
/// program says, whenever the object is another.
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

/// Whether a field manager is a part of this tool.
pub(crate) fn is_of(manager: &str, tool: &str) -> bool {
    let start = manager.get(..tool.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(tool))
}

/// Whether a field manager writes again what it wrote.
pub(crate) fn reverts(manager: &str) -> bool {
    REVERTING.iter().any(|tool| is_of(manager, tool))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managers_go_by_the_beginning_of_their_names() {
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
