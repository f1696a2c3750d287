//! Authentication to one repository: challenge → credential → `Authorization`.
//!
//! The first request is anonymous, as in every container runtime: credentials are
//! looked up only when a registry requires them. A denial is kept for the run, so that
//! a thousand tags of a private repository cause one denial instead of a thousand.
//!
//! A private and a public repository may be on the same host, so access to one is never
//! denied because of the challenge for another. A password that was requested for
//! another repository is not sent, and if a token that was obtained with another
//! repository's challenge is refused, the request is repeated without it.

mod authorizer;
pub(crate) mod challenge;
pub(crate) mod pass;
pub(crate) mod scope;
pub(crate) mod state;
pub(crate) mod token;

pub(crate) use authorizer::Authorizer;
pub(crate) use challenge::Challenge;
pub(crate) use pass::Pass;
