//! Who we are to one repository: challenge → credential → `Authorization`.
//!
//! Anonymous first, as every runtime does: credentials are looked up only when
//! a registry asks for them. A refusal holds for the run, so that a thousand
//! tags of a private repository cost one refusal and not a thousand.
//!
//! One repository is private and its neighbour is not: so no repository is
//! refused because of what the host wanted to see for another. A password that
//! another repository was asked for is not shown, and where a token is refused
//! that was got by another's challenge, the repository is asked without.

mod authorizer;
pub(crate) mod challenge;
pub(crate) mod pass;
pub(crate) mod scope;
pub(crate) mod state;
pub(crate) mod token;

pub(crate) use authorizer::Authorizer;
pub(crate) use challenge::Challenge;
pub(crate) use pass::Pass;
