//! Freezes: days on which no image may be updated.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::list::parse_list;
use super::zone::time_zone;
use crate::policy::quote::quote;

const EXAMPLE: &str = "2026-12-20/2027-01-02 year end";

/// The freezes of one annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Freezes(Vec<Freeze>);

/// `2026-12-20/2027-01-02 Europe/Berlin year end`: these days, the first and the last
/// included, as the calendar of the zone shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Freeze {
    first: Date,
    pub(crate) last: Date,
    zone: TimeZone,
    /// As written; empty if there is none.
    pub(crate) why: String,
}

impl Freezes {
    /// Parses freezes that are separated by semicolons.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        parse_list(text, "freezes", Freeze::parse).map(Self)
    }

    /// The freeze that applies at this time; of several, the one that ends last.
    pub(crate) fn at(&self, at: Timestamp) -> Option<&Freeze> {
        let active = self.0.iter().filter(|freeze| freeze.applies(at));
        active.max_by_key(|freeze| freeze.last)
    }
}

impl Freeze {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (dates, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        if dates.is_empty() {
            return Err(format!(
                "it has an empty freeze; write, for example, {EXAMPLE}"
            ));
        }
        let (first, last) = dates.split_once('/').unwrap_or((dates, dates));
        let (Some(first), Some(last)) = (date(first), date(last)) else {
            return Err(format!(
                "{:?} is not a range of dates: write, for example, {EXAMPLE}",
                quote(dates)
            ));
        };
        if first > last {
            return Err(format!("{dates} ends before it begins"));
        }
        let rest = rest.trim();
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        // Any other word belongs to the reason.
        let (zone, why) = if word == "UTC" || word.contains('/') {
            (time_zone(word)?, after.trim())
        } else {
            (TimeZone::UTC, rest)
        };
        Ok(Self {
            first,
            last,
            zone,
            why: quote(why),
        })
    }

    fn applies(&self, at: Timestamp) -> bool {
        let day = at.to_zoned(self.zone.clone()).date();
        self.first <= day && day <= self.last
    }

    /// The first time after it; `None`: beyond the last year that can be represented.
    pub(crate) fn end(&self) -> Option<Timestamp> {
        let next = self.last.checked_add(SignedDuration::from_hours(24)).ok()?;
        let start = next.to_zoned(self.zone.clone()).ok()?;
        Some(start.timestamp())
    }
}

/// A date as `YYYY-MM-DD`.
fn date(text: &str) -> Option<Date> {
    let is_plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    text.parse().ok().filter(|_| is_plain)
}
