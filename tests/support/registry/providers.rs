//! The APIs of registry providers with the push times of tags.
//!
//! Every test registry has the APIs of all three providers, each at its own path. A
//! test chooses the API and its entries, which may be malformed.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::serve::{basic, query_field};
use super::{Access, Inner, Logged, TestRegistry};

/// The data of the APIs.
#[derive(Debug, Default)]
pub(super) struct Provided {
    /// The entries of a repository, newest first.
    entries: BTreeMap<String, Vec<Value>>,
    /// The `manifest` field of a repository's tag list.
    pub(super) manifests: BTreeMap<String, Value>,
    /// Whether the challenge is that of Harbor.
    pub(super) harbor: bool,
    /// Whether its projects are caches of another registry.
    cache: bool,
}

/// A tag of Docker Hub.
pub fn hub_tag(name: &str, pushed: &str) -> Value {
    let image = json!({"architecture": "amd64", "os": "linux", "last_pushed": pushed});
    json!({
        "name": name, "images": [image], "last_updated": pushed, "tag_last_pushed": pushed,
        "tag_status": "active", "v2": true,
    })
}

/// A tag of Quay.
pub fn quay_tag(name: &str, pushed: i64) -> Value {
    json!({"name": name, "reversion": false, "start_ts": pushed, "is_manifest_list": false})
}

/// An artifact of Harbor with one tag.
pub fn harbor_artifact(name: &str, pushed: &str) -> Value {
    let tag = json!({"name": name, "push_time": pushed, "pull_time": "0001-01-01T00:00:00.000Z"});
    json!({"type": "IMAGE", "push_time": "2030-01-01T00:00:00.000Z", "tags": [tag]})
}

impl TestRegistry {
    /// Adds entries of a repository to the providers' APIs.
    pub fn provide(&self, repository: &str, entries: impl IntoIterator<Item = Value>) {
        let mut inner = self.inner();
        let listed = inner.provided.entries.entry(repository.to_owned());
        listed.or_default().extend(entries);
    }

    /// Adds a `manifest` field to a repository's tag list.
    pub fn describe(&self, repository: &str, manifests: Value) {
        let mut inner = self.inner();
        let described = &mut inner.provided.manifests;
        described.insert(repository.to_owned(), manifests);
    }

    /// Requires tokens as Harbor does.
    pub fn be_harbor(&self) {
        self.inner().provided.harbor = true;
    }

    /// Behaves as a Harbor whose projects are caches of another registry.
    pub fn be_harbor_cache(&self) {
        let mut inner = self.inner();
        inner.provided.harbor = true;
        inner.provided.cache = true;
    }
}

impl Inner {
    /// The response of a provider's API; `None` for other requests.
    pub(super) fn provided(&self, request: &Logged) -> Option<Response> {
        let path = request.path.as_str();
        let hub = path.strip_prefix("/v2/repositories/");
        if let Some(repository) = hub.and_then(|rest| rest.strip_suffix("/tags")) {
            return Some(self.hub(repository, request));
        }
        let quay = path.strip_prefix("/api/v1/repository/");
        if let Some(repository) = quay.and_then(|rest| rest.strip_suffix("/tag/")) {
            return Some(self.quay(repository, request));
        }
        let harbor = path.strip_prefix("/api/v2.0/projects/");
        harbor.map(|rest| self.harbor(rest, request))
    }

    /// One page of entries, and whether it is the last.
    fn listed(&self, repository: &str, request: &Logged, size: &str) -> Option<(Vec<Value>, bool)> {
        let number = |name| query_field(&request.query, name).and_then(|n| n.parse().ok());
        let (page, size) = (number("page").unwrap_or(1), number(size).unwrap_or(10));
        let size = usize::min(size, 100);
        let entries = self.provided.entries.get(repository)?;
        let rest = entries.iter().skip((page - 1) * size);
        let listed: Vec<Value> = rest.take(size).cloned().collect();
        Some((listed, entries.len() <= page * size))
    }

    fn hub(&self, repository: &str, request: &Logged) -> Response {
        assert_eq!(
            query_field(&request.query, "ordering"),
            Some("last_updated")
        );
        let Some((results, last)) = self.listed(repository, request, "page_size") else {
            return (StatusCode::NOT_FOUND, "{\"message\":\"object not found\"}").into_response();
        };
        let next = (!last).then_some("https://hub.example/elsewhere?page=7");
        json!({"count": 7, "next": next, "previous": null, "results": results})
            .to_string()
            .into_response()
    }

    fn quay(&self, repository: &str, request: &Logged) -> Response {
        assert_eq!(query_field(&request.query, "onlyActiveTags"), Some("true"));
        let Some((tags, last)) = self.listed(repository, request, "limit") else {
            return StatusCode::UNAUTHORIZED.into_response();
        };
        json!({"tags": tags, "page": 1, "has_additional": !last})
            .to_string()
            .into_response()
    }

    fn harbor(&self, rest: &str, request: &Logged) -> Response {
        let allowed = match self.access {
            Access::TokenFor(user, password) => {
                request.authorization == Some(basic(user, password))
            }
            _ => request.authorization.is_none(),
        };
        if !allowed {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let Some((project, rest)) = rest.split_once("/repositories/") else {
            let registry = if self.provided.cache { 5 } else { 0 };
            return json!({"name": rest, "registry_id": registry})
                .to_string()
                .into_response();
        };
        let name = rest.strip_suffix("/artifacts").unwrap_or_default();
        let repository = format!("{project}/{}", name.replace("%252F", "/"));
        match self.listed(&repository, request, "page_size") {
            Some((artifacts, _)) => json!(artifacts).to_string().into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }
}
