//! The windows and freezes that apply to a workload.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::flags::ScheduleFlags;
use super::freeze::Freezes;
use super::window::Windows;
use crate::policy::container_policy::{PolicyError, PolicyOrigin};
use crate::policy::quote::quote;
use crate::policy::sources::annotation_keys::AnnotationKey;
use crate::workload::Workload;

/// How far ahead an opening is searched.
const HORIZON: SignedDuration = SignedDuration::from_hours(24 * 366);

/// The windows and freezes of a workload, of its namespace and of the run. The default is none,
/// so that updates may start at any time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    rules: Vec<ScheduleRule>,
}

/// One annotation, or one flag.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ScheduleRule {
    origin: PolicyOrigin,
    /// As written, shortened if it is very long.
    text: String,
    times: Times,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Times {
    Windows(Windows),
    Freezes(Freezes),
}

/// That no update may start now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closure {
    /// When all of them allow updates again; `None`: not within a year, or not known.
    pub until: Option<Timestamp>,
    /// Why, with the annotation or the flag.
    pub message: String,
}

/// `updates wait until 2026-01-05T09:00:00Z: outside the window …`.
impl fmt::Display for Closure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.until {
            Some(until) => {
                let until = until.strftime("%Y-%m-%dT%H:%M:%SZ");
                write!(f, "updates wait until {until}: {}", self.message)
            }
            None => write!(f, "no update may start: {}", self.message),
        }
    }
}

impl Schedule {
    /// Reads the annotations of a workload, and those of its namespace as far as they are
    /// known. `namespaces`: the annotations of each namespace by its name. `flags`: those of the
    /// run.
    ///
    /// # Errors
    ///
    /// The first one that is not valid. No update may be written then.
    pub(crate) fn of(
        workload: &Workload,
        namespaces: &BTreeMap<String, BTreeMap<String, String>>,
        flags: &ScheduleFlags,
    ) -> Result<Self, PolicyError> {
        let namespace = &workload.id.namespace;
        let of_namespace = namespaces.get(namespace);
        let mut rules = Vec::new();
        for key in [AnnotationKey::Freeze, AnnotationKey::Window] {
            if let Some((spelling, text)) = key.find(&workload.annotations) {
                let origin = PolicyOrigin::Annotation(spelling);
                rules.push(ScheduleRule::new(key, text, origin)?);
            }
            if let Some((spelling, text)) = of_namespace.and_then(|all| key.find(all)) {
                let origin = PolicyOrigin::NamespaceAnnotation {
                    key: spelling,
                    namespace: namespace.clone(),
                };
                rules.push(ScheduleRule::new(key, text, origin)?);
            }
            let (flag, texts) = if key == AnnotationKey::Freeze {
                ("--freeze", &flags.freezes)
            } else {
                ("--window", &flags.windows)
            };
            for text in texts {
                rules.push(ScheduleRule::new(key, text, PolicyOrigin::Flag(flag))?);
            }
        }
        Ok(Self { rules })
    }

    /// All of them as written, each with its origin.
    pub fn texts(&self) -> impl Iterator<Item = (String, &str)> {
        let rules = self.rules.iter();
        rules.map(|rule| (rule.origin.to_string(), rule.text.as_str()))
    }

    /// Why no update may start at this time; `None`: it may.
    #[must_use]
    pub fn closure(&self, at: Timestamp) -> Option<Closure> {
        let message = self.rules.iter().find_map(|rule| rule.closed(at))?;
        let until = self.next_open(at);
        let message = match until {
            Some(_) => message,
            None => format!("{message}, and no time within a year is allowed"),
        };
        Some(Closure { until, message })
    }

    /// The first time from `at` on when all of them allow updates.
    fn next_open(&self, at: Timestamp) -> Option<Timestamp> {
        let end = at.checked_add(HORIZON).ok()?;
        let mut time = at;
        while time <= end {
            let mut latest = time;
            for rule in &self.rules {
                latest = latest.max(rule.next_open(time)?);
            }
            if latest == time {
                return Some(time);
            }
            time = latest;
        }
        None
    }
}

impl ScheduleRule {
    fn new(key: AnnotationKey<'_>, text: &str, origin: PolicyOrigin) -> Result<Self, PolicyError> {
        let times = if key == AnnotationKey::Freeze {
            Freezes::parse(text).map(Times::Freezes)
        } else {
            Windows::parse(text).map(Times::Windows)
        };
        match times {
            Ok(times) => Ok(Self {
                origin,
                text: quote(text),
                times,
            }),
            Err(reason) => Err(PolicyError::new(text, origin, reason)),
        }
    }

    /// Why it does not allow an update at this time.
    fn closed(&self, at: Timestamp) -> Option<String> {
        let Self { origin, text, .. } = self;
        match &self.times {
            Times::Windows(windows) if windows.is_open(at) => None,
            Times::Windows(_) => Some(format!("outside the window {text} ({origin})")),
            Times::Freezes(freezes) => {
                let freeze = freezes.at(at)?;
                let last = freeze.last;
                let why = match freeze.why.as_str() {
                    "" => String::new(),
                    why => format!(": {why}"),
                };
                Some(format!("frozen through {last}{why} ({origin})"))
            }
        }
    }

    fn next_open(&self, at: Timestamp) -> Option<Timestamp> {
        match &self.times {
            Times::Windows(windows) => windows.next_open(at),
            Times::Freezes(freezes) => match freezes.at(at) {
                Some(freeze) => freeze.end(),
                None => Some(at),
            },
        }
    }
}
