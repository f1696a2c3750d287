//! The report of `test`.

use jiff::Timestamp;

use super::candidates::{TagColumn, relevant_columns, tag_table};
use super::text::elide::wrap;
use super::text::sanitize::sanitize;
use super::text::style::{Paint, Style};
use crate::evaluator::{CandidateVerdict, Examination, Outcome};

/// What a policy elects among the tags of an image: the verdict in one line, then the
/// tags, best first (`limit` 0: all).
#[must_use]
pub fn test_report(
    image: &str,
    examination: &Examination,
    now: Timestamp,
    limit: usize,
    style: &Style,
) -> String {
    let decision = &examination.decision;
    let reason = match decision.message.trim() {
        "" => decision.reason.phrase(),
        message => message,
    };
    let is_elected = examination
        .candidates
        .iter()
        .any(|candidate| candidate.verdict == CandidateVerdict::Elected);
    let (verdict, paint) = match decision.outcome {
        Outcome::Unknown => (
            format!("undecided: {reason} ({})", decision.reason),
            Paint::Bad,
        ),
        _ if is_elected => (reason.to_owned(), Paint::Good),
        _ => (format!("no tag is elected: {reason}"), Paint::Caution),
    };
    let line = wrap(&sanitize(&format!("{image}: {verdict}")), style.width, 2);
    let mut text = String::new();
    for line in line.lines() {
        text.push_str(&style.paint(paint, line));
        text.push('\n');
    }
    if !examination.candidates.is_empty() {
        let columns = [
            TagColumn::Tag,
            TagColumn::Verdict,
            TagColumn::Rank,
            TagColumn::Age,
            TagColumn::Reason,
        ];
        text.push('\n');
        text.push_str(&tag_table(
            &examination.candidates,
            limit,
            &relevant_columns(examination, &columns),
            true,
            now,
            style,
        ));
    }
    text
}
