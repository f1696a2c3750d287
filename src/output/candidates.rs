//! The table of tags that `explain`, `test` and `images` show.

use jiff::Timestamp;

use super::text::fit_step::FitStep;
use super::text::grid::{Cell, Cut, Grid, Heading};
use super::text::plural::count;
use super::text::style::{Paint, Style};
use super::text::time::{age, minute, until};
use crate::evaluator::{Candidate, CandidateVerdict, Examination};
use crate::policy::{Order, Rejection};

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TagColumn {
    /// A mark at the running tag, as `kubectl config get-contexts` marks the
    /// current context.
    Current,
    /// The tag.
    Tag,
    /// What the policy says of it.
    Verdict,
    /// Its place among those that pass.
    Rank,
    /// When it was built, or pushed where nobody had to know more.
    Created,
    /// How long ago that is.
    Age,
    /// Why it was passed over.
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

/// The tags to show: the best ones up to the limit (0: all), and the elected
/// and the running one wherever they stand.
pub(crate) fn choose(candidates: &[Candidate], limit: usize) -> Vec<&Candidate> {
    let shown = |(at, candidate): &(usize, &Candidate)| {
        limit == 0
            || *at < limit
            || candidate.running
            || candidate.verdict == CandidateVerdict::Elected
    };
    let chosen = candidates.iter().enumerate().filter(shown);
    chosen.map(|(_, candidate)| candidate).collect()
}

/// The chosen tags as a table, and how many are not shown. Columns of dates are
/// left out where no date was asked for.
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
    let row = |candidate: &&Candidate| -> Vec<Cell> {
        columns
            .iter()
            .map(|column| cell(*column, candidate, now))
            .collect()
    };
    let grid = Grid {
        headings: columns.iter().map(|column| column.heading()).collect(),
        rows: chosen.iter().map(row).collect(),
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

/// The columns, without those of dates where time decides nothing: there only the
/// dates of one or two tags are known.
pub(crate) fn columns_of(examination: &Examination, columns: &[TagColumn]) -> Vec<TagColumn> {
    let decision = &examination.decision;
    let own = decision.policy.as_ref();
    let policy = own.or(decision.suggestion.as_ref().map(|assumed| &assumed.policy));
    let is_young = |candidate: &Candidate| candidate.rejection == Some(Rejection::TooYoung);
    let is_about_time = policy.is_some_and(|policy| policy.order == Order::Created)
        || examination.candidates.iter().any(is_young);
    let columns = columns.iter().copied();
    columns
        .filter(|column| is_about_time || !column.is_date())
        .collect()
}

fn steps(chosen: &[&Candidate], now: Timestamp) -> Vec<FitStep> {
    let word = |candidate: &&Candidate| reason(candidate, now).word_width();
    let word = chosen.iter().map(word).max().unwrap_or(0);
    let narrow = |column: TagColumn, floor| FitStep::Narrow(vec![(column.heading().text, floor)]);
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

fn cell(column: TagColumn, candidate: &Candidate, now: Timestamp) -> Cell {
    let cell = match column {
        TagColumn::Current => {
            // The mark needs no `<none>` beside it, as in kubectl.
            return Cell::blank(if candidate.running { "*" } else { "" });
        }
        TagColumn::Tag => Cell::new(candidate.tag.as_str()),
        TagColumn::Verdict => Cell::new(candidate.verdict.as_str()),
        TagColumn::Rank => Cell::optional(candidate.rank.map(|rank| rank.to_string())),
        TagColumn::Created => {
            let pushed = || Some(format!("pushed {}", minute(candidate.pushed?)));
            Cell::optional(candidate.created.map(minute).or_else(pushed))
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
            Cell::new(&phrase(candidate, rejection, now)).shortened(rejection.as_str())
        }
        None => Cell::new(""),
    }
}

/// Why a tag was passed over, as the end of a sentence that begins with it; for
/// one that is too young also when that changes.
pub(crate) fn phrase(candidate: &Candidate, rejection: Rejection, now: Timestamp) -> String {
    match candidate.ripe_at {
        Some(ripe) => format!("{}, ripe in {}", rejection.phrase(), until(ripe, now)),
        None => rejection.phrase().to_owned(),
    }
}
