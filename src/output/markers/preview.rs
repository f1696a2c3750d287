//! The preview of marked values: those that are written, and those that are kept although
//! one might expect a change.

use std::collections::BTreeMap;

use crate::evaluator::Outcome;
use crate::output::text::elide::wrap;
use crate::output::text::fit_step::FitStep;
use crate::output::text::grid::{Cell, Cut, Grid, Heading};
use crate::output::text::plural::{count, thousands};
use crate::output::text::sanitize::sanitize;
use crate::output::text::style::{Paint, Style};
use crate::plan::{MarkerDecision, MarkerReason};

/// The indentation of the warnings below a row.
const INDENT: usize = 2;

/// The maximum number of kept values to list one by one.
const LISTED: usize = 8;

const PLACE: &str = "PLACE";
const POLICY: &str = "POLICY";
const FROM: &str = "FROM";
const TO: &str = "TO";

const COLUMNS: [Heading; 4] = [
    Heading::new(PLACE, Cut::Middle),
    Heading::new(POLICY, Cut::Middle),
    Heading::new(FROM, Cut::Middle),
    Heading::new(TO, Cut::Middle),
];

/// How the table is narrowed. The place is cut last.
fn steps() -> Vec<FitStep> {
    vec![
        FitStep::Narrow(vec![(POLICY, 12)]),
        FitStep::Narrow(vec![(FROM, 16), (TO, 18)]),
        FitStep::Narrow(vec![(POLICY, 8), (FROM, 8), (TO, 10)]),
        FitStep::Narrow(vec![(PLACE, 12)]),
    ]
}

/// The values that are written, one row each: `FILE:LINE  POLICY  OLD  → NEW`, and what to
/// know about them.
#[must_use]
pub fn markers_table(markers: &[MarkerDecision], show_headings: bool, style: &Style) -> String {
    let written: Vec<&MarkerDecision> = markers.iter().filter(|m| m.is_update()).collect();
    let grid = Grid {
        headings: COLUMNS.to_vec(),
        rows: written.iter().map(|marker| cells(marker)).collect(),
        show_headings,
        steps: steps(),
    };
    let rendered = grid.render(style);
    let mut lines = rendered.lines();
    let mut text = String::new();
    if written.is_empty() {
        return text;
    }
    if show_headings {
        text.push_str(lines.next().unwrap_or_default());
        text.push('\n');
    }
    for (marker, line) in written.iter().zip(lines) {
        text.push_str(line);
        text.push('\n');
        for warning in &marker.warnings {
            let warning = format!("warning: {}: {}", warning.code, warning.message);
            let room = style.width.map(|width| width.saturating_sub(INDENT).max(1));
            for line in wrap(&sanitize(&warning), room, INDENT).lines() {
                text.push_str(&" ".repeat(INDENT));
                text.push_str(&style.paint(Paint::Caution, line));
                text.push('\n');
            }
        }
    }
    text
}

fn cells(marker: &MarkerDecision) -> Vec<Cell> {
    let quoted = |text: &str| match text {
        "" => "\"\"".to_owned(),
        text => text.to_owned(),
    };
    let to = quoted(marker.to.as_deref().unwrap_or_default());
    vec![
        Cell::new(&marker.value.source.to_string()),
        Cell::new(&policy(marker)),
        Cell::new(&quoted(&marker.value.value)).painted(Paint::Dim),
        Cell::new(&format!("→ {to}")).painted(Paint::Good),
    ]
}

fn policy(marker: &MarkerDecision) -> String {
    marker.target().map(ToString::to_string).unwrap_or_default()
}

/// `3 markers: 1 update, 1 undecided`; `None` if there are none.
#[must_use]
pub fn markers_line(markers: &[MarkerDecision]) -> Option<String> {
    if markers.is_empty() {
        return None;
    }
    let groups = [(Outcome::Update, "update"), (Outcome::Unknown, "undecided")];
    let groups: Vec<String> = groups
        .into_iter()
        .map(|(outcome, word)| {
            let own = markers.iter();
            let number = own.filter(|marker| marker.reason.outcome() == outcome);
            (number.count(), word)
        })
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| match word {
            "update" => count(number, word),
            _ => format!("{} {word}", thousands(number)),
        })
        .collect();
    let all = count(markers.len(), "marker");
    Some(if groups.is_empty() {
        all
    } else {
        format!("{all}: {}", groups.join(", "))
    })
}

/// Every value that is kept although one might expect a change, one line each, with the
/// reason and the flag that overrides it. If there are many, the remaining ones are only
/// counted.
#[must_use]
pub fn kept_marker_lines(markers: &[MarkerDecision]) -> Vec<String> {
    let kept: Vec<&MarkerDecision> = markers
        .iter()
        .filter(|marker| !marker.is_update() && marker.reason != MarkerReason::UpToDate)
        .collect();
    let listed = match kept.len() {
        // A single remaining one is listed instead of counted.
        all if all <= LISTED + 1 => all,
        _ => LISTED,
    };
    let (each, rest) = kept.split_at(listed);
    let mut lines: Vec<String> = each.iter().map(|marker| kept_line(marker)).collect();
    if !rest.is_empty() {
        let mut reasons: BTreeMap<MarkerReason, usize> = BTreeMap::new();
        for marker in rest {
            *reasons.entry(marker.reason).or_default() += 1;
        }
        let counted = reasons
            .iter()
            .map(|(&reason, &number)| format!("{} {reason}{}", thousands(number), flag(reason)));
        lines.push(format!(
            "held back: {} more markers: {}",
            thousands(rest.len()),
            counted.collect::<Vec<_>>().join(", ")
        ));
    }
    lines
}

fn kept_line(marker: &MarkerDecision) -> String {
    let MarkerDecision {
        value,
        to,
        reason,
        message,
        ..
    } = marker;
    let line = match marker.target() {
        None => format!("warning: {}: {message}", value.source),
        Some(target) => {
            let to = to.as_ref().map(|to| format!(" → {to}")).unwrap_or_default();
            format!(
                "held back: {} {target} {}{to}: {message}{}",
                value.source,
                value.value,
                flag(*reason)
            )
        }
    };
    sanitize(&line).into_owned()
}

/// The flag that overrides a reason, in brackets.
fn flag(reason: MarkerReason) -> String {
    reason
        .lifted_by()
        .map_or_else(String::new, |flag| format!(" ({flag})"))
}
