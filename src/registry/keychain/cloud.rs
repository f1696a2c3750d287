//! The credential helpers of cloud registries, for registries that the user's files
//! do not mention: a user who has installed a helper has logged in with it.

/// The helper (`NAME` of `docker-credential-NAME`) for a registry, if it belongs to a
/// cloud provider.
pub(crate) fn helper(registry: &str) -> Option<&'static str> {
    let host = registry.split_once(':').map_or(registry, |(host, _)| host);
    let is_ecr = host.contains(".dkr.ecr.") || host.contains(".dkr.ecr-fips.");
    if (is_ecr && (is_within(host, "amazonaws.com") || is_within(host, "amazonaws.com.cn")))
        || host == "public.ecr.aws"
    {
        Some("ecr-login")
    } else if is_within(host, "gcr.io") || is_within(host, "pkg.dev") {
        Some("gcloud")
    } else if ["azurecr.io", "azurecr.cn", "azurecr.us"]
        .into_iter()
        .any(|domain| is_within(host, domain))
    {
        Some("acr-env")
    } else {
        None
    }
}

/// Whether a host is a domain or one of its subdomains.
fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::helper;

    #[test]
    fn cloud_registries_are_recognised_by_their_whole_domain() {
        for (registry, expected) in [
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
                Some("ecr-login"),
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
                Some("ecr-login"),
            ),
            ("public.ecr.aws", Some("ecr-login")),
            ("gcr.io", Some("gcloud")),
            ("eu.gcr.io", Some("gcloud")),
            ("europe-docker.pkg.dev", Some("gcloud")),
            ("team.azurecr.io", Some("acr-env")),
            ("docker.io", None),
            ("evilgcr.io", None),
            ("gcr.io.example.com", None),
            ("x.dkr.ecr.example.com", None),
            ("amazonaws.com", None),
        ] {
            assert_eq!(helper(registry), expected, "{registry}");
        }
    }
}
