//! Cached facts: a decision uses them, but first confirms those about the elected and
//! the running tag.

use kubectl_imgpolicy::evaluator::assess;
use kubectl_imgpolicy::image::FetchFailureKind;

use crate::support::oracle::{OracleImage, built, digest, image};
use crate::support::scenario::Scenario;

/// An image built on this day, known from the cache.
fn known(day: &str) -> OracleImage {
    built(day).remembered()
}

/// `a` runs, `b` is newer and `c` is the newest; all are known from the cache.
fn scenario() -> Scenario {
    Scenario::following("glob:*", "org/app:a")
        .image("a", known("2026-01-01"))
        .image("b", known("2026-01-02"))
        .image("c", known("2026-01-03"))
}

/// The requests that confirm cached tags.
fn confirmed(asked: &[String]) -> Vec<&str> {
    let confirmed = asked.iter().filter_map(|f| f.strip_prefix("confirmed "));
    confirmed.collect()
}

#[test]
fn only_the_elected_and_the_running_tag_are_confirmed() {
    let fresh = Scenario::following("glob:*", "org/app:a")
        .image("a", built("2026-01-01"))
        .image("b", built("2026-01-02"))
        .image("c", built("2026-01-03"))
        .decide("app");
    let judged = scenario().decide("app");
    assert_eq!(judged.says(), fresh.says());
    assert_eq!(judged.message, fresh.message);
    assert_eq!(confirmed(&judged.asked()), ["a", "c"]);
    assert_eq!(judged.asked().len(), fresh.asked().len() + 2);
}

#[test]
fn elected_running_tag_is_confirmed_once() {
    let judged = Scenario::following("glob:*", "org/app:a")
        .image("a", known("2026-01-05"))
        .image("b", known("2026-01-02"))
        .decide("app");
    assert_eq!(judged.says(), "keep up-to-date a");
    assert_eq!(confirmed(&judged.asked()), ["a"]);
}

#[test]
fn fresh_facts_need_no_confirmation() {
    let judged = scenario()
        .image("a", built("2026-01-01"))
        .image("c", built("2026-01-03"))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image c");
    assert_eq!(confirmed(&judged.asked()), [""; 0]);
}

#[test]
fn moved_elected_tag_is_evaluated_again() {
    // What `c` serves now is older than what `b` serves.
    let moved = built("2025-01-01").remembered_as(built("2026-01-03").digest(99));
    let judged = scenario().image("c", moved).decide("app");
    assert_eq!(judged.says(), "update newer-image b");
    let asked = judged.asked();
    assert_eq!(confirmed(&asked), ["a", "c", "b"]);
    let twice = asked.iter().filter(|fact| *fact == "created c").count();
    assert_eq!(twice, 2, "its time is requested again");
}

#[test]
fn moved_running_tag_is_compared_by_its_current_image() {
    let moved = built("2026-01-09").remembered_as(built("2026-01-01").digest(99));
    let judged = scenario().image("a", moved).decide("app");
    assert_eq!(judged.says(), "keep up-to-date a");
}

#[test]
fn evaluation_ends_if_every_tag_has_moved() {
    let mut scenario = Scenario::following("glob:*", "org/app:t00");
    for number in 0..20 {
        let memory = built(&format!("2026-02-{:02}", number + 1)).digest(200);
        let now = built(&format!("2026-01-{:02}", 25 - number));
        scenario = scenario.image(&format!("t{number:02}"), now.remembered_as(memory));
    }
    let judged = scenario.decide("app");
    assert_eq!(judged.says(), "keep up-to-date t00");
    assert_eq!(confirmed(&judged.asked()).len(), 20);
}

#[test]
fn tag_that_is_gone_is_skipped_for_the_next_one() {
    let gone = image().gone().remembered_as(built("2026-01-03"));
    let judged = scenario().image("c", gone).decide("app");
    assert_eq!(judged.says(), "update newer-image b");
    assert_eq!(judged.verdict("c"), "no-manifest");
}

#[test]
fn too_young_tag_is_not_confirmed() {
    let judged = scenario()
        .annotation("imgpolicy.dev/min-age", "72h")
        .annotation("imgpolicy.dev/min-age-clock", "image")
        .image("d", known("2026-11-20"))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image c");
    assert_eq!(judged.verdict("d"), "too-young");
    assert_eq!(confirmed(&judged.asked()), ["a", "c"]);
}

#[test]
fn digest_is_never_confirmed() {
    let pin = format!("digest:{}", digest(7));
    let judged = Scenario::following(&pin, &format!("org/app@{}", digest(8)))
        .image("a", image().digest(7).remembered())
        .decide("app");
    assert_eq!(judged.reason.as_str(), "newer-image");
    assert_eq!(confirmed(&judged.asked()), [""; 0]);
}

#[test]
fn followed_tag_is_confirmed_and_its_new_digest_written() {
    let moved = image().digest(2).remembered_as(image().digest(1));
    let judged = Scenario::following("digest:a", &format!("org/app:a@{}", digest(1)))
        .image("a", moved)
        .decide("app");
    let expected = format!("org/app:a@{}", digest(2));
    assert_eq!(judged.writes(), expected);
    let running = format!("platforms {}", digest(1));
    let expected = ["digest a", "confirmed a", "platforms a", &running];
    assert_eq!(judged.asked(), expected);
}

#[test]
fn pods_are_compared_with_what_the_running_tag_serves_now() {
    let moved = built("2026-01-05")
        .digest(2)
        .remembered_as(built("2026-01-05").digest(1));
    let judged = Scenario::following("semver:*", "org/app:1.0.0")
        .pod("app", &digest(1).to_string())
        .image("1.0.0", moved)
        .decide("app");
    assert_eq!(judged.warns(), "moved-tag");
    let same = built("2026-01-05").digest(1).remembered();
    let judged = Scenario::following("semver:*", "org/app:1.0.0")
        .pod("app", &digest(1).to_string())
        .image("1.0.0", same)
        .decide("app");
    assert_eq!(judged.warns(), "");
    assert_eq!(judged.asked(), ["tags", "digest 1.0.0", "confirmed 1.0.0"]);
}

#[test]
fn failure_to_confirm_a_tag_leaves_the_row_undecided() {
    let failing = image()
        .created_fails(FetchFailureKind::Unreachable)
        .digest(2)
        .remembered_as(built("2026-01-03").digest(1));
    let judged = scenario().image("c", failing).decide("app");
    assert_eq!(judged.says(), "unknown registry-unreachable -");
}

#[test]
fn row_with_unconfirmed_tags_says_so() {
    let scenario = scenario();
    let mut snapshot = scenario.snapshot();
    let subjects = snapshot.subjects().expect("subjects");
    let mut metadata = scenario.oracle.clone().settle(&subjects[0]);
    let name = subjects[0].repository().expect("one").clone();
    for image in metadata.images.values_mut() {
        image.remembered = true;
    }
    assert!(!subjects[0].is_decided(&metadata));
    drop(subjects);
    snapshot.repositories.insert(name, metadata);
    let row = &assess(&snapshot).expect("assesses").rows[0];
    assert_eq!(
        row.decision.message,
        "whether a tag still serves what it did was not requested"
    );
    snapshot.partial = true;
    assert_eq!(assess(&snapshot).expect("assesses").rows.len(), 0);
}
