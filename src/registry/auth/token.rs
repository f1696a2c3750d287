//! The token endpoint: <https://distribution.github.io/distribution/spec/auth/token/>
//! and its OAuth 2 form for identity tokens.

use std::time::Duration;

use http::{HeaderValue, Method, StatusCode};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::image::FetchFailure;
use crate::registry::credentials::Credential;
use crate::registry::endpoint::is_loopback;
use crate::registry::failure::{Place, clean};
use crate::registry::transport::{Answer, Question, Transport};

use super::basic;

/// The largest answer of a token endpoint, in bytes.
const MAX_TOKEN_BODY: u64 = 1024 * 1024;
/// The name under which we ask.
const CLIENT_ID: &str = "kubectl-imgpolicy";

/// A token and how long to use it.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) value: SecretString,
    /// A little less than the endpoint said, where it said it.
    pub(super) lifetime: Option<Duration>,
}

/// A question to a token endpoint.
#[derive(Debug)]
pub(super) struct TokenRequest<'a> {
    pub(super) place: &'a Place,
    pub(super) realm: &'a str,
    pub(super) service: Option<&'a str>,
    pub(super) scope: &'a str,
    pub(super) credential: Option<&'a Credential>,
    pub(super) tried: &'a str,
}

impl TokenRequest<'_> {
    pub(super) async fn send(&self, transport: &Transport) -> Result<Token, FetchFailure> {
        let realm = Url::parse(self.realm)
            .ok()
            .filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host())
            .ok_or_else(|| {
                self.place.useless(format_args!(
                    "the registry's token endpoint {:?} is no URL",
                    clean(self.realm)
                ))
            })?;
        if self.credential.is_some() && !may_see_credentials(&realm, transport) {
            return Err(self.place.useless(format_args!(
                "the registry's token endpoint {} is not https: no credentials are sent there",
                clean(realm.host_str().unwrap_or_default())
            )));
        }
        let answer = match self.credential {
            Some(Credential::IdentityToken { user, token }) => {
                let answer = self.ask(transport, self.refresh(&realm, token)).await?;
                match answer.status {
                    // Endpoints without the OAuth 2 form take the token as a
                    // password.
                    StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                        self.ask(transport, self.get(&realm, Some((user, token))))
                            .await?
                    }
                    _ => answer,
                }
            }
            Some(Credential::Password { user, password }) => {
                self.ask(transport, self.get(&realm, Some((user, password))))
                    .await?
            }
            Some(Credential::RegistryToken(_)) | None => {
                self.ask(transport, self.get(&realm, None)).await?
            }
        };
        self.read(&answer)
    }

    /// `GET realm?service=…&scope=…`, with the password where there is one.
    fn get(&self, realm: &Url, login: Option<(&String, &SecretString)>) -> Question {
        let mut url = realm.clone();
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = self.service {
                query.append_pair("service", service);
            }
            query.append_pair("scope", self.scope);
        }
        let mut question = Question::get(url);
        question.limit = MAX_TOKEN_BODY;
        question.authorization =
            login.and_then(|(user, secret): (_, _)| -> Option<HeaderValue> { basic(user, secret) });
        question
    }

    /// `POST realm` with `grant_type=refresh_token`.
    fn refresh(&self, realm: &Url, token: &SecretString) -> Question {
        // The serializer of URLs is that of forms.
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
        let mut question = Question::get(realm.clone());
        question.method = Method::POST;
        question.limit = MAX_TOKEN_BODY;
        question.form = Some(SecretString::from(form.query().unwrap_or_default()));
        question
    }

    async fn ask(&self, transport: &Transport, question: Question) -> Result<Answer, FetchFailure> {
        transport
            .send(&question)
            .await
            .map_err(|error| self.place.unanswered(&error))
    }

    fn read(&self, answer: &Answer) -> Result<Token, FetchFailure> {
        #[derive(Deserialize)]
        struct Body {
            token: Option<String>,
            access_token: Option<String>,
            expires_in: Option<u64>,
        }
        match answer.status {
            StatusCode::OK => {}
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(self.place.unauthorized(format_args!(
                    "{}, refused by the token endpoint with HTTP {}",
                    self.tried,
                    answer.status.as_u16()
                )));
            }
            StatusCode::TOO_MANY_REQUESTS => {
                return Err(self.place.refused("a token", answer, self.tried));
            }
            status => {
                return Err(self.place.useless(format_args!(
                    "the registry's token endpoint answered HTTP {}; try again later",
                    status.as_u16()
                )));
            }
        }
        // Not the parser's error: it may quote the token.
        let unusable = || {
            self.place
                .useless("the registry's token endpoint answered without a token")
        };
        let body: Body = serde_json::from_slice(&answer.body).map_err(|_| unusable())?;
        let value = body
            .token
            .filter(|token| !token.is_empty())
            .or(body.access_token)
            .filter(|token| !token.is_empty())
            .map(SecretString::from)
            .ok_or_else(unusable)?;
        let lifetime = body
            .expires_in
            .filter(|seconds| *seconds > 0)
            .map(|seconds| Duration::from_secs(seconds.min(86_400)) * 9 / 10);
        Ok(Token { value, lifetime })
    }
}

/// Whether credentials may be sent to a token endpoint: over https, to this
/// machine, or to a host that the user named insecure.
fn may_see_credentials(realm: &Url, transport: &Transport) -> bool {
    realm.scheme() == "https"
        || realm.host_str().is_some_and(is_loopback)
        || transport.is_insecure(realm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::RegistryOptions;

    #[test]
    fn credentials_are_shown_to_token_endpoints_over_https_loopback_or_where_the_user_said_so() {
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
            assert_eq!(may_see_credentials(&realm, &transport), expected, "{realm}");
        }
    }
}
