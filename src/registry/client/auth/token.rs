//! The token endpoint: <https://distribution.github.io/distribution/spec/auth/token/>
//! and its OAuth 2 form for identity tokens.

use std::time::Duration;

use http::{Method, StatusCode};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::image::FetchFailure;
use crate::registry::client::endpoint::Endpoint;
use crate::registry::client::failure::RepositoryLabel;
use crate::registry::client::redirect;
use crate::registry::client::redirect::{MAX_REDIRECTS, has_user_info};
use crate::registry::client::transport::{Request, Response, Transport, authority};
use crate::registry::keychain::Credential;
use crate::registry::loopback::is_loopback;
use crate::secrets::{self, header, quote};

/// The largest response of a token endpoint that is read, in bytes.
const MAX_TOKEN_BODY: u64 = 64 * 1024;
/// The `client_id` that is sent.
const CLIENT_ID: &str = "kubectl-imgpolicy";

/// A token, and how long to use it.
#[derive(Debug)]
pub(crate) struct BearerToken {
    pub(crate) value: SecretString,
    /// 90 % of what the endpoint named; `None` if it named nothing.
    pub(crate) lifetime: Option<Duration>,
}

/// A request for a token.
#[derive(Debug)]
pub(crate) struct TokenRequest<'a> {
    pub(crate) label: &'a RepositoryLabel,
    /// The registry that named the token endpoint.
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) realm: &'a str,
    pub(crate) service: Option<&'a str>,
    pub(crate) scope: &'a str,
    pub(crate) credential: Option<&'a Credential>,
    pub(crate) tried: &'a str,
}

impl TokenRequest<'_> {
    pub(crate) async fn send(&self, transport: &Transport) -> Result<BearerToken, FetchFailure> {
        let home = self.endpoint.base(transport).await;
        let home = home.map_err(|fault| self.label.useless(quote(&fault)))?;
        let realm = realm(self.realm, home).map_err(|bad| self.label.useless(bad))?;
        if self.credential.is_some() && !may_receive_credentials(&realm, transport) {
            return Err(self.label.useless(format_args!(
                "the registry's token endpoint {} is not https: no credentials are sent there",
                quote(realm.host_str().unwrap_or_default())
            )));
        }
        let response = match self.credential {
            Some(Credential::IdentityToken { user, token }) => {
                secrets::learn(token.expose_secret());
                let response = self
                    .send_request(transport, self.refresh(&realm, token))
                    .await?;
                match response.status {
                    // Endpoints without OAuth 2 accept the token as a password.
                    StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                        self.send_request(transport, self.get(&realm, Some((user, token))))
                            .await?
                    }
                    _ => response,
                }
            }
            Some(Credential::Password { user, password }) => {
                self.send_request(transport, self.get(&realm, Some((user, password))))
                    .await?
            }
            Some(Credential::RegistryToken(_)) | None => {
                self.send_request(transport, self.get(&realm, None)).await?
            }
        };
        self.read(&response, home)
    }

    /// `GET realm?service=…&scope=…`, with the password if there is one.
    fn get(&self, realm: &Url, login: Option<(&String, &SecretString)>) -> Request {
        let mut url = realm.clone();
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = self.service {
                query.append_pair("service", service);
            }
            query.append_pair("scope", self.scope);
        }
        let mut request = Request::get(url);
        request.limit = MAX_TOKEN_BODY;
        request.authorization = login.and_then(|(user, secret)| header::basic(user, secret));
        request
    }

    /// `POST realm` with `grant_type=refresh_token`.
    fn refresh(&self, realm: &Url, token: &SecretString) -> Request {
        // URL queries and forms have the same encoding.
        let mut form = realm.clone();
        form.set_query(None);
        {
            let mut fields = form.query_pairs_mut();
            fields.append_pair("grant_type", "refresh_token");
            fields.append_pair("client_id", CLIENT_ID);
            fields.append_pair("service", self.service.unwrap_or_default());
            fields.append_pair("scope", self.scope);
            fields.append_pair("refresh_token", token.expose_secret());
        }
        let mut request = Request::get(realm.clone());
        request.method = Method::POST;
        request.limit = MAX_TOKEN_BODY;
        request.form = Some(SecretString::from(form.query().unwrap_or_default()));
        request
    }

    /// Sends a request and follows redirects. Credentials are sent on only within the
    /// origin, because another port may belong to someone else.
    async fn send_request(
        &self,
        transport: &Transport,
        mut request: Request,
    ) -> Result<Response, FetchFailure> {
        for _ in 0..=MAX_REDIRECTS {
            request.named_by = self.endpoint.named_by(&request.url, transport);
            let sent = transport.send(&request).await;
            let response = sent.map_err(|error| self.label.unanswered(&error))?;
            let target = redirect::target(&response).map_err(|bad| self.label.useless(bad))?;
            let Some(target) = target else {
                return Ok(response);
            };
            let is_same = target.origin() == request.url.origin();
            if !(is_same && may_receive_credentials(&target, transport)) {
                request.authorization = None;
                if request.form.is_some() {
                    return Err(self.label.useless(format_args!(
                        "the registry's token endpoint redirects to {}, where no credentials are sent",
                        quote(&authority(&target))
                    )));
                }
            }
            request.url = target;
        }
        Err(self.label.useless(format_args!(
            "the registry's token endpoint redirects more than {MAX_REDIRECTS} times"
        )))
    }

    fn read(&self, response: &Response, home: &Url) -> Result<BearerToken, FetchFailure> {
        #[derive(Deserialize)]
        struct Body {
            token: Option<String>,
            access_token: Option<String>,
            expires_in: Option<u64>,
        }
        match response.status {
            StatusCode::OK => {}
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(self.label.unauthorized(format_args!(
                    "{}, refused by the token endpoint with HTTP {}",
                    self.tried,
                    response.status.as_u16()
                )));
            }
            StatusCode::TOO_MANY_REQUESTS => {
                return Err(self.label.refused("a token", response, self.tried));
            }
            status => {
                return Err(self.label.useless(format_args!(
                    "the registry's token endpoint answered HTTP {}; try again later",
                    status.as_u16()
                )));
            }
        }
        // The parser's error is not shown because it may quote the token.
        let body: Option<Body> = serde_json::from_slice(&response.body).ok();
        // An `access_token` for an anonymous request may be meant for another service
        // than this registry, so one from another host is not used.
        let is_for_registry =
            self.credential.is_some() || response.url.host_str() == home.host_str();
        let token = body.and_then(|body| {
            let value = body
                .token
                .filter(|token| !token.is_empty())
                .or(body.access_token.filter(|_| is_for_registry))
                .filter(|token| !token.is_empty())
                .map(SecretString::from)?;
            let lifetime = body
                .expires_in
                .filter(|seconds| *seconds > 0)
                .map(|seconds| Duration::from_secs(seconds.min(86_400)) * 9 / 10);
            Some(BearerToken { value, lifetime })
        });
        token.ok_or_else(|| {
            self.label
                .useless("the registry's token endpoint answered without a token")
        })
    }
}

/// A token endpoint that is not contacted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum BadRealm {
    #[error("the registry's token endpoint {0:?} is not a valid URL")]
    NoUrl(String),
    #[error(
        "the registry's token endpoint {0} contains a user name or a password: it was not contacted"
    )]
    UserInfo(String),
    #[error(
        "the registry's token endpoint http://{0} does not use https and is on another host: it was not contacted"
    )]
    NotHttps(String),
}

/// The URL of a token endpoint that a registry at `home` names, if it is allowed.
///
/// Over plain HTTP anyone on the network could return a token. So for a registry that
/// uses https, its own host is contacted over https, and no other host over plain HTTP.
fn realm(text: &str, home: &Url) -> Result<Url, BadRealm> {
    let mut realm = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host())
        .ok_or_else(|| BadRealm::NoUrl(quote(text)))?;
    if has_user_info(&realm) {
        return Err(BadRealm::UserInfo(quote(&authority(&realm))));
    }
    if realm.scheme() == "http"
        && home.scheme() == "https"
        && (realm.host_str() != home.host_str() || realm.set_scheme("https").is_err())
    {
        return Err(BadRealm::NotHttps(quote(&authority(&realm))));
    }
    Ok(realm)
}

/// Whether credentials may be sent to a token endpoint: over https, to this machine,
/// or to a host that the user declared insecure.
fn may_receive_credentials(realm: &Url, transport: &Transport) -> bool {
    realm.scheme() == "https"
        || realm.host_str().is_some_and(is_loopback)
        || transport.is_insecure(realm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::RegistryOptions;

    #[test]
    fn token_endpoints_need_https_for_an_https_registry_and_contain_no_user_info() {
        let (plain, tls) = ("http://r.example:5000/", "https://r.example:5000/");
        let host = |host: &str| host.to_owned();
        for (home, text, expected) in [
            (
                tls,
                "https://auth.example/t?a=b",
                Ok("https://auth.example/t?a=b"),
            ),
            (
                tls,
                "http://auth.example/t",
                Err(BadRealm::NotHttps(host("auth.example"))),
            ),
            (
                tls,
                "http://169.254.169.254/t",
                Err(BadRealm::NotHttps(host("169.254.169.254"))),
            ),
            // Its own host, on any port.
            (tls, "http://r.example/t", Ok("https://r.example/t")),
            (
                tls,
                "http://R.example:5000/t",
                Ok("https://r.example:5000/t"),
            ),
            (plain, "http://auth.example/t", Ok("http://auth.example/t")),
            (plain, "http://r.example/t", Ok("http://r.example/t")),
            (
                plain,
                "http://me@r.example/t",
                Err(BadRealm::UserInfo(host("r.example"))),
            ),
            (
                tls,
                "https://:pw@r.example/t",
                Err(BadRealm::UserInfo(host("r.example"))),
            ),
            (
                tls,
                "ftp://r.example/t",
                Err(BadRealm::NoUrl(host("ftp://r.example/t"))),
            ),
            (tls, "/token", Err(BadRealm::NoUrl(host("/token")))),
            (tls, "", Err(BadRealm::NoUrl(host("")))),
        ] {
            let home = Url::parse(home).expect(home);
            let realm = realm(text, &home);
            let realm = realm.as_ref().map(Url::as_str);
            assert_eq!(realm, expected.as_ref().map(|url| *url), "{home} {text}");
        }
    }

    #[test]
    fn credentials_are_sent_to_token_endpoints_over_https_loopback_or_to_insecure_hosts() {
        let transport = Transport::new(&RegistryOptions {
            insecure_registries: vec!["registry.lan:5000".to_owned()],
            ..RegistryOptions::default()
        })
        .expect("transport");
        for (realm, expected) in [
            ("https://auth.example/token", true),
            ("http://127.0.0.1:5000/token", true),
            ("http://localhost/token", true),
            ("http://registry.lan:5000/token", true),
            ("http://registry.lan/token", false),
            ("http://auth.example/token", false),
        ] {
            let realm = Url::parse(realm).expect("URL");
            assert_eq!(
                may_receive_credentials(&realm, &transport),
                expected,
                "{realm}"
            );
        }
    }
}
