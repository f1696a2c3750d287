//! Builds examinations for tests.

use kubectl_imgpolicy::evaluator::{Candidate, CandidateVerdict, Examination, FunnelStep, Row};
use kubectl_imgpolicy::output::Explained;
use kubectl_imgpolicy::plan::Automation;
use kubectl_imgpolicy::policy::Rejection;

use super::builder::{seed, time};

/// An examination with these candidates.
pub(crate) fn examination(
    row: &Row,
    tags: usize,
    funnel: &[(Rejection, usize)],
    candidates: Vec<Candidate>,
) -> Examination {
    Examination {
        decision: row.decision.clone(),
        tags,
        funnel: funnel
            .iter()
            .map(|&(test, left)| FunnelStep { test, left })
            .collect(),
        candidates,
    }
}

/// A row as `explain` shows it, if nothing prevents the update.
pub(crate) fn explained<'a>(row: &'a Row, examination: &'a Examination) -> Explained<'a> {
    Explained {
        row,
        examination,
        prevented_by: None,
        automation: Automation::Possible,
    }
}

/// A tag that passes.
pub(crate) fn passing(tag: &str, rank: usize) -> Candidate {
    Candidate {
        tag: tag.parse().expect(tag),
        verdict: if rank == 1 {
            CandidateVerdict::Elected
        } else {
            CandidateVerdict::Accepted
        },
        rejection: None,
        detail: None,
        rank: Some(rank),
        created: None,
        created_from: None,
        pushed: None,
        digest: None,
        ripe_at: None,
        running: false,
    }
}

/// A tag that is rejected.
pub(crate) fn rejected(tag: &str, rejection: Rejection) -> Candidate {
    Candidate {
        verdict: CandidateVerdict::Rejected,
        rejection: Some(rejection),
        rank: None,
        ..passing(tag, 2)
    }
}

/// Candidates of each kind.
pub(crate) fn seed_candidates() -> Vec<Candidate> {
    let at = |candidate, created: &str| Candidate {
        created: Some(time(created)),
        ..candidate
    };
    vec![
        at(passing("1.0.1", 1), "2026-11-20T12:00:00Z"),
        Candidate {
            running: true,
            ..at(passing("1.0.0", 2), "2026-10-01T12:00:00Z")
        },
        Candidate {
            ripe_at: Some(time("2026-11-23T12:00:00Z")),
            ..at(
                rejected("1.0.2", Rejection::TooYoung),
                "2026-11-21T11:00:00Z",
            )
        },
        rejected("latest", Rejection::Latest),
        rejected("1.2.0", Rejection::OutOfRange),
        rejected("1.1.0-rc.1", Rejection::PreRelease),
    ]
}

pub(crate) fn seed_examination() -> Examination {
    let funnel = [
        (Rejection::Latest, 1203),
        (Rejection::OutOfRange, 310),
        (Rejection::PreRelease, 3),
        (Rejection::TooYoung, 2),
    ];
    examination(&seed(), 1204, &funnel, seed_candidates())
}
