//! `cache info` and `cache clear`.

use super::memcached;
use super::option::{CacheOption, Server};
use super::report::{CacheReport, ClearError, Cleared};
use super::sqlite;

impl CacheReport {
    /// Inspects the cache without changing it. Each memcached server may take up
    /// to a quarter of a second.
    #[must_use]
    pub fn for_option(option: &CacheOption) -> Self {
        match option {
            CacheOption::Off => Self::Off,
            CacheOption::Memcached(servers) => {
                Self::Servers(servers.iter().map(memcached::report).collect())
            }
            CacheOption::Auto | CacheOption::Directory(_) => match sqlite::directory(option) {
                Some(directory) => Self::File(sqlite::report(&directory, option.sharing())),
                None => Self::NoDirectory,
            },
        }
    }
}

/// Removes all entries. Other processes may use the cache at the same time.
/// memcached servers can only be emptied completely, which requires `all`.
///
/// # Errors
/// If the file cannot be written or belongs to another program, if `all` is
/// missing for memcached, or if a server does not respond.
pub fn clear_cache(option: &CacheOption, all: bool) -> Result<Cleared, ClearError> {
    match option {
        CacheOption::Off => Ok(Cleared::Nothing),
        CacheOption::Memcached(_) if !all => Err(ClearError::NotAll),
        CacheOption::Memcached(servers) => {
            let failed: Vec<(Server, String)> = servers
                .iter()
                .filter_map(|server| {
                    let error = memcached::clear(server).err()?;
                    Some((server.clone(), error.to_string()))
                })
                .collect();
            if failed.is_empty() {
                Ok(Cleared::Servers(servers.clone()))
            } else {
                Err(ClearError::Servers(failed))
            }
        }
        CacheOption::Auto | CacheOption::Directory(_) => match sqlite::directory(option) {
            Some(directory) => sqlite::clear(&directory),
            None => Ok(Cleared::Nothing),
        },
    }
}
