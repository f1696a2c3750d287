//! The secrets of this run, and texts without them.
//!
//! Whoever reads, obtains or shows a credential [`learn`]s it. Every text that is
//! made from what others wrote (an error, an answer, a log line) goes through
//! [`redact`] or [`quote`] before it leaves: a registry may quote the header that it
//! was sent, a plugin its environment, a library the URL of a proxy.
//!
//! A secret is looked for as it is, in Base64 (both alphabets, padded or not, alone
//! or within a longer text such as `user:password`), percent-encoded and escaped as
//! in JSON. What begins like a secret and is then cut off is taken for it.
//!
//! What is too short, or a plain word, is not looked for: it would be found in
//! everything. Of a login with such a password the Base64 of `user:password` is.

pub(crate) mod header;
mod known;

pub use known::{
    REDACTED, learn, learn_login, learn_url, login_of, quote, redact, redact_also, without_login,
};
