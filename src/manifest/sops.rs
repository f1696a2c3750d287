//! The changes that SOPS forbids.
//!
//! SOPS writes a `sops` block into each document of a file. Its `mac` is a checksum over
//! the values of **all** documents of the file, including the readable ones. Only the
//! block of the first document is read. If `mac_only_encrypted` is set there, the checksum
//! does not cover readable values, so they may change. `sops -d` and Flux reject a file
//! with a wrong checksum, or with a plaintext value that a rule requires to be encrypted.
//!
//! A document without a block may change, even next to encrypted ones. SOPS adds a block
//! to every document, so this one was added later and no checksum covers it.

use serde_json::{Map, Value};

use crate::policy::GoRegex;

/// The key of the block.
const BLOCK: &str = "sops";

/// The rules that select the values to encrypt. A block has at most one of them.
const RULES: [(&str, MakeRule); 4] = [
    ("encrypted_regex", |text| EncryptionRule::Regex(text, true)),
    ("unencrypted_regex", |text| {
        EncryptionRule::Regex(text, false)
    }),
    ("encrypted_suffix", |text| {
        EncryptionRule::Suffix(text, true)
    }),
    ("unencrypted_suffix", |text| {
        EncryptionRule::Suffix(text, false)
    }),
];

type MakeRule = fn(String) -> EncryptionRule;

/// Rules that match comments. For a new key, the result depends on where it is written.
const COMMENT_RULES: [&str; 2] = ["encrypted_comment_regex", "unencrypted_comment_regex"];

/// The block of a document that SOPS has encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sops {
    /// Whether the checksum also covers the readable values.
    pub(crate) seals_all: bool,
    rule: EncryptionRule,
}

/// Selects the values to encrypt by the keys on their paths. The flag of a rule says
/// whether it selects the encrypted values (`true`) or the plaintext values (`false`).
#[derive(Debug, Clone, PartialEq, Eq)]
enum EncryptionRule {
    Regex(String, bool),
    Suffix(String, bool),
    Comments,
    /// The block has no rule. Then SOPS encrypts everything, and the document could not be
    /// read as an object.
    None,
}

impl Sops {
    /// The block of a document or an object. A `sops` key without a checksum was not
    /// written by SOPS, which never reads such a file.
    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        let block = value.get(BLOCK)?.as_object()?;
        block.get("mac").filter(|mac| !mac.is_null())?;
        Some(Self {
            // Only the boolean counts: SOPS does not read a file with another value.
            seals_all: block.get("mac_only_encrypted") != Some(&Value::Bool(true)),
            rule: EncryptionRule::from_block(block),
        })
    }

    /// Whether a value must not be set or removed. `path` is the keys and indexes from the
    /// mapping that contains the block, and `now` is the current value.
    pub(crate) fn encrypts(&self, path: &[String], now: Option<&Value>) -> bool {
        match now {
            Some(Value::Null) | None => self.rule.encrypts(path),
            Some(now) => is_encrypted(now),
        }
    }
}

impl EncryptionRule {
    fn from_block(block: &Map<String, Value>) -> Self {
        let mut comment_rules = COMMENT_RULES.iter();
        if comment_rules.any(|key| rule_text(block, key).is_some()) {
            return Self::Comments;
        }
        let mut rules = RULES.iter();
        let found = rules.find_map(|(key, rule)| Some(rule(rule_text(block, key)?.to_owned())));
        found.unwrap_or(Self::None)
    }

    /// Whether a new value at this path would have to be encrypted. If that is unknown,
    /// it counts as encrypted.
    fn encrypts(&self, path: &[String]) -> bool {
        match self {
            Self::Regex(text, names_encrypted) => GoRegex::new(text).map_or(true, |regex| {
                path.iter().any(|key| regex.is_match(key)) == *names_encrypted
            }),
            Self::Suffix(suffix, names_encrypted) => {
                path.iter().any(|key| key.ends_with(suffix)) == *names_encrypted
            }
            Self::Comments => true,
            Self::None => false,
        }
    }
}

/// The text of a rule; `None` if it is missing or empty.
fn rule_text<'a>(block: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    block.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// Whether SOPS has encrypted this value.
fn is_encrypted(value: &Value) -> bool {
    let text = value.as_str();
    text.is_some_and(|text| text.starts_with("ENC[") && text.ends_with(']'))
}
