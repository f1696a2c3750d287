//! The secrets of this run, and how they are removed from texts.
//!
//! Code that reads, obtains or sends a credential must [`learn`] it. Every text that
//! contains foreign text (an error, a response, a log line) goes through [`redact`] or
//! [`quote`] before it leaves the program: a registry may quote the header that it
//! received, a plugin its environment, a library the URL of a proxy.
//!
//! A secret is found as it is, in Base64 (both alphabets, padded or not, alone or within a
//! longer text such as `user:password`), percent-encoded, and escaped as in JSON. The
//! beginning of a secret, cut off after that, is also found.
//!
//! Very short secrets and plain words are not searched, because they would be found in
//! ordinary texts. For a login with such a password, the Base64 of `user:password` is
//! searched.

pub(crate) mod header;
mod known;

pub use known::{
    REDACTED, learn, learn_login, learn_url, login_of, quote, redact, redact_also, without_login,
};
