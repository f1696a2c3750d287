//! An in-process token server for the registry: each user gets tokens for their own
//! folder, and everyone for public repositories.
//!
//! <https://distribution.github.io/distribution/spec/auth/token/>, and its
//! OAuth 2 form for identity tokens.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::test_registry::server_thread::{ServerThread, listen};

/// The name of the registry, also used by the token server.
pub(crate) const SERVICE: &str = "registry of the tests";
pub(crate) const ISSUER: &str = "token server of the tests";
/// The repository that everyone may read.
pub(crate) const PUBLIC: &str = "public";

/// How long the registry accepts an expired token.
const LEEWAY: Duration = Duration::from_secs(60);
const KEY_ID: &str = "live";

/// A user with a folder of repositories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    /// Also the name of the folder.
    pub(crate) name: &'static str,
    pub(crate) password: &'static str,
    /// What `docker login` stores if the registry issues identity tokens.
    pub(crate) identity: &'static str,
    /// The lifetime of the tokens.
    pub(crate) lifetime: Duration,
}

pub(crate) const RED: Account = Account {
    name: "red",
    password: "red-pass-5a1f",
    identity: "red-identity-77c0",
    lifetime: Duration::from_secs(300),
};
pub(crate) const BLUE: Account = Account {
    name: "blue",
    password: "blue-pass-9e44",
    identity: "blue-identity-10bd",
    lifetime: Duration::from_secs(300),
};
/// Gets tokens that expire during use.
pub(crate) const HASTY: Account = Account {
    name: "hasty",
    password: "hasty-pass-0c3e",
    identity: "hasty-identity-6f12",
    lifetime: Duration::from_secs(1),
};
const ACCOUNTS: [Account; 3] = [RED, BLUE, HASTY];

/// One request to the token server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// The user; `None` without valid credentials.
    pub(crate) user: Option<&'static str>,
    pub(crate) scope: String,
    pub(crate) granted: bool,
}

/// A server that runs until it is dropped.
pub(crate) struct TokenServer {
    /// The address; plain HTTP is enough on loopback.
    pub(crate) realm: String,
    shared: Arc<Shared>,
    _server: ServerThread,
}

struct Shared {
    key: EcdsaKeyPair,
    random: SystemRandom,
    log: Mutex<Vec<Asked>>,
}

impl TokenServer {
    pub(crate) fn start() -> Self {
        let kind = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(kind, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &random).expect("its own key");
        let shared = Arc::new(Shared {
            key,
            random,
            log: Mutex::default(),
        });
        let (listener, address) = listen();
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        let server = ServerThread::start(listener, async move |listener| {
            let _ = axum::serve(listener, app).await;
        });
        Self {
            realm: format!("http://{address}/token"),
            shared,
            _server: server,
        }
    }

    /// The public key, in the registry's format.
    pub(crate) fn key_set(&self) -> Value {
        // An uncompressed point: 4, x, y.
        let point = self.shared.key.public_key().as_ref();
        let half = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": KEY_ID,
            "x": half(&point[1..33]), "y": half(&point[33..])}]})
    }

    /// A token with all permissions on a repository, for a duration.
    pub(crate) fn pass(&self, repository: &str, lifetime: Duration) -> String {
        let access = json!([{"type": "repository", "name": repository,
            "actions": ["pull", "push"]}]);
        self.shared.token("the tests", &access, lifetime)
    }

    /// The requests so far for a repository.
    pub(crate) fn asked(&self, repository: &str) -> Vec<Asked> {
        let scope = format!("repository:{repository}:pull");
        let log = self.shared.log();
        let asked = log.iter().filter(|asked| asked.scope == scope);
        asked.cloned().collect()
    }
}

impl Shared {
    fn log(&self) -> std::sync::MutexGuard<'_, Vec<Asked>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A JSON Web Token, signed by ES256.
    fn token(&self, subject: &str, access: &Value, lifetime: Duration) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.expect("after 1970");
        // Whole seconds, rounded up.
        let end = (now + lifetime + Duration::from_millis(999)).as_secs();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({"typ": "JWT", "alg": "ES256", "kid": KEY_ID});
        let claims = json!({"iss": ISSUER, "aud": SERVICE, "sub": subject, "access": access,
            "iat": now.as_secs(), "nbf": now.as_secs(), "exp": end - LEEWAY.as_secs()});
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.key.sign(&self.random, signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.expect("a signature"));
        format!("{signed}.{signature}")
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 16).await.unwrap_or_default();
    let post = parts.method == Method::POST;
    let form = match post {
        true => String::from_utf8_lossy(&body).into_owned(),
        false => parts.uri.query().unwrap_or_default().to_owned(),
    };
    let field = |name: &str| {
        let url = reqwest::Url::parse(&format!("http://form/?{form}")).ok()?;
        let mut pairs = url.query_pairs();
        pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    };
    let shown = parts.headers.get(header::AUTHORIZATION);
    let shown = shown.and_then(|value| value.to_str().ok());
    let user = ACCOUNTS.into_iter().find(|account| match post {
        true => {
            field("grant_type").as_deref() == Some("refresh_token")
                && field("refresh_token").as_deref() == Some(account.identity)
        }
        false => shown == Some(basic(account.name, account.password).as_str()),
    });
    let known = user.is_some() || (!post && shown.is_none());
    let granted = known && field("service").as_deref() == Some(SERVICE);
    let scope = field("scope").unwrap_or_default();
    shared.log().push(Asked {
        method: parts.method.to_string(),
        user: user.map(|user| user.name),
        scope: scope.clone(),
        granted,
    });
    if !granted {
        let said = json!({"error": "invalid_grant", "error_description": "who is this?"});
        return (StatusCode::UNAUTHORIZED, said.to_string()).into_response();
    }
    let subject = user.map_or("", |user| user.name);
    let lifetime = user.map_or(RED.lifetime, |user| user.lifetime);
    let token = shared.token(subject, &access(user, &scope), lifetime);
    let key = if post { "access_token" } else { "token" };
    json!({key: token, "expires_in": lifetime.as_secs()})
        .to_string()
        .into_response()
}

/// The part of a scope that a user may have. A larger request gets a token for less.
fn access(user: Option<Account>, scope: &str) -> Value {
    let mut granted = Vec::new();
    for part in scope.split(' ') {
        let [kind, name, _actions] = part.split(':').collect::<Vec<_>>()[..] else {
            continue;
        };
        let folder = name.split('/').next().unwrap_or_default();
        if folder == PUBLIC || user.is_some_and(|user| user.name == folder) {
            granted.push(json!({"type": kind, "name": name, "actions": ["pull"]}));
        }
    }
    json!(granted)
}

/// `Basic …`.
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
