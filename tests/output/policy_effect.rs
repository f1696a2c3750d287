//! The effect of a policy that is being edited.

use kubectl_imgpolicy::evaluator::{Candidate, CandidateVerdict};
use kubectl_imgpolicy::output::{Style, policy_effect};
use kubectl_imgpolicy::policy::Rejection;

use super::builder::{now, row};
use super::tags::{examination, rejected};

fn effect(image: &str, elected: &str, refused: &[&str]) -> String {
    let row = row("web", "app", image).0;
    let elected = Candidate {
        verdict: CandidateVerdict::Elected,
        rejection: None,
        rank: Some(1),
        ..rejected(elected, Rejection::OutOfRange)
    };
    let refused = refused
        .iter()
        .map(|tag| rejected(tag, Rejection::OutOfRange));
    let candidates = std::iter::once(elected).chain(refused).collect();
    let examination = examination(&row, 9, &[], candidates);
    policy_effect(Some(&row), &examination, now(), 5, &Style::PIPED)
}

#[test]
fn held_back_versions_are_listed_nearest_first() {
    let refused = [
        "2.0.0",
        "1.10.0",
        "1.9.0",
        "0.9.0",
        "1.2.0-alpine",
        "1.2.0-rc.1",
        "stg-1",
    ];
    let text = effect("org/my-app:1.0.0", "1.0.1", &refused);
    assert!(
        text.contains("\nHolds back 1.9.0, 1.10.0, 2.0.0.\n"),
        "{text}"
    );
    assert!(text.contains("\n1 of 9 tags matches:\n"), "{text}");
    let many = ["1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0", "1.6.0"];
    let text = effect("org/my-app:1.0.0", "1.0.1", &many);
    assert!(
        text.contains("\nHolds back 1.1.0, 1.2.0, 1.3.0, 1.4.0 and 2 more.\n"),
        "{text}"
    );
}

#[test]
fn only_versions_of_the_running_variant_are_listed() {
    let refused = ["1.26.0", "1.26.0-alpine", "1.27.0-slim"];
    let text = effect("nginx:1.25.3-alpine", "1.25.4-alpine", &refused);
    assert!(text.contains("\nHolds back 1.26.0-alpine.\n"), "{text}");
}

#[test]
fn tags_that_are_not_versions_are_not_compared() {
    let text = effect("org/my-app:dev-1", "dev-2", &["1.0.0", "stg-1"]);
    assert!(!text.contains("Holds back"), "{text}");
}
