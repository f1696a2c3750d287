//! The table of tags in `explain`, `test` and `images`.

use jiff::Timestamp;

use super::text::fit_step::FitStep;
use super::text::grid::{Cell, Cut, Grid, Heading};
use super::text::plural::count;
use super::text::style::{Paint, Style};
use super::text::time::{age, minute, until};
use crate::evaluator::{Candidate, CandidateVerdict, Examination};
use crate::policy::{Order, Rejection};

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TagColumn {
    /// Marks the running tag, as `kubectl config get-contexts` marks the current
    /// context.
    Current,
    /// The tag.
    Tag,
    /// The policy's verdict.
    Verdict,
    /// The rank among the tags that pass.
    Rank,
    /// When it was built; when it was pushed if only that was needed.
    Created,
    /// The time since then.
    Age,
    /// Why it was rejected.
    Reason,
}

impl TagColumn {
    fn heading(self) -> Heading {
        let (text, cut) = match self {
            Self::Current => ("CURRENT", Cut::End),
            Self::Tag => ("TAG", Cut::Middle),
            Self::Verdict => ("VERDICT", Cut::End),
            Self::Rank => ("RANK", Cut::End),
            Self::Created => ("CREATED", Cut::End),
            Self::Age => ("AGE", Cut::End),
            Self::Reason => ("REASON", Cut::End),
        };
        Heading { text, cut }
    }

    fn is_date(self) -> bool {
        matches!(self, Self::Created | Self::Age)
    }
}

/// The tags to show: the best ones up to the limit (0: all), and always the elected
/// and the running tag.
pub(crate) fn choose(candidates: &[Candidate], limit: usize) -> Vec<&Candidate> {
    candidates
        .iter()
        .enumerate()
        .filter(|(at, candidate)| {
            limit == 0
                || *at < limit
                || candidate.running
                || candidate.verdict == CandidateVerdict::Elected
        })
        .map(|(_, candidate)| candidate)
        .collect()
}

/// The chosen tags as a table, followed by the number of hidden ones. Date columns
/// are left out if no date is known.
pub(crate) fn tag_table(
    candidates: &[Candidate],
    limit: usize,
    columns: &[TagColumn],
    show_headings: bool,
    now: Timestamp,
    style: &Style,
) -> String {
    let chosen = choose(candidates, limit);
    let dated = chosen
        .iter()
        .any(|candidate| candidate.created.or(candidate.pushed).is_some());
    let columns: Vec<TagColumn> = columns
        .iter()
        .copied()
        .filter(|column| dated || !column.is_date())
        .collect();
    let rows = chosen.iter().map(|candidate| {
        columns
            .iter()
            .map(|column| cell(*column, candidate, now))
            .collect()
    });
    let grid = Grid {
        headings: columns.iter().map(|column| column.heading()).collect(),
        rows: rows.collect(),
        show_headings,
        steps: steps(&chosen, now),
    };
    let mut text = grid.render(style);
    let hidden = candidates.len() - chosen.len();
    if hidden > 0 {
        let more = format!("{}; --limit 0 shows all", count(hidden, "more tag"));
        text.push_str(&style.paint(Paint::Dim, &more));
        text.push('\n');
    }
    text
}

/// Removes the date columns if the decision does not depend on time, because then the
/// dates of only one or two tags are known.
pub(crate) fn relevant_columns(examination: &Examination, columns: &[TagColumn]) -> Vec<TagColumn> {
    let decision = &examination.decision;
    let own = decision.policy.as_ref();
    let policy = own.or(decision.suggestion.as_ref().map(|assumed| &assumed.policy));
    let is_about_time = policy.is_some_and(|policy| policy.order == Order::Created)
        || examination
            .candidates
            .iter()
            .any(|candidate| candidate.rejection == Some(Rejection::TooYoung));
    let columns = columns.iter().copied();
    columns
        .filter(|column| is_about_time || !column.is_date())
        .collect()
}

fn steps(chosen: &[&Candidate], now: Timestamp) -> Vec<FitStep> {
    let reasons = chosen.iter().map(|candidate| reason(candidate, now));
    let word = reasons.map(|cell| cell.word_width()).max().unwrap_or(0);
    vec![
        narrow(TagColumn::Reason, word),
        narrow(TagColumn::Tag, 16),
        FitStep::Drop(TagColumn::Created.heading().text),
        narrow(TagColumn::Tag, 8),
        FitStep::Drop(TagColumn::Rank.heading().text),
        FitStep::Drop(TagColumn::Reason.heading().text),
        FitStep::Drop(TagColumn::Verdict.heading().text),
    ]
}

fn narrow(column: TagColumn, minimum: usize) -> FitStep {
    FitStep::Narrow(vec![(column.heading().text, minimum)])
}

fn cell(column: TagColumn, candidate: &Candidate, now: Timestamp) -> Cell {
    let cell = match column {
        TagColumn::Current => {
            // Other rows stay blank instead of `<none>`, as in kubectl.
            return Cell::blank(if candidate.running { "*" } else { "" });
        }
        TagColumn::Tag => Cell::new(candidate.tag.as_str()),
        TagColumn::Verdict => Cell::new(candidate.verdict.as_str()),
        TagColumn::Rank => Cell::optional(candidate.rank.map(|rank| rank.to_string())),
        TagColumn::Created => {
            let pushed = candidate.pushed.map(|at| format!("pushed {}", minute(at)));
            Cell::optional(candidate.created.map(minute).or(pushed))
        }
        TagColumn::Age => {
            let date = candidate.created.or(candidate.pushed);
            Cell::optional(date.map(|date| age(date, now)))
        }
        TagColumn::Reason => reason(candidate, now),
    };
    cell.painted(match (candidate.verdict, column) {
        (CandidateVerdict::Elected, TagColumn::Tag | TagColumn::Verdict) => Paint::Good,
        (CandidateVerdict::Rejected, _) => Paint::Dim,
        _ => Paint::Plain,
    })
}

fn reason(candidate: &Candidate, now: Timestamp) -> Cell {
    match candidate.rejection {
        Some(rejection) => {
            // Without room for the detail, the phrase is still better than the word.
            let short = match candidate.detail {
                Some(_) => rejection.phrase(),
                None => rejection.as_str(),
            };
            Cell::new(&phrase(candidate, rejection, now)).shortened(short)
        }
        None => Cell::new(""),
    }
}

/// Why a tag was rejected, as a predicate: `is too young`. If the tag is only too
/// young, also when it will be old enough.
pub(crate) fn phrase(candidate: &Candidate, rejection: Rejection, now: Timestamp) -> String {
    let phrase = rejection.phrase();
    match (candidate.ripe_at, &candidate.detail) {
        (Some(ripe), _) => format!("{phrase}, eligible in {}", until(ripe, now)),
        (None, Some(detail)) => format!("{phrase}: {detail}"),
        (None, None) => phrase.to_owned(),
    }
}
