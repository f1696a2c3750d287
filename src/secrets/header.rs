//! `Authorization` headers: what they hold is learnt, and they print as
//! `Sensitive`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

use super::{learn, learn_login};

/// `Basic` with a user name and a password (RFC 7617).
pub(crate) fn basic(user: &str, password: &SecretString) -> Option<HeaderValue> {
    learn_login(user, password.expose_secret());
    let login = SecretString::from(format!("{user}:{}", password.expose_secret()));
    let encoded = SecretString::from(STANDARD.encode(login.expose_secret()));
    sensitive("Basic", encoded.expose_secret().as_bytes())
}

/// `Bearer` with a token (RFC 6750), without the spaces and line breaks around it
/// that editors leave. `None`: the token holds a character that no header may have,
/// such as a line break.
pub(crate) fn bearer(token: &[u8]) -> Option<HeaderValue> {
    let token = token.trim_ascii();
    learn(&String::from_utf8_lossy(token));
    sensitive("Bearer", token)
}

fn sensitive(scheme: &str, value: &[u8]) -> Option<HeaderValue> {
    let text = [scheme.as_bytes(), b" ", value].concat();
    let mut header = HeaderValue::from_bytes(&text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_encoded_and_do_not_print_their_secret() {
        let header = basic("me", &"hunter2".into()).expect("a header");
        assert_eq!(header.as_bytes(), b"Basic bWU6aHVudGVyMg==");
        assert_eq!(format!("{header:?}"), "Sensitive");
        let header = bearer(b" t0ken\r\n").expect("a header");
        assert_eq!(header.as_bytes(), b"Bearer t0ken");
        assert_eq!(bearer(b"two\nlines"), None);
    }
}
