//! Registries that get their tokens from a service with its own names and rules: which
//! repositories are private, and how the service refuses a token for them.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::serve::{basic, query_field};
use super::{Inner, Logged, TestRegistry};

/// A token service.
#[derive(Debug, Clone)]
pub struct TokenService {
    /// The path of its endpoint.
    pub path: &'static str,
    pub service: &'static str,
    /// The scope in challenges, if it is not that of the repository.
    pub scope: Option<&'static str>,
    /// Who may read the private repositories.
    pub user: &'static str,
    pub password: &'static str,
    /// The repositories below this path are private.
    pub private: &'static str,
    /// How it refuses.
    pub refusal: TokenRefusal,
}

/// How a token service refuses access to a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRefusal {
    /// It issues no token, and responds with this status.
    Status(u16),
    /// It issues a token without access.
    EmptyToken,
}

/// The scope of a token without access.
const NOTHING: &str = "nothing";

impl TokenService {
    /// Whether the registry shows the repository to the bearer of a token.
    pub(super) fn may(repository: &str, scope: &str) -> bool {
        scope == format!("repository:{repository}:pull")
    }

    /// The response to a request for a token; `number` makes it unique.
    pub(super) fn token(&self, request: &Logged, number: usize) -> Response {
        let login = request.authorization.as_deref();
        let is_member = login == Some(basic(self.user, self.password).as_str());
        if login.is_some() && !is_member {
            return self.refuse(StatusCode::UNAUTHORIZED);
        }
        if query_field(&request.query, "service") != Some(self.service) {
            return self.refuse(StatusCode::BAD_REQUEST);
        }
        let mut scope = query_field(&request.query, "scope")
            .unwrap_or_default()
            .replace("%3A", ":")
            .replace("%2F", "/");
        let is_private = scope.starts_with(&format!("repository:{}", self.private));
        if is_private && !is_member {
            match self.refusal {
                TokenRefusal::Status(status) => {
                    return self.refuse(StatusCode::from_u16(status).expect("a status"));
                }
                TokenRefusal::EmptyToken => NOTHING.clone_into(&mut scope),
            }
        }
        let token = format!("{number}/{scope}");
        json!({"token": token, "access_token": token, "expires_in": 300,
            "issued_at": "2026-11-21T12:00:00Z"})
        .to_string()
        .into_response()
    }

    fn refuse(&self, status: StatusCode) -> Response {
        let errors = json!({"errors": [{"code": "DENIED",
            "message": "requested access to the resource is denied"}]});
        (status, errors.to_string()).into_response()
    }
}

/// A redirect to another host.
#[derive(Debug)]
pub(super) struct Move {
    /// A part of the paths that are elsewhere.
    part: &'static str,
    /// What replaces the path up to and including `from`.
    from: &'static str,
    to: String,
}

impl TestRegistry {
    /// Redirects requests whose path contains `part`: everything up to the end of `from`
    /// is replaced by a URL, and the query by a signature. Comes before any check of
    /// credentials if `part` is `/v2/`, and after it otherwise.
    pub fn redirect(&self, part: &'static str, from: &'static str, to: &str) {
        let to = to.to_owned();
        self.inner().moves.push(Move { part, from, to });
    }

    /// Responds to `GET /v2/` with this status, and with its challenge.
    pub fn root(&self, status: u16) {
        self.inner().root = Some(StatusCode::from_u16(status).expect("a status"));
    }
}

impl Inner {
    /// The redirect of a request, if it has one.
    pub(super) fn moved(&self, request: &Logged, is_checked: bool) -> Option<Response> {
        let moved = self.moves.iter().find(|moved| {
            request.path.contains(moved.part) && (moved.part == "/v2/") != is_checked
        })?;
        let rest = request.path.split_once(moved.from)?.1;
        let target = format!("{}{rest}?signature=abc", moved.to);
        let location = [(header::LOCATION, target)];
        Some((StatusCode::TEMPORARY_REDIRECT, location).into_response())
    }
}
