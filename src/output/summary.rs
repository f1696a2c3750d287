//! The closing lines of a report on standard error.

use jiff::Timestamp;

use super::text::plural::{count, thousands};
use super::text::sanitize::sanitize;
use super::text::time::age;
use crate::evaluator::{Assessment, Summary};
use crate::policy::WarningCode;

/// `450 containers: 41 automated (7 updates), 3 locked (2 behind), 406 manual,
/// 2 undecided`. Empty groups are left out. Undecided containers are also counted as
/// automated.
#[must_use]
pub fn summary_line(summary: &Summary) -> String {
    let updates = match (summary.updates, summary.waiting) {
        (0, 0) => String::new(),
        (updates, 0) => format!(" ({})", count(updates, "update")),
        (0, waiting) => format!(" ({} waiting)", thousands(waiting)),
        (updates, waiting) => format!(
            " ({}, {} waiting)",
            count(updates, "update"),
            thousands(waiting)
        ),
    };
    let behind = match summary.locked_behind {
        0 => String::new(),
        behind => format!(" ({} behind)", thousands(behind)),
    };
    let groups: Vec<String> = [
        (summary.automated, "automated", updates),
        (summary.locked, "locked", behind),
        (summary.ignored, "ignored", String::new()),
        (summary.manual, "manual", String::new()),
        (summary.undecided, "undecided", String::new()),
    ]
    .into_iter()
    .filter(|(number, ..)| *number > 0)
    .map(|(number, word, part)| format!("{} {word}{part}", thousands(number)))
    .collect();
    let all = count(summary.containers, "container");
    if groups.is_empty() {
        all
    } else {
        format!("{all}: {}", groups.join(", "))
    }
}

/// `not covered: 12 Pods of Rollout, 1 Pod without an owner`; `None` if every Pod has a
/// row.
#[must_use]
pub fn not_covered_line(uncovered: &[(String, usize)]) -> Option<String> {
    let parts: Vec<String> = uncovered
        .iter()
        .filter(|(_, pods)| *pods > 0)
        .map(|(owner, pods)| {
            let pods = count(*pods, "Pod");
            match owner.as_str() {
                "" => format!("{pods} without an owner"),
                owner => format!("{pods} of {}", sanitize(owner)),
            }
        })
        .collect();
    (!parts.is_empty()).then(|| format!("not covered: {}", parts.join(", ")))
}

/// A controller that works on the workloads of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadingController {
    /// The namespace where it runs.
    pub namespace: String,
    /// The replica that leads.
    pub name: String,
    /// When it last renewed its Lease, by its own clock.
    pub renewed: Timestamp,
    /// When the Lease was read, by our clock.
    pub read_at: Timestamp,
    /// Whether the Lease has expired, so that no replica leads.
    pub has_expired: bool,
}

/// `controller: leader imgpolicy-1_a in namespace imgpolicy, last seen 2s ago`. The clocks of two
/// machines differ, so a time in the future is now.
#[must_use]
pub fn controller_line(controller: &LeadingController) -> String {
    let LeadingController {
        namespace,
        name,
        renewed,
        read_at,
        has_expired,
    } = controller;
    let age = age((*renewed).min(*read_at), *read_at);
    let end = if *has_expired {
        "; it does not renew its Lease"
    } else {
        ""
    };
    let line =
        format!("controller: leader {name} in namespace {namespace}, last seen {age} ago{end}");
    sanitize(&line).into_owned()
}

/// The closing line if Ctrl-C stopped the scan.
pub const PARTIAL: &str = "partial: the scan was stopped; only the decisions made so far are shown";

/// `warnings: 1 moved-tag, 2 mutable-tag; see -o wide and explain`: the table has no room
/// for warnings, but a moved tag must not be overlooked. `None` if there are none.
fn warnings_line(assessment: &Assessment) -> Option<String> {
    let codes: Vec<WarningCode> = assessment
        .rows
        .iter()
        .flat_map(|row| &row.decision.warnings)
        .map(|warning| warning.code)
        .collect();
    let parts: Vec<String> = WarningCode::ALL
        .iter()
        .map(|code| (code, codes.iter().filter(|other| *other == code).count()))
        .filter(|(_, number)| *number > 0)
        .map(|(code, number)| format!("{} {code}", thousands(number)))
        .collect();
    let all = parts.join(", ");
    (!parts.is_empty()).then(|| format!("warnings: {all}; see -o wide and explain"))
}

/// The closing lines of `status` on standard error: the notes, the number of warnings,
/// whether the scan was stopped, the summary, and the Pods without a row.
#[must_use]
pub fn closing_lines(assessment: &Assessment) -> Vec<String> {
    let notes = assessment
        .notes
        .iter()
        .map(|note| sanitize(note).into_owned());
    let partial = assessment.partial.then(|| PARTIAL.to_owned());
    notes
        .chain(warnings_line(assessment))
        .chain(partial)
        .chain([summary_line(&assessment.summary())])
        .chain(not_covered_line(&assessment.uncovered))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_counts_each_group() {
        let all = Summary {
            containers: 450,
            automated: 41,
            updates: 7,
            waiting: 0,
            locked: 3,
            locked_behind: 2,
            manual: 406,
            ignored: 0,
            undecided: 2,
        };
        let one = Summary {
            containers: 1,
            automated: 1,
            updates: 1,
            ..Summary::default()
        };
        let many = Summary {
            containers: 1204,
            manual: 1203,
            ignored: 1,
            ..Summary::default()
        };
        for (summary, expected) in [
            (
                all,
                "450 containers: 41 automated (7 updates), 3 locked (2 behind), 406 manual, 2 undecided",
            ),
            (one, "1 container: 1 automated (1 update)"),
            (
                Summary { waiting: 2, ..all },
                "450 containers: 41 automated (7 updates, 2 waiting), 3 locked (2 behind), 406 \
                 manual, 2 undecided",
            ),
            (
                Summary {
                    updates: 0,
                    waiting: 1,
                    ..one
                },
                "1 container: 1 automated (1 waiting)",
            ),
            (many, "1,204 containers: 1 ignored, 1,203 manual"),
            (Summary::default(), "0 containers"),
        ] {
            assert_eq!(summary_line(&summary), expected);
        }
    }

    #[test]
    fn leader_is_shown_with_the_time_since_its_last_renewal() {
        let time = |text: &str| text.parse::<Timestamp>().expect(text);
        for (renewed, has_expired, expected) in [
            ("2026-11-21T11:59:48Z", false, "last seen 12s ago"),
            // Its clock is ahead of ours.
            ("2026-11-21T12:40:00Z", false, "last seen 0s ago"),
            (
                "2026-11-21T10:00:00Z",
                true,
                "last seen 120m ago; it does not renew its Lease",
            ),
        ] {
            let controller = LeadingController {
                namespace: "imgpolicy".to_owned(),
                name: "pod-1_a\u{1b}".to_owned(),
                renewed: time(renewed),
                read_at: time("2026-11-21T12:00:00Z"),
                has_expired,
            };
            assert_eq!(
                controller_line(&controller),
                format!("controller: leader pod-1_a in namespace imgpolicy, {expected}")
            );
        }
    }

    #[test]
    fn uncovered_pods_are_counted_by_owner() {
        type Case<'a> = (&'a [(&'a str, usize)], Option<&'a str>);
        let cases: [Case<'_>; 3] = [
            (&[], None),
            (&[("Rollout", 12)], Some("not covered: 12 Pods of Rollout")),
            (
                &[("Job\u{1b}", 1), ("", 2), ("X", 0)],
                Some("not covered: 1 Pod of Job, 2 Pods without an owner"),
            ),
        ];
        for (pods, expected) in cases {
            let pods: Vec<_> = pods.iter().map(|(o, n)| ((*o).to_owned(), *n)).collect();
            assert_eq!(not_covered_line(&pods).as_deref(), expected);
        }
    }
}
