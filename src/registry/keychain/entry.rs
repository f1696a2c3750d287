//! One entry of a docker config: the credentials for one key.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::SecretString;
use serde_json::value::RawValue;

use crate::registry::content::go_json::GoObject;

/// Padding is often lost when credentials are encoded by hand.
const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A credential as it is stored.
#[derive(Debug, Clone)]
pub enum StoredCredential {
    /// A user name and a password.
    Password {
        /// The user name.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// A refresh token, to be exchanged at the token endpoint for a registry token.
    IdentityToken {
        /// The user name, often just a placeholder.
        user: String,
        /// The token.
        token: SecretString,
    },
    /// A token for the registry itself.
    RegistryToken(SecretString),
}

/// Why an entry cannot be used. Nothing of it is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadEntry {
    /// It is not an object, or a field is not a string.
    #[error("it is not an object with strings")]
    Malformed,
    /// `auth` is something else.
    #[error("its `auth` is not USER:PASSWORD in base64")]
    Auth,
}

/// The fields of an entry.
#[derive(Debug, Default)]
pub(crate) struct AuthEntry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identity_token: Option<String>,
    registry_token: Option<String>,
}

impl AuthEntry {
    pub(crate) fn parse(entry: &RawValue) -> Result<Self, BadEntry> {
        Self::read(entry).map_err(|_| BadEntry::Malformed)
    }

    fn read(entry: &RawValue) -> serde_json::Result<Self> {
        // As in Go, null is an empty entry.
        let entry: Option<GoObject<'_>> = serde_json::from_str(entry.get())?;
        let Some(entry) = entry else {
            return Ok(Self::default());
        };
        Ok(Self {
            auth: entry.field("auth")?,
            username: entry.field("username")?,
            password: entry.field("password")?,
            identity_token: entry.field("identitytoken")?,
            registry_token: entry.field("registrytoken")?,
        })
    }

    /// The credential of the entry; `None` if it is empty.
    pub(crate) fn credential(self) -> Result<Option<StoredCredential>, BadEntry> {
        if let Some(token) = non_empty(self.registry_token) {
            return Ok(Some(StoredCredential::RegistryToken(token.into())));
        }
        let auth = non_empty(self.auth);
        let has_auth = auth.is_some();
        let pair = auth.and_then(|auth| user_and_password(&auth));
        let is_bad = has_auth && pair.is_none();
        let (user, password) = pair.unwrap_or((
            self.username.unwrap_or_default(),
            self.password.unwrap_or_default(),
        ));
        if let Some(token) = non_empty(self.identity_token) {
            return Ok(Some(StoredCredential::IdentityToken {
                user,
                token: token.into(),
            }));
        }
        if user.is_empty() {
            // An empty entry only says that a credential store has the credential.
            return if is_bad {
                Err(BadEntry::Auth)
            } else {
                Ok(None)
            };
        }
        Ok(Some(StoredCredential::Password {
            user,
            password: password.into(),
        }))
    }
}

/// Decodes `auth`.
fn user_and_password(auth: &str) -> Option<(String, String)> {
    // Long lines are often folded; Go also ignores line breaks.
    let auth: String = auth.split_ascii_whitespace().collect();
    let decoded = String::from_utf8(LENIENT_BASE64.decode(auth).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    // Some tools pad the password with zero bytes.
    Some((user.to_owned(), password.trim_end_matches('\0').to_owned()))
}

fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
