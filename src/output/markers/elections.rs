//! ImagePolicy objects: what each elects now beside what Flux has recorded.

use crate::evaluator::PolicyElection;
use crate::output::text::fit_step::FitStep;
use crate::output::text::grid::{Cell, Cut, Grid, Heading};
use crate::output::text::sanitize::sanitize;
use crate::output::text::style::{Paint, Style};
use crate::policy::PolicyImage;

const POLICY: &str = "IMAGE POLICY";
const IMAGE: &str = "IMAGE";
const NOW: &str = "NOW";
const RECORDED: &str = "RECORDED";
const WHY: &str = "WHY";

const COLUMNS: [Heading; 5] = [
    Heading::new(POLICY, Cut::Middle),
    Heading::new(IMAGE, Cut::Middle),
    Heading::new(NOW, Cut::Middle),
    Heading::new(RECORDED, Cut::Middle),
    Heading::new(WHY, Cut::End),
];

/// How the table is narrowed.
fn steps() -> Vec<FitStep> {
    vec![
        FitStep::Narrow(vec![(IMAGE, 16)]),
        FitStep::Narrow(vec![(WHY, 16)]),
        FitStep::Narrow(vec![(NOW, 18), (RECORDED, 18)]),
        FitStep::Narrow(vec![(POLICY, 12), (IMAGE, 8)]),
        FitStep::Narrow(vec![(NOW, 10), (RECORDED, 10), (WHY, 8)]),
    ]
}

/// One row per ImagePolicy; nothing if there is none.
#[must_use]
pub fn image_policies_table(
    elections: &[PolicyElection],
    show_headings: bool,
    style: &Style,
) -> String {
    if elections.is_empty() {
        return String::new();
    }
    let grid = Grid {
        headings: COLUMNS.to_vec(),
        rows: elections.iter().map(cells).collect(),
        show_headings,
        steps: steps(),
    };
    grid.render(style)
}

fn cells(election: &PolicyElection) -> Vec<Cell> {
    let now = election.now();
    let recorded = election.policy.recorded.as_ref().ok();
    let recorded = recorded.and_then(Option::as_ref);
    let image = election.image.as_deref();
    let paint = match (&election.decision, election.is_recorded()) {
        (None, _) => Paint::Dim,
        (_, Some(true)) => Paint::Plain,
        _ if now.is_some() => Paint::Good,
        _ => Paint::Bad,
    };
    vec![
        Cell::new(&election.id()),
        Cell::optional(image),
        Cell::optional(now.as_ref().map(|now| version(now, image))).painted(paint),
        Cell::optional(recorded.map(|recorded| version(recorded, image))).painted(Paint::Dim),
        why(election, now.is_some()),
    ]
}

/// The tag and the digest, after the name if it is another one than the repository's.
fn version(image: &PolicyImage, repository: Option<&str>) -> String {
    let mut text = image.tag.clone();
    if let Some(digest) = &image.digest {
        text.push('@');
        text.push_str(digest.get(..SHORT_DIGEST).unwrap_or(digest));
    }
    match repository {
        Some(name) if name != image.name => format!("{}:{text}", image.name),
        _ => text,
    }
}

/// How much of a digest is shown: the algorithm and twelve digits.
const SHORT_DIGEST: usize = "sha256:".len() + 12;

/// Why nothing is elected, or why the record may differ.
fn why(election: &PolicyElection, is_elected: bool) -> Cell {
    let decision = election.decision.as_ref();
    if let Some(decision) = decision.filter(|_| !is_elected) {
        // The row already names the policy.
        let prefix = format!("ImagePolicy {}: ", election.id());
        let message = &decision.message;
        let message = message.strip_prefix(&prefix).unwrap_or(message);
        return Cell::worded(decision.reason.as_str(), message).painted(Paint::Bad);
    }
    let mut codes: Vec<&str> = election.warnings.iter().map(|w| w.code.as_str()).collect();
    codes.dedup();
    Cell::new(&codes.join(", ")).painted(Paint::Caution)
}

/// The warnings about ImagePolicy objects, one line each.
#[must_use]
pub fn image_policy_warnings(elections: &[PolicyElection]) -> Vec<String> {
    let all = elections.iter().flat_map(|election| {
        let id = election.id();
        let warnings = election.warnings.iter();
        warnings.map(move |warning| {
            let named = if warning.message.contains(&id) {
                String::new()
            } else {
                format!("ImagePolicy {id}: ")
            };
            format!("warning: {named}{}", warning.message)
        })
    });
    all.map(|line| sanitize(&line).into_owned()).collect()
}
