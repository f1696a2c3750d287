//! Where image metadata comes from.

use std::path::{PathBuf, absolute};
use std::time::Duration;
use std::{fs, io};

use clap::{ArgAction, Args};
use jiff::SignedDuration;

use super::client::Globals;
use super::pull_secrets::PullSecretFlags;
use crate::cli::error::CommandError;
use crate::cluster::RequestTimeout;
use crate::policy::parse_age;
use crate::registry::{
    Cache, CacheOption, OciLayout, Registries, RegistriesConf, RegistryOptions, Trust,
    user_credential_files,
};
use crate::user_file;

/// The maximum size of a file with certificates, in bytes.
const MAX_CA_BYTES: u64 = 16 << 20;

/// Flags about registries.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Registries")]
pub(crate) struct RegistryFlags {
    /// Read images from OCI layouts on disk instead of a registry; with PREFIX, only images whose
    /// name starts with it; repeatable
    #[arg(long, value_name = "[PREFIX=]DIR")]
    oci_layout: Vec<OciLayout>,

    /// Registry host that may use plain HTTP or an unverified certificate; repeatable
    #[arg(long, value_name = "HOST")]
    insecure_registry: Vec<String>,

    /// Mirror configuration (mirrors, locations, blocked) in the format of
    /// containers-registries.conf(5), used instead of the user's and the system's files
    #[arg(long, value_name = "FILE")]
    registries_conf: Option<PathBuf>,

    /// PEM file with additional certificate authorities for registries; repeatable
    #[arg(long, value_name = "FILE")]
    registry_ca: Vec<PathBuf>,

    /// Maximum concurrent requests per registry host (starts at 32)
    #[arg(long, value_name = "N", default_value_t = 128,
        value_parser = clap::value_parser!(u16).range(1..=256))]
    max_connections: u16,

    /// How long to wait in total for a registry that answers "too many requests"
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse_age)]
    max_wait: SignedDuration,

    /// How long the requests for one repository may take in total, without the pauses that its
    /// registry asks for; after that, its rows are unknown (0: no limit)
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_age)]
    scan_timeout: SignedDuration,

    /// Where metadata is cached between runs: auto (a file in the user's cache directory), off, a
    /// directory, or memcached://HOST:PORT,…
    #[arg(long, value_name = "CACHE", default_value_t, hide_default_value = true)]
    cache: CacheOption,

    /// File with a secret of at least 16 bytes that all users of a memcached cache share; without it,
    /// nothing that is read with credentials is stored there
    #[arg(long, value_name = "FILE")]
    cache_key_file: Option<PathBuf>,

    /// How old a cached tag list may be; by default, each run fetches the list again, and 'update'
    /// always does
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = parse_age)]
    max_age: SignedDuration,

    /// Ignore cached metadata, except content that is addressed by digest
    #[arg(long, conflicts_with = "max_age", num_args = 0..=1, require_equals = true,
        default_value_t = false, default_missing_value = "true", hide_default_value = true,
        hide_possible_values = true, value_name = "BOOL", action = ArgAction::Set)]
    refresh: bool,

    /// Contact no registry; decide from cached metadata, however old
    #[arg(long, conflicts_with_all = ["max_age", "refresh"], num_args = 0..=1,
        require_equals = true, default_value_t = false, default_missing_value = "true",
        hide_default_value = true, hide_possible_values = true, value_name = "BOOL",
        action = ArgAction::Set)]
    offline: bool,

    /// Percentage of a registry's pull limit to leave for others [default: 20, or 50 with a pull
    /// secret]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    rate_reserve: Option<u8>,
}

/// Flags about registries and the credentials for them.
#[derive(Debug, Clone, Args)]
pub(crate) struct RegistryAccess {
    #[command(flatten)]
    pub(crate) pull_secrets: PullSecretFlags,

    #[command(flatten)]
    pub(crate) registry: RegistryFlags,
}

impl RegistryFlags {
    /// Makes the paths independent of the current folder, before that changes.
    ///
    /// # Errors
    ///
    /// The current folder is gone.
    pub(crate) fn make_paths_absolute(&mut self) -> io::Result<()> {
        for layout in &mut self.oci_layout {
            *layout = layout.in_folder(absolute(layout.dir())?);
        }
        if let CacheOption::Directory(folder) = &mut self.cache {
            *folder = absolute(&*folder)?;
        }
        let files = [&mut self.registries_conf, &mut self.cache_key_file];
        for file in files.into_iter().flatten().chain(&mut self.registry_ca) {
            *file = absolute(&*file)?;
        }
        Ok(())
    }

    /// The registries that these flags describe, with the user's own credentials.
    pub(crate) fn registries(&self, globals: &Globals) -> Result<Registries, CommandError> {
        if self.offline && self.cache == CacheOption::Off {
            return Err(CommandError::usage(
                "--offline decides from the cache, and --cache off disables it",
            ));
        }
        if let Some(file) = &self.cache_key_file {
            fs::metadata(file).map_err(|error| {
                CommandError::failed(format!("--cache-key-file {}: {error}", file.display()))
            })?;
        }
        let trust = Trust {
            max_age: self.max_age.unsigned_abs(),
            refresh: self.refresh,
            offline: self.offline,
        };
        self.open(self.cache(), trust, globals)
    }

    /// The given cache, or the default.
    pub(crate) fn cache_option(&self) -> &CacheOption {
        &self.cache
    }

    /// Whether the file with the secret of the cache is given.
    pub(crate) fn has_cache_key_file(&self) -> bool {
        self.cache_key_file.is_some()
    }

    /// The cache of a run.
    pub(crate) fn cache(&self) -> Cache {
        Cache::open_with_key(&self.cache, self.cache_key_file.as_deref())
    }

    /// Rejects flags that make no sense for a command that writes images.
    ///
    /// # Errors
    ///
    /// `--offline`.
    pub(crate) fn check_to_write(&self) -> Result<(), CommandError> {
        if self.offline {
            return Err(CommandError::usage(
                "--offline decides from cached metadata, and a write needs current metadata; use \
                 status --offline",
            ));
        }
        Ok(())
    }

    /// The registries for a command that writes: every tag list is fetched, however fresh
    /// the cached one is.
    pub(crate) fn registries_to_write(
        &self,
        globals: &Globals,
    ) -> Result<Registries, CommandError> {
        self.check_to_write()?;
        let trust = Trust {
            refresh: self.refresh,
            ..Trust::default()
        };
        self.open(self.cache(), trust, globals)
    }

    /// Registries without a cache, for a final check.
    pub(crate) fn registries_without_cache(
        &self,
        globals: &Globals,
    ) -> Result<Registries, CommandError> {
        self.open(Cache::off(), Trust::default(), globals)
    }

    fn open(
        &self,
        cache: Cache,
        trust: Trust,
        globals: &Globals,
    ) -> Result<Registries, CommandError> {
        if let Some(layout) = self.oci_layout.iter().find(|l| !l.dir().is_dir()) {
            return Err(CommandError::failed(format!(
                "--oci-layout {}: no such directory",
                layout.dir().display()
            )));
        }
        let conf = match &self.registries_conf {
            Some(file) => RegistriesConf::from_file(file),
            None => RegistriesConf::from_machine(),
        };
        let mut options = RegistryOptions {
            registries_conf: conf.map_err(CommandError::failed)?,
            insecure_registries: self.insecure_registry.clone(),
            layouts: self.oci_layout.clone(),
            credential_files: user_credential_files(),
            max_connections: usize::from(self.max_connections),
            max_wait: self.max_wait.unsigned_abs(),
            scan_timeout: match self.scan_timeout.unsigned_abs() {
                Duration::ZERO => Duration::MAX,
                limit => limit,
            },
            cache,
            trust,
            rate_reserve: self.rate_reserve,
            ..RegistryOptions::default()
        };
        // A registry that never answers is worse than one that fails, so `0`
        // keeps the default.
        if let Some(RequestTimeout::After(limit)) = globals.request_timeout {
            options.request_timeout = Some(limit);
        }
        for path in &self.registry_ca {
            let pem = user_file::read(path, MAX_CA_BYTES).map_err(|error| {
                CommandError::failed(format!(
                    "cannot read --registry-ca {}: {error}",
                    path.display()
                ))
            })?;
            options.extra_ca.push(pem);
        }
        Registries::new(options).map_err(CommandError::failed)
    }
}
