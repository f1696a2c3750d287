//! The known secrets, and the search for them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::Regex;

/// Replaces a secret.
pub const REDACTED: &str = "[redacted]";

/// The minimum length of a secret that is searched, in bytes.
pub(crate) const SHORTEST: usize = 6;

/// The minimum length of a secret that has only lower-case letters, in bytes: `secret` and
/// `password` are words of our own messages.
pub(crate) const SHORTEST_WORD: usize = 10;

/// How much of a secret's beginning is enough to recognise it, in bytes. A quoted header
/// may be cut off.
pub(crate) const BEGINNING: usize = 12;

/// How much of each form is remembered, in bytes. The rest is recognised by its character
/// class.
pub(crate) const REMEMBERED: usize = 64;

/// The maximum length of foreign text that a message quotes, in characters.
pub(crate) const LONGEST_QUOTE: usize = 200;

pub(crate) static OF_THIS_RUN: LazyLock<RwLock<KnownSecrets>> = LazyLock::new(RwLock::default);

/// A JSON Web Token (RFC 7519): header and claims in Base64, and a signature.
pub(crate) static JSON_WEB_TOKEN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}").ok());

/// Remembers a secret for the rest of the run.
pub fn learn(secret: &str) {
    change(|known| known.learn(secret));
}

/// Remembers the password of a login, and the login as encoded for HTTP Basic.
pub fn learn_login(user: &str, password: &str) {
    change(|known| known.learn_login(user, password));
}

/// Remembers the password in a URL, if there is one. The URL may be malformed.
pub fn learn_url(url: &str) {
    let Some((login, _)) = split_login(url) else {
        return;
    };
    let (user, password) = login.split_once(':').unwrap_or((login, login));
    learn_login(user, password);
    if let Some((user, password)) = login_of(url) {
        learn_login(&user, &password);
    }
}

/// The decoded user and password of a URL. One of them may be empty.
#[must_use]
pub fn login_of(url: &str) -> Option<(String, String)> {
    let (login, _) = split_login(url)?;
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    Some((percent_decoded(user)?, percent_decoded(password)?))
}

/// The text with every known secret replaced by [`REDACTED`].
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    let known = OF_THIS_RUN.read().unwrap_or_else(PoisonError::into_inner);
    known.redact(text)
}

/// Like [`redact`], with additional secrets that must not appear in this text, although
/// they are harmless elsewhere.
#[must_use]
pub fn redact_also<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    let mut local = KnownSecrets::default();
    for secret in secrets {
        local.learn(secret);
    }
    local.redact(&redact(text)).into_owned()
}

/// Prepares foreign text for a message: removes secrets, control characters and characters
/// that change the writing direction, and limits the length.
#[must_use]
pub fn quote(text: &str) -> String {
    let text = redact(text);
    let mut shown = text
        .trim()
        .chars()
        .map(|c| if is_invisible(c) { ' ' } else { c });
    let mut cut: String = shown.by_ref().take(LONGEST_QUOTE).collect();
    if shown.next().is_some() {
        cut.push('…');
    }
    cut
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A URL without user and password. It may be malformed.
#[must_use]
pub fn without_login(url: &str) -> String {
    match split_login(url) {
        Some((_, rest)) => rest,
        None => url.to_owned(),
    }
}

pub(crate) fn change(with: impl FnOnce(&mut KnownSecrets)) {
    with(&mut OF_THIS_RUN.write().unwrap_or_else(PoisonError::into_inner));
}

/// `user:password` of a URL, and the URL without it. A password that is not encoded may
/// contain `/` and `@`, so the last `@` counts.
pub(crate) fn split_login(url: &str) -> Option<(&str, String)> {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let (login, host) = rest.rsplit_once('@')?;
    Some((login, format!("{scheme}{host}")))
}

pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        let digits = std::str::from_utf8(&digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// One form in which a secret may appear.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SecretForm {
    pub(crate) bytes: Box<[u8]>,
    /// Whether it may be part of a longer Base64 text.
    pub(crate) is_base64: bool,
    /// Whether only the beginning of the secret is stored.
    pub(crate) is_cut: bool,
}

impl SecretForm {
    /// Whether this form finds everything that another form finds. Tokens of one issuer
    /// have the same beginning, and there may be thousands.
    pub(crate) fn finds(&self, other: &Self) -> bool {
        self == other
            || (self.is_cut
                && other.is_cut
                && self.is_base64 == other.is_base64
                && self.bytes[..BEGINNING] == other.bytes[..BEGINNING])
    }
}

/// The known secrets, by the first bytes of their forms.
#[derive(Default)]
pub(crate) struct KnownSecrets {
    pub(crate) forms: HashMap<[u8; SHORTEST], Vec<SecretForm>>,
}

impl KnownSecrets {
    pub(crate) fn learn(&mut self, secret: &str) {
        let secret = secret.trim();
        let is_word = secret.bytes().all(|b| b.is_ascii_lowercase());
        if secret.len() < if is_word { SHORTEST_WORD } else { SHORTEST } {
            return;
        }
        self.add(secret.as_bytes(), false);
        for space in ["%20", "+"] {
            let encoded = percent_encoded(secret, space);
            self.add(encoded.as_bytes(), false);
            self.add(lower_hex(&encoded).as_bytes(), false);
        }
        let quoted = serde_json::to_string(secret).unwrap_or_default();
        let escaped = quoted.trim_start_matches('"').trim_end_matches('"');
        self.add(escaped.as_bytes(), false);
        // Go's JSON encoder also escapes the characters that are special in HTML.
        let html = [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026")];
        let escaped = html
            .iter()
            .fold(escaped.to_owned(), |text, (c, code)| text.replace(*c, code));
        self.add(escaped.as_bytes(), false);
        for before in 0..3 {
            self.add_base64(secret, before);
        }
    }

    pub(crate) fn learn_login(&mut self, user: &str, password: &str) {
        self.learn(password);
        if !password.is_empty() {
            self.add_base64(&format!("{user}:{password}"), 0);
        }
    }

    /// Adds the Base64 form of a text that follows `before` other bytes (modulo 3), as far
    /// as it depends on the text alone.
    pub(crate) fn add_base64(&mut self, text: &str, before: usize) {
        // After 1 byte the text begins within the second character, after 2 bytes within
        // the third.
        let first = [0, 2, 3][before];
        let letters = (before + text.len()) * 8 / 6;
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(text.as_bytes());
        for encoded in [
            STANDARD_NO_PAD.encode(&bytes),
            URL_SAFE_NO_PAD.encode(&bytes),
        ] {
            self.add(&encoded.as_bytes()[first..letters], true);
        }
    }

    pub(crate) fn add(&mut self, form: &[u8], is_base64: bool) {
        let is_cut = form.len() > REMEMBERED;
        let form = &form[..form.len().min(REMEMBERED)];
        let Some(key) = form.first_chunk::<SHORTEST>() else {
            return;
        };
        let form = SecretForm {
            bytes: form.into(),
            is_base64,
            is_cut,
        };
        let forms = self.forms.entry(*key).or_default();
        if !forms.iter().any(|known| known.finds(&form)) {
            forms.push(form);
        }
    }

    pub(crate) fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let text = self.without_known(text);
        match JSON_WEB_TOKEN.as_ref().filter(|_| text.contains("eyJ")) {
            Some(token) if token.is_match(&text) => {
                Cow::Owned(token.replace_all(&text, REDACTED).into_owned())
            }
            _ => text,
        }
    }

    pub(crate) fn without_known<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.forms.is_empty() {
            return Cow::Borrowed(text);
        }
        let bytes = text.as_bytes();
        let mut safe = String::new();
        let (mut at, mut kept) = (0, 0);
        while at + SHORTEST <= bytes.len() {
            let Some((start, end)) = self.find(text, at, kept) else {
                at += 1;
                continue;
            };
            safe.push_str(&text[kept..start]);
            safe.push_str(REDACTED);
            (at, kept) = (end, end);
        }
        if kept == 0 {
            return Cow::Borrowed(text);
        }
        safe.push_str(&text[kept..]);
        Cow::Owned(safe)
    }

    /// The range of the secret that is found at byte `at`. It does not begin before `from`.
    pub(crate) fn find(&self, text: &str, at: usize, from: usize) -> Option<(usize, usize)> {
        let bytes = text.as_bytes();
        let forms = self.forms.get(bytes[at..].first_chunk::<SHORTEST>()?)?;
        let mut found: Option<(usize, usize)> = None;
        for form in forms {
            let like = form.bytes.iter().zip(&bytes[at..]);
            let like = like.take_while(|(a, b)| a == b).count();
            let is_whole = like == form.bytes.len();
            if !is_whole && like < BEGINNING {
                continue;
            }
            let (mut start, mut end) = (at, at + like);
            if form.is_base64 {
                while start > from && is_base64_byte(bytes[start - 1]) {
                    start -= 1;
                }
            }
            if form.is_base64 || form.is_cut || !is_whole {
                while bytes.get(end).copied().is_some_and(is_token_byte) {
                    end += 1;
                }
            }
            while !text.is_char_boundary(end) {
                end += 1;
            }
            found = match found {
                Some((other, until)) => Some((other.min(start), until.max(end))),
                None => Some((start, end)),
            };
        }
        found
    }
}

/// Percent-encodes everything except unreserved characters, as in a query.
pub(crate) fn percent_encoded(text: &str, space: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push_str(space),
            b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// The same text, with the digits after each `%` in lower case.
pub(crate) fn lower_hex(encoded: &str) -> String {
    let mut digits = 0;
    let mut lower = String::with_capacity(encoded.len());
    for c in encoded.chars() {
        if c == '%' {
            digits = 2;
            lower.push(c);
        } else if digits > 0 {
            digits -= 1;
            lower.push(c.to_ascii_lowercase());
        } else {
            lower.push(c);
        }
    }
    lower
}

/// Whether a byte belongs to one of the Base64 alphabets.
pub(crate) fn is_base64_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// Whether a byte may be part of a token (RFC 6750).
pub(crate) fn is_token_byte(byte: u8) -> bool {
    is_base64_byte(byte) || matches!(byte, b'=' | b'.' | b'~')
}

#[cfg(test)]
#[path = "known_tests.rs"]
mod tests;
