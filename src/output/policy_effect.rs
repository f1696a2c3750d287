//! What a policy would do to a container, while it is being written.

use jiff::Timestamp;

use super::candidates::{TagColumn, columns_of, tag_table};
use super::sentence::sentence;
use super::text::elide::wrap;
use super::text::sanitize::sanitize;
use super::text::style::{Paint, Style};
use crate::evaluator::{Candidate, CandidateVerdict, Examination, Outcome, Row};
use crate::image::ImageReference;
use crate::policy::{Rejection, TagVersion};

/// How many of the tags that are held back are named.
const NAMED: usize = 4;

/// The update that the policy would cause, the next versions that it would hold
/// back, and the best of the tags that match: lines that fit the style's width,
/// `limit` tags of them. No row: facts are missing that can still be asked for.
#[must_use]
pub fn policy_effect(
    row: Option<&Row>,
    examination: &Examination,
    now: Timestamp,
    limit: usize,
    style: &Style,
) -> String {
    let mut text = String::new();
    let mut say = |paint: Paint, line: &str| {
        for line in wrap(&sanitize(line), style.width, 2).lines() {
            text.push_str(&style.paint(paint, line));
            text.push('\n');
        }
    };
    match row {
        Some(row) => {
            say(paint(row), &format!("{}.", sentence(row)));
            let held_back = held_back_line(&row.image, examination);
            held_back.iter().for_each(|line| say(Paint::Caution, line));
        }
        None => say(Paint::Caution, "Which one it elects is not known yet."),
    }
    let rejected = |candidate: &&Candidate| candidate.verdict == CandidateVerdict::Rejected;
    let matching = examination.candidates.iter().filter(|c| !rejected(c));
    let number = matching.clone().count();
    if examination.tags > 0 {
        say(
            Paint::Plain,
            &format!("{number} of {} tags match:", examination.tags),
        );
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
        let columns = columns_of(examination, &columns);
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

/// `holds back 1.3.0, 1.4.0, 2.0.0 and 3 more`: the versions above what would
/// run that the policy refuses, the nearest first, of the running variant only.
/// `None`: there are none, or the tags are no versions.
fn held_back_line(image: &str, examination: &Examination) -> Option<String> {
    let running = image.parse::<ImageReference>().ok();
    let version = |text: &str| text.parse::<TagVersion>().ok();
    let elected = examination
        .candidates
        .iter()
        .find(|candidate| candidate.verdict == CandidateVerdict::Elected)
        .map(|candidate| candidate.tag.as_str());
    let running = running.as_ref().and_then(ImageReference::tag);
    let stays = elected.or(running.map(|tag| tag.as_str()))?;
    let stays = version(stays)?;
    let refused = |candidate: &&Candidate| {
        matches!(
            candidate.rejection,
            Some(
                Rejection::OutOfRange
                    | Rejection::NoMatch
                    | Rejection::Filtered
                    | Rejection::NotAllowed
                    | Rejection::Ignored
                    | Rejection::TooYoung
                    | Rejection::WrongPlatform
            )
        )
    };
    let mut above: Vec<(TagVersion, &str)> = examination
        .candidates
        .iter()
        .filter(refused)
        .filter_map(|candidate| {
            let tag = candidate.tag.as_str();
            Some((version(tag)?, tag))
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
