//! The effect of a policy on a container, while the policy is being edited.

use jiff::Timestamp;

use super::candidates::{TagColumn, relevant_columns, tag_table};
use super::sentence::sentence;
use super::text::elide::wrap;
use super::text::plural::count;
use super::text::sanitize::sanitize;
use super::text::style::{Paint, Style};
use crate::evaluator::{Candidate, CandidateVerdict, Examination, Outcome, Row};
use crate::image::ImageReference;
use crate::plan::prevention;
use crate::policy::{Rejection, TagVersion};

/// The maximum number of held-back tags to list.
const NAMED: usize = 4;

/// The update that the policy would cause, the next versions that it would hold back,
/// and the `limit` best tags that match, in lines that fit the style's width. `row` is
/// `None` while facts are missing that can still be fetched.
#[must_use]
pub fn policy_effect(
    row: Option<&Row>,
    examination: &Examination,
    now: Timestamp,
    limit: usize,
    style: &Style,
) -> String {
    let mut lines = Vec::new();
    match row {
        Some(row) => {
            lines.push((
                paint(row),
                format!("{}.", sentence(row, prevention(row, None))),
            ));
            let held_back = held_back_line(&row.image, examination);
            lines.extend(held_back.map(|line| (Paint::Caution, line)));
        }
        None => {
            let unknown = "The elected tag is not known yet.".to_owned();
            lines.push((Paint::Caution, unknown));
        }
    }
    let matching = examination
        .candidates
        .iter()
        .filter(|candidate| candidate.verdict != CandidateVerdict::Rejected);
    let number = matching.clone().count();
    if examination.tags > 0 {
        let all = count(examination.tags, "tag");
        let verb = if number == 1 { "matches" } else { "match" };
        lines.push((Paint::Plain, format!("{number} of {all} {verb}:")));
    }
    let mut text = String::new();
    for (paint, line) in lines {
        for line in wrap(&sanitize(&line), style.width, 2).lines() {
            text.push_str(&style.paint(paint, line));
            text.push('\n');
        }
    }
    let shown = matching.enumerate().filter(|(at, candidate)| {
        *at < limit || candidate.running || candidate.verdict == CandidateVerdict::Elected
    });
    let shown: Vec<Candidate> = shown.map(|(_, candidate)| candidate.clone()).collect();
    if !shown.is_empty() {
        let columns = [
            TagColumn::Current,
            TagColumn::Tag,
            TagColumn::Verdict,
            TagColumn::Age,
        ];
        let columns = relevant_columns(examination, &columns);
        text.push_str(&tag_table(&shown, 0, &columns, false, now, style));
    }
    text
}

fn paint(row: &Row) -> Paint {
    match row.decision.outcome {
        Outcome::Update => Paint::Good,
        Outcome::Unknown => Paint::Bad,
        Outcome::Keep => Paint::Plain,
    }
}

/// `Holds back 1.3.0, 1.4.0, 2.0.0 and 3 more.`: the rejected versions above the one
/// that would run, nearest first, and only those of the running variant. `None` if
/// there are none, or if the tags are not versions.
fn held_back_line(image: &str, examination: &Examination) -> Option<String> {
    let running = image.parse::<ImageReference>().ok();
    let elected = examination
        .candidates
        .iter()
        .find(|candidate| candidate.verdict == CandidateVerdict::Elected)
        .map(|candidate| candidate.tag.as_str());
    let running = running.as_ref().and_then(ImageReference::tag);
    let stays = elected.or(running.map(|tag| tag.as_str()))?;
    let stays = stays.parse::<TagVersion>().ok()?;
    let mut above: Vec<(TagVersion, &str)> = examination
        .candidates
        .iter()
        .filter(|candidate| candidate.rejection.is_some_and(holds_back))
        .filter_map(|candidate| {
            let tag = candidate.tag.as_str();
            Some((tag.parse::<TagVersion>().ok()?, tag))
        })
        .filter(|(version, _)| {
            version.variant() == stays.variant()
                && version.parts() == stays.parts()
                && (version.variant().is_some() || !version.is_prerelease())
                && version.precedence(&stays).is_gt()
        })
        .collect();
    above.sort_by(|(a, _), (b, _)| a.precedence(b));
    let names: Vec<&str> = above.iter().take(NAMED).map(|(_, tag)| *tag).collect();
    match above.len().saturating_sub(NAMED) {
        _ if names.is_empty() => None,
        0 => Some(format!("Holds back {}.", names.join(", "))),
        more => Some(format!("Holds back {} and {more} more.", names.join(", "))),
    }
}

/// Whether the policy rejects the tag although it may be a newer version.
fn holds_back(rejection: Rejection) -> bool {
    matches!(
        rejection,
        Rejection::OutOfRange
            | Rejection::NoMatch
            | Rejection::Filtered
            | Rejection::NotAllowed
            | Rejection::Ignored
            | Rejection::TooYoung
            | Rejection::FailedBefore
            | Rejection::WrongPlatform
    )
}
