//! A ServiceAccount whose tokens are signed here with any expiry time, because the API
//! server does not issue expired ones.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::json;

use crate::control_plane::ControlPlane;

const ISSUER: &str = "https://kubernetes.default.svc";

pub(crate) struct ServiceAccount {
    namespace: String,
    name: String,
    uid: String,
    key: EcdsaKeyPair,
}

/// Creates an account without permissions.
pub(crate) async fn make(plane: &ControlPlane, namespace: &str, name: &str) -> ServiceAccount {
    let metadata = json!({"name": name, "namespace": namespace});
    plane
        .apply(&[json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})])
        .await;
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "ServiceAccount"));
    let api: kube::Api<DynamicObject> =
        kube::Api::namespaced_with(plane.kube_client(), namespace, &resource);
    let made = api.get(name).await.expect("the account exists");
    let pem = std::fs::read_to_string(plane.folder().join("sa.key")).expect("the key");
    let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let bytes = STANDARD.decode(text).expect("base64");
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    ServiceAccount {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: made.metadata.uid.expect("a uid"),
        key: EcdsaKeyPair::from_pkcs8(algorithm, &bytes, &SystemRandom::new()).expect("a key"),
    }
}

impl ServiceAccount {
    /// A token that expires this many seconds from now, issued two hours ago.
    pub(crate) fn token(&self, expires_in: i64) -> String {
        let now = jiff::Timestamp::now().as_second();
        let Self {
            namespace,
            name,
            uid,
            ..
        } = self;
        let header = json!({"alg": "ES256", "typ": "JWT"});
        let claims = json!({"iss": ISSUER, "aud": [ISSUER],
            "sub": format!("system:serviceaccount:{namespace}:{name}"),
            "iat": now - 7200, "nbf": now - 7200, "exp": now + expires_in,
            "kubernetes.io": {"namespace": namespace,
                "serviceaccount": {"name": name, "uid": uid}}});
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let signed = [header, claims].map(|json| part(json.to_string().as_bytes()));
        let signed = signed.join(".");
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes());
        format!("{signed}.{}", part(signature.expect("signed").as_ref()))
    }
}
