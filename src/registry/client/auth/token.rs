//! The token endpoint: <https://distribution.github.io/distribution/spec/auth/token/>
//! and its OAuth 2 form for identity tokens.

use std::time::Duration;

use http::{Method, StatusCode};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;

use crate::image::FetchFailure;
use crate::registry::client::endpoint::Endpoint;
use crate::registry::client::failure::RepositoryLabel;
use crate::registry::client::redirect;
use crate::registry::client::redirect::{MAX_REDIRECTS, has_user_info};
use crate::registry::client::transport::{Request, Response, Transport, authority};
use crate::registry::content::go_json::GoObject;
use crate::registry::keychain::Credential;
use crate::registry::loopback::is_loopback;
use crate::secrets::{self, header, quote};

/// The largest response of a token endpoint that is read, in bytes.
const MAX_TOKEN_BODY: u64 = 64 * 1024;
/// The longest lifetime that counts, in seconds.
const MAX_LIFETIME: f64 = 86_400.0;
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

    /// Sends a request and follows redirects. Credentials are sent on only to the same
    /// server.
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
            let is_same = is_same_server(&request.url, &target);
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
        // An `access_token` for an anonymous request may be meant for another service
        // than this registry, so one from another host is not used.
        let is_for_registry =
            self.credential.is_some() || response.url.host_str() == home.host_str();
        let token = parse(&response.body, is_for_registry);
        token.ok_or_else(|| {
            self.label
                .useless("the registry's token endpoint answered without a token")
        })
    }
}

/// Parses the response of a token endpoint; `access_token` counts only if it
/// `is_for_registry`. `None` if there is no token: the parser's error is not used,
/// because it may quote one.
fn parse(body: &[u8], is_for_registry: bool) -> Option<BearerToken> {
    let body = GoObject::parse(body).ok()?;
    let token = text(&body, "token");
    let token = token.or_else(|| text(&body, "access_token").filter(|_| is_for_registry));
    let lifetime = body.field("expires_in").ok().flatten().and_then(lifetime);
    Some(BearerToken {
        value: token?.into(),
        lifetime,
    })
}

/// A field that is a text and not empty.
fn text(body: &GoObject<'_>, field: &str) -> Option<String> {
    let text = body.field(field).ok().flatten();
    text.filter(|text: &String| !text.is_empty())
}

/// How long to use a token: 90 % of its lifetime in seconds, which some endpoints send
/// as a text or with a fraction. `None` if it is not a positive number.
fn lifetime(seconds: &RawValue) -> Option<Duration> {
    let seconds: f64 = seconds.get().trim_matches('"').trim().parse().ok()?;
    let is_positive = seconds.is_finite() && seconds > 0.0;
    is_positive.then(|| Duration::from_secs_f64(seconds.min(MAX_LIFETIME) * 0.9))
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

/// Whether a redirect stays on the same server: the same origin, or the same host with
/// https instead of plain HTTP, both on their usual ports. Another port may belong to
/// someone else.
fn is_same_server(from: &Url, to: &Url) -> bool {
    let is_upgrade = from.scheme() == "http"
        && to.scheme() == "https"
        && from.host_str() == to.host_str()
        && (from.port(), to.port()) == (None, None);
    is_upgrade || from.origin() == to.origin()
}

/// Whether credentials may be sent to a token endpoint: over https, to this machine,
/// or to a host that the user declared insecure.
fn may_receive_credentials(realm: &Url, transport: &Transport) -> bool {
    realm.scheme() == "https"
        || realm.host_str().is_some_and(is_loopback)
        || transport.may_be_plain(realm)
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
    fn a_token_is_read_in_any_case_with_any_lifetime() {
        for (body, token, seconds) in [
            (r#"{"token":"t","expires_in":300}"#, Some("t"), Some(270.0)),
            (r#"{"Token":"t","Expires_In":300}"#, Some("t"), Some(270.0)),
            (
                r#"{"token":"t","expires_in":"3600"}"#,
                Some("t"),
                Some(3240.0),
            ),
            (
                r#"{"token":"t","expires_in":3600.0}"#,
                Some("t"),
                Some(3240.0),
            ),
            (
                r#"{"token":"t","expires_in":3.6e3}"#,
                Some("t"),
                Some(3240.0),
            ),
            (
                r#"{"token":"t","expires_in":99999999999999999999}"#,
                Some("t"),
                Some(77_760.0),
            ),
            (r#"{"token":"t","expires_in":-1}"#, Some("t"), None),
            (r#"{"token":"t","expires_in":0}"#, Some("t"), None),
            (r#"{"token":"t","expires_in":null}"#, Some("t"), None),
            (r#"{"token":"t","expires_in":"soon"}"#, Some("t"), None),
            (r#"{"token":"t","expires_in":"NaN"}"#, Some("t"), None),
            (r#"{"token":"t","expires_in":{"a":1}}"#, Some("t"), None),
            (r#"{"token":"","access_token":"a"}"#, Some("a"), None),
            (r#"{"ACCESS_TOKEN":"a"}"#, Some("a"), None),
            (r#"{"token":7,"access_token":"a"}"#, Some("a"), None),
            (r#"{"token":"t","access_token":"a"}"#, Some("t"), None),
            (r#"{"token":""}"#, None, None),
            ("{}", None, None),
            (r#"{"errors":[]}"#, None, None),
            ("[]", None, None),
        ] {
            let found = parse(body.as_bytes(), true);
            let shown = found.as_ref().map(|found| found.value.expose_secret());
            assert_eq!(shown, token, "{body}");
            let lifetime = found.and_then(|found| found.lifetime);
            let lifetime = lifetime.map(|lifetime| lifetime.as_secs_f64().round());
            assert_eq!(lifetime, seconds, "{body}");
        }
        assert!(parse(br#"{"access_token":"a"}"#, false).is_none());
    }

    #[test]
    fn another_port_or_scheme_is_another_server_unless_it_adds_tls() {
        for (from, to, expected) in [
            ("https://a.example/t", "https://a.example/u", true),
            ("http://a.example/t", "https://a.example/u", true),
            ("http://a.example:80/t", "https://a.example:443/u", true),
            ("http://A.example/t", "https://a.example/u", true),
            ("http://a.example:8080/t", "https://a.example/u", false),
            ("http://a.example/t", "https://a.example:8443/u", false),
            ("https://a.example/t", "https://a.example:8443/u", false),
            ("https://a.example/t", "http://a.example/u", false),
            ("https://a.example/t", "https://b.a.example/u", false),
            ("https://a.example/t", "https://b.example/u", false),
        ] {
            let url = |text: &str| Url::parse(text).expect("a URL");
            assert_eq!(
                is_same_server(&url(from), &url(to)),
                expected,
                "{from} {to}"
            );
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
