//! Lists of outputs.

use serde::{Deserialize, Serialize};

use super::api_version::API_VERSION;
use super::parts::ErrorItem;
use crate::evaluator::ScopeError;

/// A list as in the Kubernetes API. It is a list even with one item or none, so that an
/// injected sidecar does not change the structure that a script reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemList<T> {
    /// [`API_VERSION`].
    pub api_version: String,
    /// The kind of the items followed by `List`.
    pub kind: String,
    /// What could not be read.
    pub errors: Vec<ErrorItem>,
    /// The items.
    pub items: Vec<T>,
}

impl<T> ItemList<T> {
    /// A list of this kind.
    pub fn new(kind: &str, errors: &[ScopeError], items: impl IntoIterator<Item = T>) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: kind.to_owned(),
            errors: errors.iter().map(Into::into).collect(),
            items: items.into_iter().collect(),
        }
    }
}
