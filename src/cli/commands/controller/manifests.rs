//! `controller manifests`: prints what installs the controller.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;

use super::run::RunArgs;
use crate::cli::error::CommandError;
use crate::cli::flags::client::Globals;
use crate::cli::terminal::streams::Terminal;
use crate::image::ImageReference;
use crate::install::{CacheKeySecret, Installation, InstalledScope, MEMCACHED_ADDRESS};
use crate::output::{DataFormat, encode};
use crate::registry::CacheOption;

/// The namespace if none is given.
const NAMESPACE: &str = "imgpolicy-system";

/// Where the controller serves its metrics if no address is given.
const METRICS_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 8080);

/// The length of a new key in bytes.
const KEY_BYTES: usize = 32;

/// Print the manifests that install the controller
///
/// Reads nothing from a cluster. The flags of 'controller run' become arguments of the Deployment,
/// and the roles contain only the rights that the controller needs with these flags. -n names an
/// existing namespace to install into; without it, the namespace imgpolicy-system is printed too.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  # A controller for all namespaces that only reports what it would do
  kubectl imgpolicy controller manifests --all-namespaces --observe | kubectl apply -f -

  # One for two namespaces, without any right on the whole cluster
  kubectl imgpolicy controller manifests -n platform --namespaces shop,bank

  # Manifests to commit: the key of the cache is in a Secret of your own
  kubectl imgpolicy controller manifests -A --cache-key-secret imgpolicy-cache-key > controller.yaml")]
pub(crate) struct ManifestsArgs {
    /// The image of the controller [default: that of this version]
    #[arg(long, value_name = "IMAGE")]
    image: Option<ImageReference>,

    /// An existing Secret whose field "key" is the secret of the cache, instead of a new one
    #[arg(long, value_name = "NAME")]
    cache_key_secret: Option<String>,

    #[command(flatten)]
    run: RunArgs,
}

pub(crate) fn manifests(
    args: &ManifestsArgs,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<ExitCode, CommandError> {
    let installation = args.installation(globals)?;
    let mut text = String::new();
    for object in installation.objects() {
        if !text.is_empty() {
            text.push_str("---\n");
        }
        text.push_str(&encode(&object, DataFormat::Yaml).map_err(CommandError::failed)?);
    }
    terminal.print(&text);
    if let Some(secret @ CacheKeySecret::New(_)) = &installation.cache_key {
        terminal.note(&format!(
            "note: the Secret {} contains a new random key; do not commit it: create it yourself, \
             and pass --cache-key-secret NAME",
            secret.name()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

impl ManifestsArgs {
    fn installation(&self, globals: &Globals) -> Result<Installation, CommandError> {
        self.check()?;
        let registry = &self.run.access.registry;
        let has_memcached = *registry.cache_option() == CacheOption::default();
        let mut arguments = globals.given.to_assignments::<RunArgs>();
        let metrics = self.run.metrics_address.unwrap_or(METRICS_ADDRESS);
        if self.run.metrics_address.is_none() {
            arguments.push(format!("--metrics-address={metrics}"));
        }
        if has_memcached {
            arguments.push(format!("--cache=memcached://{MEMCACHED_ADDRESS}"));
        }
        Ok(Installation {
            namespace: globals.namespace.as_deref().unwrap_or(NAMESPACE).to_owned(),
            creates_namespace: globals.namespace.is_none(),
            image: self.image(),
            scope: self.scope(),
            observes: self.run.observe,
            uses_pull_secrets: !self.run.access.pull_secrets.is_off(),
            arguments,
            metrics_port: metrics.port(),
            has_memcached,
            cache_key: if has_memcached || self.has_own_memcached() {
                Some(self.cache_key()?)
            } else {
                None
            },
        })
    }

    /// Rejects flags that make no sense in a Deployment.
    fn check(&self) -> Result<(), CommandError> {
        let registry = &self.run.access.registry;
        registry.check_to_write()?;
        if self.run.namespaces.is_empty() && !self.run.all_namespaces {
            return Err(CommandError::usage(
                "say where the controller works: --namespaces NAMESPACE,… or --all-namespaces",
            ));
        }
        if self.run.once {
            return Err(CommandError::usage(
                "--once ends the controller, and a Deployment would start it again",
            ));
        }
        let metrics = self.run.metrics_address;
        if metrics.is_some_and(|address| address.ip().is_loopback() || address.port() == 0) {
            return Err(CommandError::usage(
                "the kubelet must be able to reach --metrics-address, such as [::]:8080",
            ));
        }
        if registry.has_cache_key_file() {
            return Err(CommandError::usage(
                "--cache-key-file names a file in the container; use --cache-key-secret",
            ));
        }
        let has_key = self.cache_key_secret.is_some();
        let default = *registry.cache_option() == CacheOption::default();
        if has_key && !default && !self.has_own_memcached() {
            return Err(CommandError::usage(
                "--cache-key-secret is the secret of a memcached cache, and --cache names another \
                 one",
            ));
        }
        Ok(())
    }

    fn has_own_memcached(&self) -> bool {
        let cache = self.run.access.registry.cache_option();
        matches!(cache, CacheOption::Memcached(_))
    }

    fn image(&self) -> String {
        match &self.image {
            Some(image) => image.to_string(),
            None => format!(
                "ghcr.io/kubectl-imgpolicy/kubectl-imgpolicy:v{}",
                env!("CARGO_PKG_VERSION")
            ),
        }
    }

    fn scope(&self) -> InstalledScope {
        if self.run.all_namespaces {
            return InstalledScope::AllNamespaces;
        }
        let mut names = self.run.namespaces.clone();
        names.sort();
        names.dedup();
        InstalledScope::Namespaces(names)
    }

    fn cache_key(&self) -> Result<CacheKeySecret, CommandError> {
        if let Some(name) = &self.cache_key_secret {
            return Ok(CacheKeySecret::Existing(name.clone()));
        }
        let mut key = [0; KEY_BYTES];
        let provider = rustls::crypto::ring::default_provider();
        provider
            .secure_random
            .fill(&mut key)
            .map_err(|_| CommandError::failed("the system has no random numbers"))?;
        Ok(CacheKeySecret::New(STANDARD.encode(key)))
    }
}
