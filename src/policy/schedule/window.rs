//! Windows: the hours of the week in which images may be updated.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use super::list::parse_list;
use super::zone::time_zone;
use crate::policy::quote::quote;

/// The minutes of a day.
const DAY: u16 = 24 * 60;

/// The days in which the next opening is searched. A window may be skipped once, if it is
/// within the hour that a clock skips in spring.
const SEARCHED_DAYS: i64 = 15;

const EXAMPLE: &str = "Mon-Fri 09:00-16:00 Europe/Berlin";

/// The windows of one annotation. An update may start in any of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Windows(Vec<UpdateWindow>);

/// `Mon-Fri 09:00-16:00 Europe/Berlin`: on these days, while the clock of the zone shows a
/// time from the first to before the second. The days are those on which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
struct UpdateWindow {
    days: [bool; 7],
    /// In minutes since midnight.
    from: u16,
    /// If it is not after `from`, it is on the next day.
    to: u16,
    zone: TimeZone,
}

impl Windows {
    /// Parses windows that are separated by semicolons.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        parse_list(text, "windows", UpdateWindow::parse).map(Self)
    }

    /// Whether an update may start at this time.
    pub(crate) fn is_open(&self, at: Timestamp) -> bool {
        self.0.iter().any(|window| window.is_open(at))
    }

    /// The first time from `at` on when one of the windows is open; `None`: never, as far as
    /// it was searched.
    pub(crate) fn next_open(&self, at: Timestamp) -> Option<Timestamp> {
        let opens = self.0.iter().filter_map(|window| window.next_open(at));
        opens.min()
    }
}

impl UpdateWindow {
    fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace().peekable();
        let Some(first) = words.peek() else {
            return Err(format!(
                "it has an empty window; write, for example, {EXAMPLE}"
            ));
        };
        let days = if first.starts_with(|c: char| c.is_ascii_digit()) {
            [true; 7]
        } else {
            days(words.next().unwrap_or_default())?
        };
        let Some(hours) = words.next() else {
            let text = quote(text.trim());
            return Err(format!(
                "{text:?} has no times; for whole days, write {text} 00:00-24:00"
            ));
        };
        let (from, to) = times(hours)?;
        let zone = words.next().map_or(Ok(TimeZone::UTC), time_zone)?;
        if let Some(rest) = words.next() {
            return Err(format!(
                "{:?} is not expected after the time zone; separate windows with a semicolon",
                quote(rest)
            ));
        }
        Ok(Self {
            days,
            from,
            to,
            zone,
        })
    }

    fn is_open(&self, at: Timestamp) -> bool {
        let at = at.to_zoned(self.zone.clone());
        let time = minute_of_day(&at);
        let today = at.weekday();
        if self.from < self.to {
            return self.is_on(today) && (self.from..self.to).contains(&time);
        }
        (self.is_on(today) && time >= self.from) || (self.is_on(today.previous()) && time < self.to)
    }

    fn is_on(&self, day: Weekday) -> bool {
        self.days[usize::from(day.to_monday_zero_offset().unsigned_abs())]
    }

    fn next_open(&self, at: Timestamp) -> Option<Timestamp> {
        if self.is_open(at) {
            return Some(at);
        }
        let end = at + SignedDuration::from_hours(24 * SEARCHED_DAYS);
        // It opens when the clock shows its first minute, or jumps into it.
        let jumps = self.zone.following(at).map(|jump| jump.timestamp());
        let jumps = jumps.take_while(|jump| *jump <= end);
        let starts = self.starts(at);
        let times = jumps.chain(starts);
        times
            .filter(|time| *time >= at && self.is_open(*time))
            .min()
    }

    /// When the clock shows the first minute of the window, on the days after a time. Where
    /// the clock is put back, it does so twice.
    fn starts(&self, at: Timestamp) -> Vec<Timestamp> {
        let today = at.to_zoned(self.zone.clone()).date();
        let mut starts = Vec::new();
        for days in 0..SEARCHED_DAYS {
            let day = today.saturating_add(SignedDuration::from_hours(24 * days));
            if !self.is_on(day.weekday()) {
                continue;
            }
            // Both are bounded: a window never begins at 24:00.
            let (hour, minute) = ((self.from / 60) as i8, (self.from % 60) as i8);
            let shown = self.zone.to_ambiguous_timestamp(day.at(hour, minute, 0, 0));
            starts.extend(shown.earlier());
            starts.extend(shown.later());
        }
        starts
    }
}

fn minute_of_day(at: &Zoned) -> u16 {
    u16::from(at.hour().unsigned_abs()) * 60 + u16::from(at.minute().unsigned_abs())
}

/// `Mon-Fri`, `Sat,Sun`, `Mon`. A range may cross the end of the week.
fn days(text: &str) -> Result<[bool; 7], String> {
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        let mut current = first;
        days[current] = true;
        while current != last {
            current = (current + 1) % 7;
            days[current] = true;
        }
    }
    Ok(days)
}

/// The number of days since Monday.
fn day(text: &str) -> Result<usize, String> {
    const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let found = NAMES
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text));
    found.ok_or_else(|| {
        format!(
            "{:?} is not a day: use Mon, Tue, Wed, Thu, Fri, Sat and Sun",
            quote(text)
        )
    })
}

/// `09:00-16:00`, in minutes since midnight.
fn times(text: &str) -> Result<(u16, u16), String> {
    let parsed = text.split_once('-').and_then(|(from, to)| {
        let (from, to) = (minutes(from)?, minutes(to)?);
        (from < DAY).then_some((from, to))
    });
    let Some((from, to)) = parsed else {
        return Err(format!(
            "{:?} is not a range of times: write, for example, 09:00-16:00",
            quote(text)
        ));
    };
    if from == to {
        return Err(format!(
            "{text} begins when it ends; for whole days, write 00:00-24:00"
        ));
    }
    Ok((from, to))
}

/// The minutes since midnight of `HH:MM`, at most 24:00.
fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| {
        let is_plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| is_plain)
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let minutes = hour * 60 + minute;
    (minute < 60 && minutes <= DAY).then_some(minutes)
}
