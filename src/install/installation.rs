//! What is installed.

use super::names::CACHE_KEY;

/// An installation of the controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Where it is installed.
    pub namespace: String,
    /// Whether the namespace is created.
    pub creates_namespace: bool,
    /// The image of the controller.
    pub image: String,
    /// Where it works.
    pub scope: InstalledScope,
    /// Whether it only observes.
    pub observes: bool,
    /// Whether it uses the pull secrets of workloads.
    pub uses_pull_secrets: bool,
    /// The arguments of `controller run`.
    pub arguments: Vec<String>,
    /// The port of its metrics, and of the pages that say whether it is well.
    pub metrics_port: u16,
    /// Whether its replicas get a memcached of their own.
    pub has_memcached: bool,
    /// The key of what is cached for private repositories; `None`: it is not cached.
    pub cache_key: Option<CacheKeySecret>,
}

/// Where the controller works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstalledScope {
    /// In all namespaces.
    AllNamespaces,
    /// In these.
    Namespaces(Vec<String>),
}

/// The Secret with the key of the cache. It is in the field `key`.
#[derive(Clone, PartialEq, Eq)]
pub enum CacheKeySecret {
    /// A Secret of this name, which is not printed.
    Existing(String),
    /// A new Secret with this key, in base64.
    New(String),
}

impl std::fmt::Debug for CacheKeySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Existing(name) => f.debug_tuple("Existing").field(name).finish(),
            Self::New(_) => f.write_str("New"),
        }
    }
}

impl CacheKeySecret {
    /// The name of the Secret.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Existing(name) => name,
            Self::New(_) => CACHE_KEY,
        }
    }
}
