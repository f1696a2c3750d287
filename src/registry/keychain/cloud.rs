//! The credential helpers of the clouds, for registries that the user's files
//! say nothing of: who has installed one has logged in by it.

/// The helper (`NAME` of `docker-credential-NAME`) that knows a registry, if it
/// is one of a cloud.
pub(crate) fn helper(registry: &str) -> Option<&'static str> {
    let host = registry.split_once(':').map_or(registry, |(host, _)| host);
    let is_below = |domain: &str| {
        host.strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let ecr = host.contains(".dkr.ecr.") || host.contains(".dkr.ecr-fips.");
    if (ecr && (is_below("amazonaws.com") || is_below("amazonaws.com.cn")))
        || host == "public.ecr.aws"
    {
        Some("ecr-login")
    } else if is_below("gcr.io") || is_below("pkg.dev") {
        Some("gcloud")
    } else if ["azurecr.io", "azurecr.cn", "azurecr.us"]
        .into_iter()
        .any(is_below)
    {
        Some("acr-env")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::helper;

    #[test]
    fn registries_of_clouds_are_known_by_their_whole_domain() {
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
