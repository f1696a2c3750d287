//! The report of `test`.

use jiff::Timestamp;

use super::candidates::{TagColumn, columns_of, tag_table};
use super::text::elide::wrap;
use super::text::sanitize::sanitize;
use super::text::style::{Paint, Style};
use crate::evaluator::{CandidateVerdict, Examination, Outcome};

/// What a policy elects among the tags of an image: the verdict in a line, then
/// the tags, the best first (`limit` 0: all).
#[must_use]
pub fn test_report(
    image: &str,
    examination: &Examination,
    now: Timestamp,
    limit: usize,
    style: &Style,
) -> String {
    let decision = &examination.decision;
    let told = match decision.message.trim() {
        "" => decision.reason.phrase(),
        message => message,
    };
    let is_elected = |verdict| verdict == CandidateVerdict::Elected;
    let elected = examination
        .candidates
        .iter()
        .any(|candidate| is_elected(candidate.verdict));
    let (verdict, paint) = match decision.outcome {
        Outcome::Unknown => (
            format!("undecided: {told} ({})", decision.reason),
            Paint::Bad,
        ),
        _ if elected => (told.to_owned(), Paint::Good),
        _ => (format!("nothing is elected: {told}"), Paint::Caution),
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
            &columns_of(examination, &columns),
            true,
            now,
            style,
        ));
    }
    text
}
