//! What SOPS forbids to change.
//!
//! SOPS writes a block `sops` into each document of a file, and in it `mac`, a
//! checksum over the values of **all** documents of the file, also those that it
//! leaves readable; only the block of the first document is read. Where
//! `mac_only_encrypted` is set there, the readable values do not count, so they may
//! change. `sops -d` and Flux refuse a file whose checksum is wrong, or in which a
//! value that a rule has encrypted is not.
//!
//! A document without a block may change, also beside encrypted ones: SOPS itself
//! leaves none out, so such a document was added later and no checksum has it.

use serde_json::{Map, Value};

use crate::policy::GoRegex;

/// The key of the block.
const BLOCK: &str = "sops";

/// The rules of which values are encrypted; at most one stands in a block.
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

/// Rules by comments: what they mean for a new key depends on where it is written.
const COMMENT_RULES: [&str; 2] = ["encrypted_comment_regex", "unencrypted_comment_regex"];

/// The block of a document that SOPS has encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sops {
    /// Whether the checksum counts the readable values too.
    pub(crate) seals_all: bool,
    rule: EncryptionRule,
}

/// Which values are encrypted, by the keys that lead to them. The flag of a rule:
/// what it names is encrypted, and nothing else; or the other way round.
#[derive(Debug, Clone, PartialEq, Eq)]
enum EncryptionRule {
    Regex(String, bool),
    Suffix(String, bool),
    Comments,
    /// None is written: then SOPS encrypts everything, and nothing of the document
    /// could be read as an object.
    None,
}

impl Sops {
    /// The block of a document or an object. A `sops` without a checksum is not
    /// one of SOPS, which never reads such a file.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        let block = value.get(BLOCK)?.as_object()?;
        block.get("mac").filter(|mac| !mac.is_null())?;
        Some(Self {
            // Only the boolean: SOPS refuses to read a file with another value.
            seals_all: block.get("mac_only_encrypted") != Some(&Value::Bool(true)),
            rule: EncryptionRule::of(block),
        })
    }

    /// Whether a value may not be set or removed, by the keys and indexes that lead
    /// to it from the block's own mapping, and by what stands there now.
    pub(crate) fn encrypts(&self, path: &[String], now: Option<&Value>) -> bool {
        match now {
            Some(Value::Null) | None => self.rule.encrypts(path),
            Some(now) => is_encrypted(now),
        }
    }
}

impl EncryptionRule {
    fn of(block: &Map<String, Value>) -> Self {
        let text = |key: &str| {
            let text = block.get(key)?.as_str()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        if COMMENT_RULES.iter().any(|key| text(key).is_some()) {
            return Self::Comments;
        }
        let mut rules = RULES.iter();
        let found = rules.find_map(|(key, rule)| Some(rule(text(key)?)));
        found.unwrap_or(Self::None)
    }

    /// Whether a new value at this place would have to be encrypted. What cannot
    /// be told counts as encrypted.
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

/// Whether a value is one that SOPS has encrypted.
fn is_encrypted(value: &Value) -> bool {
    let text = value.as_str();
    text.is_some_and(|text| text.starts_with("ENC[") && text.ends_with(']'))
}
