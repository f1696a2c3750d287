//! Docker config files, as JSON.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use crate::image::CanonicalName;
use crate::registry::{DockerConfig, StoredCredential};

/// The fields of an entry that hold a secret.
const SECRETS: [&str; 4] = ["auth", "password", "identitytoken", "registrytoken"];

/// Base64 as people write it by hand.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// No text that is made from the file depends on its secrets, and an entry means the same
/// in every spelling and among any other entries.
pub fn docker_config(input: &[u8]) {
    let config = match DockerConfig::parse(input) {
        Ok(config) => config,
        Err(error) => return shows_only_a_place(&error.to_string()),
    };
    let Ok(Value::Object(file)) = serde_json::from_slice(without_mark(input)) else {
        return;
    };
    // The entries of a key that is written twice are merged, as in Go; here, the last one is
    // left. Such a file cannot be changed and compared.
    if format!("{:?}", parse(&file)) != format!("{config:?}") {
        return;
    }
    let names = names(&file);
    let found = credentials(&config, &names);
    let marked = [b"\xef\xbb\xbf", without_mark(input)].concat();
    assert_eq!(read(&marked, &names), found, "with a byte order mark");

    let disguised = parse(&each_entry(&file, disguise));
    assert_eq!(
        format!("{disguised:?}"),
        format!("{config:?}"),
        "a secret is shown"
    );
    let without = each_entry(&file, drop_useless_auth);
    assert_eq!(
        credentials(&parse(&without), &names),
        found,
        "an `auth` that is not USER:PASSWORD counts as none"
    );
    let respelled = each_entry(&file, write_as_auth);
    assert_eq!(
        credentials(&parse(&respelled), &names),
        found,
        "`auth` means the same as `username` and `password`"
    );
    for bad in [
        json!([1]),
        json!({"auth": 5}),
        json!({"auth": "%%%"}),
        json!({}),
    ] {
        let mut more = file.clone();
        if let Some(Value::Object(auths)) = more.get_mut("auths") {
            auths.insert("zzz.example".to_owned(), bad);
        }
        assert_eq!(credentials(&parse(&more), &names), found, "a bad entry");
    }
    for name in &names {
        let helper = config.helper(name).unwrap_or("none");
        let is_plain = helper
            .chars()
            .all(|c| c.is_ascii_graphic() && !"/\\".contains(c));
        assert!(is_plain, "a helper is a program's name: {helper:?}");
    }
}

fn without_mark(input: &[u8]) -> &[u8] {
    input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input)
}

/// An error has a line and a column, and no other part of the file.
fn shows_only_a_place(error: &str) {
    let words: String = error.chars().filter(|c| !c.is_ascii_digit()).collect();
    assert_eq!(words, "not a JSON object (line , column )");
}

fn parse(file: &Map<String, Value>) -> DockerConfig {
    let text = serde_json::to_vec(file).expect("JSON");
    DockerConfig::parse(&text).expect("a JSON object")
}

fn read(text: &[u8], names: &[CanonicalName]) -> Vec<String> {
    let config = DockerConfig::parse(text).expect("a JSON object");
    credentials(&config, names)
}

/// Repositories on the hosts of the file, and on another one.
fn names(file: &Map<String, Value>) -> Vec<CanonicalName> {
    let auths = file.get("auths").and_then(Value::as_object).unwrap_or(file);
    let keys = auths.keys().take(20).map(String::as_str);
    let keys = keys.map(|key| key.split_once("://").map_or(key, |(_, rest)| rest));
    let names = keys.map(|key| format!("{}/app", key.trim_end_matches('/')));
    let mut names: Vec<CanonicalName> = names.filter_map(|name| name.parse().ok()).collect();
    names.extend("registry.example/app".parse::<CanonicalName>().ok());
    names.retain(|name| name.registry() != "zzz.example");
    names
}

/// The credentials for each repository, in order, with their secrets.
fn credentials(config: &DockerConfig, names: &[CanonicalName]) -> Vec<String> {
    let found = names.iter().flat_map(|name| {
        config
            .credentials(name)
            .map(move |found| format!("{name}: {}", exposed(found)))
    });
    found.collect()
}

fn exposed(credential: &StoredCredential) -> String {
    match credential {
        StoredCredential::Password { user, password } => {
            format!("{user:?} {:?}", password.expose_secret())
        }
        StoredCredential::IdentityToken { user, token } => {
            format!("{user:?} identity {:?}", token.expose_secret())
        }
        StoredCredential::RegistryToken(token) => format!("token {:?}", token.expose_secret()),
    }
}

/// The file with every entry changed.
fn each_entry(
    file: &Map<String, Value>,
    change: impl Fn(&mut Map<String, Value>),
) -> Map<String, Value> {
    let mut file = file.clone();
    let is_modern = ["auths", "credHelpers", "credsStore"]
        .iter()
        .any(|key| file.contains_key(*key));
    let entries = if is_modern {
        file.get_mut("auths").and_then(Value::as_object_mut)
    } else {
        Some(&mut file)
    };
    for entry in entries.into_iter().flat_map(Map::values_mut) {
        if let Value::Object(entry) = entry {
            change(entry);
        }
    }
    file
}

/// Replaces the secrets of an entry by others.
fn disguise(entry: &mut Map<String, Value>) {
    for field in SECRETS {
        let other = match entry.get(field).and_then(Value::as_str) {
            None | Some("") => continue,
            Some(auth) if field == "auth" => match login(auth) {
                Some((user, _)) => BASE64.encode(format!("{user}:another secret")),
                None => continue,
            },
            Some(_) => "another secret".to_owned(),
        };
        entry.insert(field.to_owned(), Value::from(other));
    }
}

/// Removes an `auth` without a user and a password.
fn drop_useless_auth(entry: &mut Map<String, Value>) {
    let auth = entry.get("auth").and_then(Value::as_str);
    if auth.is_some_and(|auth| login(auth).is_none()) {
        entry.remove("auth");
    }
}

/// Writes a user and a password, which have no `auth`, as one.
fn write_as_auth(entry: &mut Map<String, Value>) {
    let (Some(Value::String(user)), Some(Value::String(password))) =
        (entry.get("username"), entry.get("password"))
    else {
        return;
    };
    let may_be_written = !user.is_empty() && !user.contains(':') && !password.ends_with('\0');
    if may_be_written && entry.get("auth").is_none_or(Value::is_null) {
        let auth = BASE64.encode(format!("{user}:{password}"));
        entry.insert("auth".to_owned(), Value::from(auth));
        entry.remove("username");
        entry.remove("password");
    }
}

/// The user and the password in the Base64 of `USER:PASSWORD`.
fn login(auth: &str) -> Option<(String, String)> {
    let bare: String = auth.split_ascii_whitespace().collect();
    let decoded = String::from_utf8(BASE64.decode(bare).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}
