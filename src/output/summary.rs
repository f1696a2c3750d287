//! The lines that end a report on standard error.

use super::text::plural::{count, thousands};
use super::text::sanitize::sanitize;
use crate::evaluator::{Assessment, Summary};
use crate::policy::WarningCode;

/// `450 containers: 41 automated (7 updates), 3 locked (2 behind), 406 manual,
/// 2 undecided`; groups of nobody are left out. The undecided ones are among
/// the automated.
#[must_use]
pub fn summary_line(summary: &Summary) -> String {
    let with = |group: String, number: usize, part: &str| match number {
        0 => group,
        _ => format!("{group} ({part})"),
    };
    let group = |number: usize, word: &str| format!("{} {word}", thousands(number));
    let groups = [
        (
            summary.automated,
            with(
                group(summary.automated, "automated"),
                summary.updates,
                &count(summary.updates, "update"),
            ),
        ),
        (
            summary.locked,
            with(
                group(summary.locked, "locked"),
                summary.locked_behind,
                &group(summary.locked_behind, "behind"),
            ),
        ),
        (summary.ignored, group(summary.ignored, "ignored")),
        (summary.manual, group(summary.manual, "manual")),
        (summary.undecided, group(summary.undecided, "undecided")),
    ];
    let all = count(summary.containers, "container");
    let groups: Vec<String> = groups
        .into_iter()
        .filter(|&(number, _)| number > 0)
        .map(|(_, text)| text)
        .collect();
    if groups.is_empty() {
        all
    } else {
        format!("{all}: {}", groups.join(", "))
    }
}

/// `not covered: 12 Pods of Rollout, 1 Pod without an owner`; `None` where
/// every Pod has a row.
#[must_use]
pub fn not_covered_line(uncovered: &[(String, usize)]) -> Option<String> {
    let part = |(owner, pods): &(String, usize)| {
        let pods = count(*pods, "Pod");
        match owner.as_str() {
            "" => format!("{pods} without an owner"),
            owner => format!("{pods} of {}", sanitize(owner)),
        }
    };
    let parts: Vec<String> = uncovered
        .iter()
        .filter(|(_, pods)| *pods > 0)
        .map(part)
        .collect();
    (!parts.is_empty()).then(|| format!("not covered: {}", parts.join(", ")))
}

/// Said where Ctrl-C ended a scan.
pub const PARTIAL: &str =
    "partial: the scan was stopped, and only what was decided so far is shown";

/// `warnings: 1 moved-tag, 2 mutable-tag; see -o wide and explain`: the table has no
/// room for them, and a tag that moved must not go unseen. `None` where there are
/// none.
fn warnings_line(assessment: &Assessment) -> Option<String> {
    let codes = || {
        let rows = assessment.rows.iter();
        rows.flat_map(|row| &row.decision.warnings)
            .map(|warning| warning.code)
    };
    let parts: Vec<String> = WarningCode::ALL
        .iter()
        .map(|code| (code, codes().filter(|other| other == code).count()))
        .filter(|(_, number)| *number > 0)
        .map(|(code, number)| format!("{} {code}", thousands(number)))
        .collect();
    let all = parts.join(", ");
    (!parts.is_empty()).then(|| format!("warnings: {all}; see -o wide and explain"))
}

/// Everything that ends `status` on standard error, line by line: the notes, the
/// warnings counted, whether the scan was stopped, the summary, and the Pods
/// without a row.
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
    fn the_summary_counts_what_there_is() {
        let all = Summary {
            containers: 450,
            automated: 41,
            updates: 7,
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
            (many, "1,204 containers: 1 ignored, 1,203 manual"),
            (Summary::default(), "0 containers"),
        ] {
            assert_eq!(summary_line(&summary), expected);
        }
    }

    #[test]
    fn uncovered_pods_are_counted_by_owner() {
        let line = |pods: &[(&str, usize)]| {
            let pods: Vec<_> = pods.iter().map(|(o, n)| ((*o).to_owned(), *n)).collect();
            not_covered_line(&pods)
        };
        assert_eq!(line(&[]), None);
        assert_eq!(
            line(&[("Rollout", 12)]).as_deref(),
            Some("not covered: 12 Pods of Rollout")
        );
        assert_eq!(
            line(&[("Job\u{1b}", 1), ("", 2), ("X", 0)]).as_deref(),
            Some("not covered: 1 Pod of Job, 2 Pods without an owner")
        );
    }
}
