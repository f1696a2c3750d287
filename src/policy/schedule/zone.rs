//! Time zones by name.

use jiff::tz::TimeZone;

use crate::policy::quote::quote;

/// Finds a time zone: `UTC`, or a name of the time zone database with a region, such as
/// `Europe/Berlin`. Abbreviations such as `CET` or `EST` are not names of a place, and the same
/// one means different times in different countries.
pub(crate) fn time_zone(name: &str) -> Result<TimeZone, String> {
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    let found = TimeZone::get(name).ok().filter(|_| name.contains('/'));
    found.ok_or_else(|| {
        format!(
            "{:?} is not a time zone: use UTC, or a name such as Europe/Berlin",
            quote(name)
        )
    })
}
