//! Why a request has no response.

use std::error::Error;
use std::time::Duration;

use crate::secrets::quote;

use super::address::ForbiddenAddress;
use super::proxy::ShownProxy;

/// Why a request has no response. Cheap to clone: later requests to a host that was
/// given up fail with the same error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendError {
    /// DNS, connecting or TLS failed; the host is given up.
    #[error("{host} cannot be reached: {reason}")]
    Unreachable {
        /// Which host.
        host: String,
        /// What failed and how to fix it.
        reason: String,
    },
    /// The host presents a certificate that is not accepted; the host is given up.
    #[error("{host} cannot be trusted: {reason}")]
    Untrusted {
        /// Which host.
        host: String,
        /// What is wrong with the certificate and how to fix it.
        reason: String,
    },
    /// A registry points to an address that it may not point to.
    #[error(
        "{host} was not contacted: {reason}, and only a registry at such an address may point there"
    )]
    ForbiddenAddress {
        /// Which host.
        host: String,
        /// The kind of its address.
        reason: String,
    },
    /// The response took too long; after two time-outs the host is given up.
    #[error("{host} did not answer within {after:?}; try again, or raise --request-timeout")]
    TimedOut {
        /// Which host.
        host: String,
        /// The time limit.
        after: Duration,
    },
    /// The time that the requests for one repository may take in total is spent.
    #[error(
        "its requests took longer than {limit:?} in total, the last one to {host}; raise --scan-timeout, or use a policy that needs fewer requests"
    )]
    BudgetSpent {
        /// The host of the last request.
        host: String,
        /// The time limit.
        limit: Duration,
    },
    /// The host asks for fewer requests, for longer than the maximum wait.
    #[error("{host} limits the rate of requests (HTTP 429); {advice}")]
    RateLimited {
        /// Which host.
        host: String,
        /// When to try again.
        advice: String,
    },
    /// The remaining pulls are kept for others.
    #[error("{host} allows {quota} are left{kept}; this run made {spent}: {advice}")]
    Reserved {
        /// Which host.
        host: String,
        /// The limit of the host: `100 pulls in 6h, of which 20`.
        quota: String,
        /// Who they are for: `, which --rate-reserve 20 keeps for others`.
        kept: String,
        /// How many pulls this run made.
        spent: u64,
        /// What to do, and which images need not be pulled again.
        advice: String,
    },
    /// No requests are allowed.
    #[error(
        "it is not in the cache, and --offline contacts no registry; run once without --offline"
    )]
    Offline,
    /// The connection was lost, or the response was not HTTP.
    #[error("the connection to {host} was lost: {reason}; try again later")]
    Broken {
        /// Which host.
        host: String,
        /// What happened.
        reason: String,
        /// Whether the host, or a proxy in front of it, closed the connection: some do
        /// that when they have too many connections.
        reset: bool,
    },
    /// The body is larger than the limit.
    #[error("the response from {host} is larger than {limit} bytes and was not read to the end")]
    TooLarge {
        /// Which host.
        host: String,
        /// The limit in bytes.
        limit: u64,
    },
}

impl SendError {
    pub(crate) fn unreachable(host: &str, reason: impl Into<String>) -> Self {
        Self::Unreachable {
            host: host.to_owned(),
            reason: reason.into(),
        }
    }

    /// Classifies a client error; `proxy`: the one of the host. The URL is not shown, because the query of a redirect
    /// contains signatures.
    pub(crate) fn from_reqwest(
        host: &str,
        proxy: Option<ShownProxy>,
        error: &reqwest::Error,
    ) -> Self {
        if let Some(forbidden) = forbidden(error) {
            return Self::ForbiddenAddress {
                host: host.to_owned(),
                reason: forbidden.to_string(),
            };
        }
        let causes = causes(error);
        let last = root_cause(&causes);
        if error.is_connect() {
            let tls = tls_error(error);
            if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
                return Self::Untrusted {
                    host: host.to_owned(),
                    reason: format!(
                        "{last}; for a private certificate authority use --registry-ca FILE; to accept any certificate use --insecure-registry {host}"
                    ),
                };
            }
            let reason = if let Some(proxy) = proxy.filter(|_| tls.is_none()) {
                let ShownProxy { url, check } = proxy;
                format!("the proxy {url} refused the connection ({last}); check {check}")
            } else if error.is_timeout() {
                "connecting took too long; check the network or the proxy".to_owned()
            } else if tls.is_some() {
                format!("{last}; for plain HTTP use --insecure-registry {host}")
            } else if causes.iter().any(|cause| cause.contains("dns error")) {
                format!("the name cannot be resolved ({last}); check the name")
            } else {
                format!("{last}; check the name and the network")
            };
            return Self::unreachable(host, reason);
        }
        Self::Broken {
            host: host.to_owned(),
            reason: last,
            reset: error.is_request() || is_reset(error),
        }
    }

    /// Like [`Self::from_reqwest`], for a request without a response. A host that has
    /// responded before can be reached: if it closes a new connection at once, it has
    /// too many connections.
    pub(crate) fn for_request(
        host: &str,
        proxy: Option<ShownProxy>,
        error: &reqwest::Error,
        has_answered: bool,
    ) -> Self {
        match Self::from_reqwest(host, proxy, error) {
            Self::Unreachable { .. } if has_answered && is_reset(error) => Self::Broken {
                host: host.to_owned(),
                reason: root_cause(&causes(error)),
                reset: true,
            },
            error => error,
        }
    }
}

/// The address that the resolver rejected, if that is the cause.
fn forbidden(error: &reqwest::Error) -> Option<&ForbiddenAddress> {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(forbidden) = cause.downcast_ref() {
            return Some(forbidden);
        }
        next = cause.source();
    }
    None
}

/// The texts of an error's causes, outermost first, without the error itself, which
/// contains the URL.
fn causes(error: &reqwest::Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes
}

/// The innermost cause.
fn root_cause(causes: &[String]) -> String {
    causes
        .last()
        .map_or_else(|| "unknown error".to_owned(), |cause| quote(cause))
}

/// Whether the other side closed the connection.
fn is_reset(error: &reqwest::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let mut io = all_causes(error).filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.any(|io| {
        matches!(
            io.kind(),
            BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof
        )
    })
}

/// The TLS error, if that is the cause.
fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    all_causes(error).find_map(|cause| cause.downcast_ref())
}

/// The causes of an error, including those wrapped in I/O errors.
fn all_causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        match io.and_then(std::io::Error::get_ref) {
            // `source` would skip this one and return its source.
            Some(wrapped) => Some(wrapped),
            None => cause.source(),
        }
    })
}
