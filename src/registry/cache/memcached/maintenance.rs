//! The statistics of a server, and emptying it.

use std::collections::HashMap;

use super::super::option::Server;
use super::super::report::{ServerReport, ServerStatistics};
use super::connection::{CacheServerError, Connection};

/// Asks a server for its statistics.
pub(crate) fn report(server: &Server) -> ServerReport {
    ServerReport {
        server: server.clone(),
        answer: statistics(server).map_err(|error| error.to_string()),
    }
}

fn statistics(server: &Server) -> Result<ServerStatistics, CacheServerError> {
    let statistics = Connection::open(server)?.statistics()?;
    Ok(ServerStatistics {
        version: text(&statistics, "version")?.to_owned(),
        items: number(&statistics, "curr_items")?,
        bytes: number(&statistics, "bytes")?,
        limit: number(&statistics, "limit_maxbytes")?,
    })
}

fn text<'a>(
    statistics: &'a HashMap<String, String>,
    name: &str,
) -> Result<&'a str, CacheServerError> {
    let value = statistics.get(name).ok_or(CacheServerError::Protocol)?;
    Ok(value)
}

fn number(statistics: &HashMap<String, String>, name: &str) -> Result<u64, CacheServerError> {
    let value = text(statistics, name)?;
    value.parse().map_err(|_| CacheServerError::Protocol)
}

/// Removes all entries of a server, including those of other programs.
pub(crate) fn clear(server: &Server) -> Result<(), CacheServerError> {
    Connection::open(server)?.flush_all()
}
