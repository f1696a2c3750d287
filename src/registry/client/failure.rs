//! The failures of one repository and their messages.

use std::fmt::{self, Display};

use http::StatusCode;

use crate::image::{CanonicalName, FetchFailure, FetchFailureKind};
use crate::secrets::{quote, redact};

use super::transport::{Response, SendError};
use crate::registry::content::go_json::GoObject;
use crate::registry::content::lenient::Beginning;
use crate::registry::mirrors::{PullSource, Role};

/// A repository's name in failures, and the only place where their text is made.
#[derive(Debug, Clone)]
pub(crate) struct RepositoryLabel {
    name: CanonicalName,
    /// The source that it is read from, if it is not the registry in its name.
    source: Option<PullSource>,
}

impl RepositoryLabel {
    pub(crate) fn new(name: &CanonicalName) -> Self {
        Self {
            name: name.clone(),
            source: None,
        }
    }

    /// A repository that is read from a mirror or another location.
    pub(crate) fn for_source(name: &CanonicalName, source: &PullSource) -> Self {
        let is_elsewhere = source.role != Role::Itself;
        Self {
            name: name.clone(),
            source: is_elsewhere.then(|| source.clone()),
        }
    }

    /// The name in the workload.
    pub(crate) fn name(&self) -> &CanonicalName {
        &self.name
    }

    /// The name under which it is read, if it is a different one.
    pub(crate) fn elsewhere(&self) -> Option<&CanonicalName> {
        self.source.as_ref().map(|source| &source.name)
    }

    /// The registry, as it is written in image names.
    pub(crate) fn registry(&self) -> &str {
        let name = self.source.as_ref().map_or(&self.name, |s| &s.name);
        name.registry()
    }

    /// A failure of any kind; `what` says what happened and how to fix it.
    pub(crate) fn failure(&self, kind: FetchFailureKind, what: impl Display) -> FetchFailure {
        FetchFailure {
            kind,
            message: redact(&format!("{self}: {what}")).into_owned(),
        }
    }

    /// A response that cannot be used.
    pub(crate) fn useless(&self, what: impl Display) -> FetchFailure {
        self.failure(FetchFailureKind::Registry, what)
    }

    /// A request without a response.
    pub(crate) fn unanswered(&self, error: &SendError) -> FetchFailure {
        let kind = match error {
            SendError::Unreachable { .. }
            | SendError::Untrusted { .. }
            | SendError::TimedOut { .. } => FetchFailureKind::Unreachable,
            SendError::Offline => FetchFailureKind::NotRemembered,
            SendError::BudgetSpent { .. } => FetchFailureKind::ScanTimeout,
            SendError::RateLimited { .. } | SendError::Reserved { .. } => {
                FetchFailureKind::RateLimited
            }
            // For a manifest or a config, `Remote::failed` blames the image instead.
            SendError::TooLarge { .. }
            | SendError::Broken { .. }
            | SendError::ForbiddenAddress { .. } => FetchFailureKind::Registry,
        };
        self.failure(kind, error)
    }

    /// The registry denied access; `tried` says with which credentials.
    pub(crate) fn unauthorized(&self, tried: impl Display) -> FetchFailure {
        self.failure(
            FetchFailureKind::Unauthorized,
            format_args!(
                "access denied ({tried}): the repository is private or does not exist; try `docker login {}`",
                self.registry()
            ),
        )
    }

    /// A response with an error status to a request for `what`.
    pub(crate) fn refused(&self, what: &str, response: &Response, tried: &str) -> FetchFailure {
        let status = response.status;
        let said = error_text(&response.body);
        let said = said.map_or_else(String::new, |said| format!(" ({said})"));
        match status {
            StatusCode::NOT_FOUND => self.failure(
                FetchFailureKind::NotFound,
                format_args!("the registry does not know {what}{said}; check the name"),
            ),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                self.unauthorized(format_args!("{tried}, HTTP {}{said}", status.as_u16()))
            }
            StatusCode::PRECONDITION_FAILED
            | StatusCode::LOCKED
            | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => self.failure(
                FetchFailureKind::CannotBePulled,
                format_args!(
                    "the registry does not allow anyone to pull {what} (HTTP {}){said}",
                    status.as_u16()
                ),
            ),
            StatusCode::TOO_MANY_REQUESTS => self.failure(
                FetchFailureKind::RateLimited,
                format_args!(
                    "too many requests (HTTP 429){said}; try again later, or log in for a higher limit"
                ),
            ),
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => self.failure(
                FetchFailureKind::Unreachable,
                "the proxy in front of the registry requires other credentials (HTTP 407); check HTTPS_PROXY and HTTP_PROXY",
            ),
            _ => {
                let kind = if status.is_server_error() {
                    FetchFailureKind::ServerError
                } else {
                    FetchFailureKind::Registry
                };
                self.failure(
                    kind,
                    format_args!(
                        "the registry answered HTTP {} when asked for {what}{said}; try again later",
                        status.as_u16()
                    ),
                )
            }
        }
    }
}

/// The name, and the source if it is a different one.
impl fmt::Display for RepositoryLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)?;
        match &self.source {
            None => Ok(()),
            Some(PullSource { name, role }) if *role == Role::Mirror => {
                write!(f, " (mirror {name})")
            }
            Some(PullSource { name, .. }) => write!(f, " (location {name})"),
        }
    }
}

/// The code and message of the first error in a registry's error body.
pub(crate) fn error_text(body: &[u8]) -> Option<String> {
    let body = GoObject::parse(body).ok()?;
    let errors: Beginning<GoObject<'_>, 1> = body.field("errors").ok()??;
    let first = errors.kept.first()?;
    let (code, message) = (text_of(first, "code"), text_of(first, "message"));
    let said = quote(format!("{code} {message}").trim());
    (!said.is_empty()).then_some(said)
}

/// The text of a field; empty if it has none.
fn text_of(object: &GoObject<'_>, field: &str) -> String {
    object.field(field).ok().flatten().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_valid_error_body_is_quoted() {
        let body = br#"{"errors":[{"code":"NAME_UNKNOWN","message":"no such\u001b repository"}]}"#;
        assert_eq!(
            error_text(body).as_deref(),
            Some("NAME_UNKNOWN no such  repository")
        );
        let body = br#"{"Errors":[{"Code":"DENIED","detail":{}}]}"#;
        assert_eq!(error_text(body).as_deref(), Some("DENIED"));
        assert_eq!(error_text(b"<html>secret</html>"), None);
        assert_eq!(error_text(br#"{"errors":[]}"#), None);
    }
}
