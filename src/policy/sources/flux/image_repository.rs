//! Flux's ImageRepository objects: which repository is scanned, and how.

use serde_json::Value;

use super::access::AccessFrom;
use super::fields::{ObjectFields, identity};
use crate::image::ImageReference;
use crate::policy::syntax::go_regex::GoRegex;
use crate::workload::{ConnectionRefs, ManifestSource};

/// The fields of an ImageRepository's `spec`.
const SPEC: [&str; 12] = [
    "image",
    "interval",
    "timeout",
    "secretRef",
    "proxySecretRef",
    "serviceAccountName",
    "certSecretRef",
    "suspend",
    "accessFrom",
    "exclusionList",
    "provider",
    "insecure",
];

/// The tags that are excluded if the object does not say which: signatures.
const DEFAULT_EXCLUSION: &str = r"^.*\.sig$";

/// The maximum number of expressions that the API accepts.
const MAX_EXCLUSIONS: usize = 25;

/// An ImageRepository object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FluxImageRepository {
    /// Where it is defined; `None`: in the cluster.
    pub(crate) source: Option<ManifestSource>,
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// Whether it is suspended, so that Flux does not read new tags.
    pub(crate) is_suspended: bool,
    /// How it is scanned, or why it cannot be.
    pub(crate) spec: Result<RepositorySpec, String>,
}

/// How a repository is scanned.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RepositorySpec {
    /// The image, without a tag.
    pub(crate) image: ImageReference,
    /// The tags that are left out.
    pub(crate) exclusions: Vec<GoRegex>,
    /// The namespaces that may use it.
    pub(crate) access: AccessFrom,
    /// The Secret with credentials.
    pub(crate) secret: Option<String>,
    /// The service account whose pull secrets are used, too.
    pub(crate) service_account: Option<String>,
    /// How the registry is reached.
    pub(crate) connection: ConnectionRefs,
    /// The provider whose login Flux uses: `aws`, `azure` or `gcp`.
    pub(crate) provider: Option<String>,
}

impl FluxImageRepository {
    /// Reads an ImageRepository; `None` for another kind of object. All versions of the API
    /// have the fields at the same places.
    pub(crate) fn read(
        object: &Value,
        source: Option<&ManifestSource>,
        default_namespace: &str,
    ) -> Option<Self> {
        let (namespace, name) = identity(object, "ImageRepository", default_namespace)?;
        Some(Self {
            source: source.cloned(),
            namespace,
            name,
            is_suspended: object["spec"]["suspend"] == true,
            spec: RepositorySpec::read(&object["spec"]),
        })
    }

    /// `namespace/name`.
    pub(crate) fn id(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

impl RepositorySpec {
    fn read(spec: &Value) -> Result<Self, String> {
        let spec = ObjectFields::new("spec", spec)?;
        spec.refuse_unknown(&SPEC)?;
        spec.flag("suspend")?;
        let providers = ["generic", "aws", "azure", "gcp"];
        let provider = spec.word("provider", &providers)?;
        Ok(Self {
            image: image(spec.required("image")?)?,
            exclusions: exclusions(&spec)?,
            access: AccessFrom::read(&spec.fields("accessFrom")?)?,
            secret: spec.reference("secretRef")?,
            service_account: spec.text("serviceAccountName")?.map(str::to_owned),
            connection: ConnectionRefs {
                certificates: spec.reference("certSecretRef")?,
                proxy: spec.reference("proxySecretRef")?,
                insecure: spec.flag("insecure")?,
            },
            provider: provider
                .filter(|provider| *provider != "generic")
                .map(str::to_owned),
        })
    }
}

fn image(text: &str) -> Result<ImageReference, String> {
    if let Some((scheme, _)) = text.split_once("://") {
        return Err(format!(
            "spec.image {text:?} must not begin with {scheme}://"
        ));
    }
    let image: ImageReference = text
        .parse()
        .map_err(|error| format!("spec.image {text:?}: {error}"))?;
    if image.tag().is_some() || image.digest().is_some() {
        return Err(format!(
            "spec.image {text:?} must not have a tag or a digest"
        ));
    }
    Ok(image)
}

fn exclusions(spec: &ObjectFields<'_>) -> Result<Vec<GoRegex>, String> {
    let list = spec.list("exclusionList")?;
    if list.len() > MAX_EXCLUSIONS {
        return Err(format!(
            "spec.exclusionList must not have more than {MAX_EXCLUSIONS} expressions"
        ));
    }
    let mut patterns = Vec::new();
    for pattern in list {
        let pattern = pattern
            .as_str()
            .ok_or("spec.exclusionList must be a list of strings")?;
        patterns.push(pattern);
    }
    if patterns.is_empty() {
        patterns.push(DEFAULT_EXCLUSION);
    }
    patterns
        .into_iter()
        .map(|pattern| {
            GoRegex::new(pattern)
                .map_err(|error| format!("spec.exclusionList {pattern:?}: {error}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(mut spec: Value) -> Result<RepositorySpec, String> {
        if spec.get("image").is_none() {
            spec["image"] = json!("org/app");
        }
        RepositorySpec::read(&spec)
    }

    #[test]
    fn own_exclusions_replace_the_default_and_an_empty_list_does_not() {
        for (spec, excluded) in [
            (json!({}), ["a.sig"].as_slice()),
            (json!({"exclusionList": []}), &["a.sig"]),
            (json!({"exclusionList": ["^b"]}), &["b"]),
            (json!({"exclusionList": ["^b", "sig$"]}), &["a.sig", "b"]),
        ] {
            let found = read(spec.clone()).expect("a spec").exclusions;
            let tags = ["a.sig", "b", "c"].into_iter();
            let tags = tags.filter(|tag| found.iter().any(|regex| regex.is_match(tag)));
            assert_eq!(tags.collect::<Vec<_>>(), excluded, "{spec}");
        }
    }

    #[test]
    fn what_cannot_be_scanned_is_an_error_that_names_the_field() {
        for (spec, expected) in [
            (
                json!({"image": "org/app:1.0.0"}),
                "spec.image \"org/app:1.0.0\" must not have a tag or a digest",
            ),
            (
                json!({"image": "oci://org/app"}),
                "spec.image \"oci://org/app\" must not begin with oci://",
            ),
            (json!({"image": ""}), "spec.image is missing"),
            (json!({"image": "A b"}), "spec.image \"A b\": "),
            (
                json!({"exclusionList": ["("]}),
                "spec.exclusionList \"(\": ",
            ),
            (
                json!({"exclusionlist": []}),
                "spec has an unknown field \"exclusionlist\"",
            ),
            (
                json!({"provider": "ibm"}),
                "spec.provider must be one of generic, aws, azure, gcp, not \"ibm\"",
            ),
            (json!({"secretRef": {}}), "spec.secretRef.name is missing"),
            (
                json!({"exclusionList": vec!["a"; 26]}),
                "spec.exclusionList must not have more than 25",
            ),
        ] {
            let error = read(spec.clone()).expect_err(expected);
            assert!(error.starts_with(expected), "{spec}: {error}");
        }
    }

    #[test]
    fn connection_and_provider_are_read() {
        let spec = json!({"provider": "aws", "insecure": true, "certSecretRef": {"name": "ca"},
            "proxySecretRef": {"name": "proxy"}, "secretRef": {"name": "pull"},
            "serviceAccountName": "flux"});
        let spec = read(spec).expect("a spec");
        assert_eq!(spec.provider.as_deref(), Some("aws"));
        assert_eq!(
            spec.connection.fields(),
            ["certSecretRef ca", "proxySecretRef proxy", "insecure: true"]
        );
        assert_eq!(spec.secret.as_deref(), Some("pull"));
        assert_eq!(spec.service_account.as_deref(), Some("flux"));
        let plain = read(json!({"provider": "generic", "insecure": false})).expect("a spec");
        assert!(plain.connection.is_empty());
        assert_eq!(plain.provider, None);
    }
}
