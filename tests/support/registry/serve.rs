//! The responses of the registry.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Version, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::super::content::Blob;
use super::limit::Limit;
use super::token_service::TokenService;
use super::{Access, Fault, Inner, Logged, Member, Shared, Store, lock};

pub(super) async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let text = |name: header::HeaderName| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let logged = Logged {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        authorization: text(header::AUTHORIZATION),
        user_agent: text(header::USER_AGENT).unwrap_or_default(),
        http2: parts.version == Version::HTTP_2,
    };
    let body = axum::body::to_bytes(body, 1 << 20)
        .await
        .unwrap_or_default();
    let (mut fault, open, workers) = {
        let mut inner = lock(&shared);
        inner.log.push(logged.clone());
        if let Some(refusal) = inner.limit.as_mut().and_then(Limit::refuse) {
            return refusal;
        }
        inner.running += 1;
        inner.peak = inner.peak.max(inner.running);
        let workers = inner.workers.clone();
        (inner.fault(&logged), inner.running, workers)
    };
    if let Some((workers, each)) = workers {
        let _worker = workers.acquire().await.expect("workers");
        tokio::time::sleep(each).await;
    }
    match fault {
        Some(Fault::Crowded(most, _)) if open > most => fault = Some(Fault::Status(429)),
        Some(Fault::Slow(pause) | Fault::Crowded(_, pause)) => tokio::time::sleep(pause).await,
        _ => {}
    }
    let mut response = {
        let mut inner = lock(&shared);
        let gzip = text(header::ACCEPT_ENCODING).is_some_and(|e| e.contains("gzip"));
        match fault
            .as_ref()
            .and_then(|fault| fault.instead(&logged, gzip))
        {
            Some(response) => response,
            None => {
                let response = inner.answer(shared.address, &logged, &body);
                let known = text(header::IF_NONE_MATCH);
                inner.dress(&logged, known.as_deref(), response)
            }
        }
    };
    match fault {
        Some(Fault::NoDigest) => drop(response.headers_mut().remove("docker-content-digest")),
        Some(Fault::Link(link)) => {
            let link = link.parse().expect("link");
            response.headers_mut().insert(header::LINK, link);
        }
        Some(Fault::Tampered) => *response.body_mut() = Body::from("{\"tampered\":1}"),
        _ => {}
    }
    lock(&shared).running -= 1;
    response
}

impl Inner {
    fn fault(&mut self, request: &Logged) -> Option<Fault> {
        let line = format!("{} {}?{}", request.method, request.path, request.query);
        let rule = self
            .rules
            .iter_mut()
            .find(|rule| rule.left != Some(0) && line.contains(&rule.pattern))?;
        if let Some(left) = &mut rule.left {
            *left -= 1;
        }
        Some(rule.fault.clone())
    }

    fn answer(&mut self, address: SocketAddr, request: &Logged, body: &[u8]) -> Response {
        if request.path == self.token_path() {
            return self.token(request, body);
        }
        if let Some(response) = self.provided(request) {
            return response;
        }
        if let Some(root) = self.root.filter(|_| request.path == "/v2/") {
            let mut response = self.challenge(address, "");
            *response.status_mut() = root;
            return response;
        }
        if let Some(response) = self.moved(request, false) {
            return response;
        }
        let Some(rest) = request.path.strip_prefix("/v2/") else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let split = ["/tags/list", "/manifests/", "/blobs/"]
            .iter()
            .find_map(|middle| {
                rest.split_once(middle)
                    .map(|(name, what)| (name, *middle, what))
            });
        let repository = split.map_or("", |(name, _, _)| name);
        if !self.may(repository, request) {
            return match self.access {
                Access::Members(_, status) if is_of_member(request) => {
                    let status = StatusCode::from_u16(status).expect("a status");
                    let errors = json!({"errors": [{"code": "DENIED", "message": "not yours"}]});
                    (status, errors.to_string()).into_response()
                }
                _ if self.hidden && split.is_some() => StatusCode::NOT_FOUND.into_response(),
                _ => self.challenge(address, repository),
            };
        }
        if let Some(response) = self.moved(request, true) {
            return response;
        }
        if let Some((below, base)) = &self.leads
            && request.path.starts_with(below)
        {
            let target = format!("{base}{}", request.path);
            return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, target)]).into_response();
        }
        match split {
            Some((name, "/tags/list", _)) => self.page(name, &request.query),
            Some((name, "/manifests/", what)) => {
                let key = (name.to_owned(), what.to_owned());
                let tagged = self.content.tags.get(name).and_then(|tags| tags.get(what));
                served(tagged.or(self.content.manifests.get(&key)), &request.method)
            }
            Some((name, "/blobs/", what)) => {
                let key = (name.to_owned(), what.to_owned());
                served(self.content.blobs.get(&key), &request.method)
            }
            _ => StatusCode::OK.into_response(),
        }
    }

    fn may(&self, repository: &str, request: &Logged) -> bool {
        let shown = request.authorization.as_deref();
        if shown.is_none() && self.open.iter().any(|open| open == repository) {
            return true;
        }
        match self.access {
            Access::Open => true,
            Access::Basic(user, password) => shown == Some(basic(user, password).as_str()),
            Access::Token
            | Access::TokenFor(..)
            | Access::TokenForIdentity(_)
            | Access::Members(..)
            | Access::Service(_) => {
                // `Bearer NUMBER/SCOPE`.
                let token = shown.and_then(|shown| shown.strip_prefix("Bearer "));
                token
                    .and_then(|token| token.split_once('/'))
                    .is_some_and(|(number, scope)| {
                        number.parse().is_ok_and(|n: usize| n > self.revoked)
                            && TokenService::may(repository, scope)
                    })
            }
        }
    }

    /// The path of the token endpoint.
    fn token_path(&self) -> &'static str {
        match &self.access {
            Access::Service(service) => service.path,
            _ if self.provided.harbor => "/service/token",
            _ => "/token",
        }
    }

    fn service(&self) -> &'static str {
        match &self.access {
            Access::Service(service) => service.service,
            _ if self.provided.harbor => "harbor-registry",
            _ => "test registry",
        }
    }

    fn challenge(&self, address: SocketAddr, repository: &str) -> Response {
        let realm = self
            .realm
            .clone()
            .unwrap_or_else(|| format!("http://{address}{}", self.token_path()));
        let challenge = match self.access {
            Access::Basic(..) => "Basic realm=\"test\"".to_owned(),
            Access::Service(TokenService {
                scope: Some(scope), ..
            }) => format!(
                "Bearer realm=\"{realm}\",service=\"{}\",scope=\"{scope}\"",
                self.service()
            ),
            _ => format!(
                "Bearer realm=\"{realm}\",service=\"{}\",scope=\"repository:{repository}:pull\"",
                self.service()
            ),
        };
        let errors = json!({"errors": [{"code": "UNAUTHORIZED", "message": "log in"}]});
        (
            StatusCode::UNAUTHORIZED,
            [(header::WWW_AUTHENTICATE, challenge)],
            errors.to_string(),
        )
            .into_response()
    }

    fn token(&mut self, request: &Logged, body: &[u8]) -> Response {
        let form = String::from_utf8_lossy(body).into_owned();
        if let Access::Service(service) = &self.access {
            self.tokens += 1;
            return service.token(request, self.tokens);
        }
        let post = request.method == Method::POST.as_str();
        let fields = if post { &form } else { &request.query };
        let field = |name: &str| {
            let pairs = fields.split('&').filter_map(|pair| pair.split_once('='));
            let mut found = pairs.filter(|(key, _)| *key == name);
            found
                .next()
                .map(|(_, value)| value.replace("%3A", ":").replace("%2F", "/"))
        };
        let allowed = match self.access {
            Access::TokenFor(user, password) => {
                request.authorization == Some(basic(user, password))
            }
            Access::TokenForIdentity(identity) => {
                post && field("grant_type").as_deref() == Some("refresh_token")
                    && field("refresh_token").as_deref() == Some(identity)
            }
            Access::Open | Access::Basic(..) | Access::Token => request.authorization.is_none(),
            Access::Members(members, _) => {
                request.authorization.is_none() || member(members, request).is_some()
            }
            Access::Service(_) => false,
        };
        if !allowed || field("service") != Some(self.service().replace(' ', "+")) {
            return (StatusCode::UNAUTHORIZED, "{\"details\":\"hunter2\"}").into_response();
        }
        self.tokens += 1;
        let mut scope = field("scope").unwrap_or_default();
        if let Access::Members(members, _) = self.access {
            scope = match member(members, request) {
                None => "nobody".to_owned(),
                Some(member) if scope.starts_with(&format!("repository:{}", member.sees)) => scope,
                Some(_) => STRANGER.to_owned(),
            };
        }
        let token = format!("{}/{scope}", self.tokens);
        let key = if post { "access_token" } else { "token" };
        let mut answer = json!({key: token});
        if self.expires_in > 0 {
            answer["expires_in"] = json!(self.expires_in);
        }
        answer.to_string().into_response()
    }

    fn page(&mut self, repository: &str, query: &str) -> Response {
        let page_size = self.page_size;
        let Some(names) = self.content.sorted_names(repository) else {
            let errors =
                json!({"errors": [{"code": "NAME_UNKNOWN", "message": "no such repository"}]});
            return (StatusCode::NOT_FOUND, errors.to_string()).into_response();
        };
        let field = |name: &str| query_field(query, name);
        // `last` is opaque: a client that sends a tag's name always gets the first page.
        let start: usize = field("last")
            .and_then(|last| last.strip_prefix("opaque%2B%3D"))
            .and_then(|at| at.parse().ok())
            .unwrap_or(0);
        let asked = field("n")
            .and_then(|n| n.parse().ok())
            .unwrap_or(usize::MAX);
        let size = page_size.unwrap_or(usize::MAX).min(asked);
        let page: Vec<&String> = names.iter().skip(start).take(size).collect();
        let end = start + page.len();
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            "application/json".parse().expect("type"),
        );
        if end < names.len() {
            let link = format!(
                "<{}/v2/{repository}/tags/list?last=opaque%2B%3D{end}&n={size}>; rel=\"next\"",
                self.link_base
            );
            headers.insert(header::LINK, link.parse().expect("link"));
        }
        let mut list = json!({"name": repository, "tags": page});
        if let Some(manifests) = self.provided.manifests.get(repository) {
            list["manifest"] = manifests.clone();
        }
        (headers, list.to_string()).into_response()
    }
}

impl Store {
    /// All names of a repository, which are sorted only once for all pages.
    pub(super) fn sorted_names(&mut self, repository: &str) -> Option<&[String]> {
        let tags = self.tags.get(repository);
        let listed = self.names.get(repository);
        if tags.is_none() && listed.is_none() {
            return None;
        }
        let sorted = self.sorted.entry(repository.to_owned());
        Some(sorted.or_insert_with(|| {
            let tags = tags.into_iter().flat_map(|tags| tags.keys());
            let names: BTreeSet<&String> = tags.chain(listed.into_iter().flatten()).collect();
            names.into_iter().cloned().collect()
        }))
    }
}

/// The scope of a member's token for a repository without access.
const STRANGER: &str = "stranger";

fn member<'m>(members: &'m [Member], request: &Logged) -> Option<&'m Member> {
    let shown = request.authorization.as_deref();
    members
        .iter()
        .find(|member| shown == Some(basic(member.user, member.password).as_str()))
}

fn is_of_member(request: &Logged) -> bool {
    let shown = request.authorization.as_deref();
    shown.is_some_and(|shown| shown.ends_with(STRANGER))
}

/// A field of a query, without decoding.
pub(super) fn query_field<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn served(blob: Option<&Blob>, method: &str) -> Response {
    let Some(blob) = blob else {
        let errors = json!({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "not here"}]});
        return (StatusCode::NOT_FOUND, errors.to_string()).into_response();
    };
    let mut response = if method == "HEAD" {
        StatusCode::OK.into_response()
    } else {
        blob.bytes.clone().into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, blob.media_type.parse().expect("type"));
    let digest = blob.digest.parse().expect("digest");
    headers.insert("docker-content-digest", digest);
    response
}
