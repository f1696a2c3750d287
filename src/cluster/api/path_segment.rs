//! Names that become a part of a URL's path.

use super::error::ClusterError;

/// Checks that a name is exactly one segment of a path. Otherwise the rest of the
/// name would address another resource.
pub(crate) fn check_path_segment(what: &'static str, name: &str) -> Result<(), ClusterError> {
    fault(name).map_or(Ok(()), |reason| {
        Err(ClusterError::InvalidName {
            what,
            name: name.to_owned(),
            reason,
        })
    })
}

/// Why a name is not a path segment.
fn fault(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("may not be empty".to_owned());
    }
    if let "." | ".." = name {
        return Some(format!("may not be '{name}'"));
    }
    // This allows more than the API does, so that the API's own message reports
    // every other fault.
    let other = name
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && !"-._~:@".contains(*c))?;
    Some(format!("may not contain '{}'", other.escape_default()))
}
