use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;

use super::*;

fn known(secrets: &[&str]) -> KnownSecrets {
    let mut known = KnownSecrets::default();
    for secret in secrets {
        known.learn(secret);
    }
    known
}

#[test]
fn secret_is_found_in_every_encoding() {
    // Needs escaping in JSON, in a URL and in HTML, and differs between the Base64
    // alphabets.
    let secret = "Pä5?>~ \"w/+&<d";
    let known = known(&[secret]);
    let json = serde_json::to_string(secret).expect("text");
    for (text, expected) in [
        (format!("got {secret}!"), "got [redacted]!"),
        (format!("got {json}!"), "got \"[redacted]\"!"),
        (
            "got P%C3%A45%3F%3E~%20%22w%2F%2B%26%3Cd!".to_owned(),
            "got [redacted]!",
        ),
        (
            "got P%c3%a45%3f%3e~+%22w%2f%2b%26%3cd!".to_owned(),
            "got [redacted]!",
        ),
        (
            r#"got Pä5?\u003e~ \"w/+\u0026\u003cd!"#.to_owned(),
            "got [redacted]!",
        ),
        (
            format!("got {}!", STANDARD.encode(secret)),
            "got [redacted]!",
        ),
        (
            format!("got {}!", URL_SAFE.encode(secret)),
            "got [redacted]!",
        ),
        (
            format!("got {}!", STANDARD_NO_PAD.encode(secret)),
            "got [redacted]!",
        ),
        (format!("{secret}{secret}"), "[redacted][redacted]"),
        ("got nothing!".to_owned(), "got nothing!"),
    ] {
        assert_eq!(known.redact(&text), expected, "{text}");
    }
}

#[test]
fn secret_is_found_anywhere_in_a_longer_base64_text() {
    let known = known(&["hunter2"]);
    for user in ["", "a", "ab", "abc", "abcd"] {
        for after in ["", "x", "xy", "xyz"] {
            let text = format!("{user}:hunter2{after}");
            for encoded in [STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                let quoted = format!("Authorization: Basic {encoded} is wrong");
                assert_eq!(
                    known.redact(&quoted),
                    "Authorization: Basic [redacted] is wrong",
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn truncated_secret_is_found() {
    let token: String = ('!'..='~').filter(char::is_ascii_alphanumeric).collect();
    let token = token.repeat(20);
    let known = known(&[&token]);
    for length in [12, 63, 64, 65, 500, token.len()] {
        let text = format!("Bearer {}, denied", &token[..length]);
        assert_eq!(known.redact(&text), "Bearer [redacted], denied", "{length}");
    }
    let text = format!("Bearer {}, denied", &token[..11]);
    assert_eq!(known.redact(&text), text);
    // A multi-byte character at the cut.
    let known = super::tests::known(&["0123456789aé1"]);
    assert_eq!(known.redact("0123456789aè2"), "[redacted]2");
}

#[test]
fn short_secrets_and_words_are_found_only_in_their_login() {
    let mut known = known(&["", "a", "12345", "secret", "password", "\n\n"]);
    assert!(known.forms.is_empty());
    known.learn_login("me", "secret");
    for (text, expected) in [
        ("the secret is not valid", "the secret is not valid"),
        ("Basic bWU6c2VjcmV0 is wrong", "Basic [redacted] is wrong"),
    ] {
        assert_eq!(known.redact(text), expected);
    }
}

#[test]
fn json_web_token_is_found_by_its_shape() {
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlX29mX2l0";
    assert_eq!(
        KnownSecrets::default().redact(&format!("token {token} expired")),
        "token [redacted] expired"
    );
    assert_eq!(
        KnownSecrets::default().redact("eyJ is not a token"),
        "eyJ is not a token"
    );
}

#[test]
fn login_is_removed_even_from_a_malformed_url() {
    for (url, login, rest) in [
        ("http://me:pw@proxy:1", Some("me:pw"), "http://proxy:1"),
        ("me:p@ss/w@proxy:1", Some("me:p@ss/w"), "proxy:1"),
        ("ftp://me:p w@:x", Some("me:p w"), "ftp://:x"),
        ("https://proxy:1/path", None, "https://proxy:1/path"),
    ] {
        assert_eq!(split_login(url).map(|(login, _)| login), login, "{url}");
        assert_eq!(without_login(url), rest, "{url}");
    }
    learn_url("http://me:pl%40nted-in-a-url@proxy");
    assert_eq!(redact("is pl@nted-in-a-url wrong?"), "is [redacted] wrong?");
}

#[test]
fn quoted_text_is_truncated_and_has_no_control_characters() {
    let shown = quote("\u{1b}[31mred\u{202e}\r\nnext");
    assert_eq!(shown, " [31mred   next");
    let long = quote(&"é".repeat(1000));
    assert_eq!(long.chars().count(), LONGEST_QUOTE + 1);
    assert!(long.ends_with('…'));
}

#[test]
fn additional_secrets_are_redacted_in_one_text_only() {
    assert_eq!(
        redact_also("profile Production-1 is unknown", ["Production-1"]),
        "profile [redacted] is unknown"
    );
    assert_eq!(redact("profile Production-1"), "profile Production-1");
}

proptest! {
    #[test]
    fn any_secret_is_found_in_any_surrounding_text(
        secret in ".{6,90}[A-Z0-9]",
        before in ".{0,20}",
        after in ".{0,20}",
    ) {
        let secret = secret.trim();
        prop_assume!(secret.len() >= SHORTEST);
        let known = known(&[secret]);
        let quoted = serde_json::to_string(secret).expect("text");
        let encoded = STANDARD.encode(format!("{before}{secret}{after}"));
        for text in [secret, &quoted[1..quoted.len() - 1], &percent_encoded(secret, "%20")] {
            let whole = format!("{before}{text}{after}");
            let safe = known.redact(&whole);
            prop_assert!(safe.contains(REDACTED) && !safe.contains(text), "{safe}");
        }
        prop_assert_eq!(known.redact(&encoded), REDACTED);
    }
}
