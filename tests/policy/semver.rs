//! Compares versions and constraints with the results of `Masterminds/semver` v3.5.0, and checks
//! their properties.

use std::cmp::Ordering;

use kubectl_imgpolicy::policy::TagVersion;
use kubectl_imgpolicy::policy::{Constraint, ConstraintMiss};
use proptest::prelude::*;
use serde::Deserialize;

const CONSTRAINTS: &str = include_str!("../data/conformance/semver_constraints.json");
const MORE_CONSTRAINTS: &str = include_str!("../data/conformance/semver_constraints_extra.json");
const ORDER: &str = include_str!("../data/conformance/semver_order.json");

#[derive(Deserialize)]
struct ConstraintTable {
    /// Constraint, version, whether it matches (`None` if the constraint is invalid), whether the
    /// version is valid.
    cases: Vec<(String, String, Option<bool>, bool)>,
}

#[derive(Deserialize)]
struct OrderCase {
    input: Vec<String>,
    groups: Vec<Vec<String>>,
    invalid: Vec<String>,
}

fn differences(table: &str) -> Vec<String> {
    let table: ConstraintTable = serde_json::from_str(table).expect("the table is JSON");
    assert!(table.cases.len() > 100, "the table is complete");
    let mut differences = Vec::new();
    for (constraint, version, expected, version_valid) in table.cases {
        let parsed = version.parse::<TagVersion>();
        if parsed.is_ok() != version_valid {
            differences.push(format!("version {version:?}: {parsed:?}"));
        }
        match (constraint.parse::<Constraint>(), expected, parsed) {
            (Ok(ours), Some(expected), Ok(version)) => {
                if ours.matches(&version) != expected || ours.check(&version).is_ok() != expected {
                    differences.push(format!("{constraint:?} {version}: not {expected}"));
                }
            }
            (Ok(_), Some(_), Err(_)) | (Err(_), None, _) => {}
            (ours, _, _) => differences.push(format!("constraint {constraint:?}: {ours:?}")),
        }
    }
    differences
}

#[test]
fn constraints_match_as_in_masterminds() {
    assert_eq!(differences(CONSTRAINTS), Vec::<String>::new());
}

#[test]
fn peculiar_constraints_match_as_in_masterminds() {
    assert_eq!(differences(MORE_CONSTRAINTS), Vec::<String>::new());
}

#[test]
fn versions_are_ordered_as_in_masterminds() {
    let cases: Vec<OrderCase> = serde_json::from_str(ORDER).expect("the table is JSON");
    assert!(!cases.is_empty());
    for case in cases {
        for text in &case.input {
            let is_valid = text.parse::<TagVersion>().is_ok();
            assert_eq!(is_valid, !case.invalid.contains(text), "{text}");
        }
        let rank = |text: &String| case.groups.iter().position(|group| group.contains(text));
        for left in case.input.iter().filter(|text| rank(text).is_some()) {
            for right in case.input.iter().filter(|text| rank(text).is_some()) {
                let ours = version(left).precedence(&version(right));
                // The groups are in descending order.
                assert_eq!(ours, rank(right).cmp(&rank(left)), "{left} and {right}");
            }
        }
    }
}

fn version(text: &str) -> TagVersion {
    text.parse().expect("the test's text is a version")
}

/// Versions with few different characters, so that equal and similar ones are common.
fn any_version() -> impl Strategy<Value = TagVersion> {
    let number = "0{0,2}[0-3]|18446744073709551615";
    let identifier = "[1-9][0-9]?|0|[aA-]{1,2}|rc[0-9]|1[0-9]{20}|18446744073709551615";
    let core = proptest::collection::vec(number, 1..=3);
    let pre = proptest::collection::vec(identifier, 0..=3);
    (any::<bool>(), core, pre, "|\\+[a-z]\\.0?[0-9]").prop_map(|(v, core, pre, build)| {
        let mark = if pre.is_empty() { "" } else { "-" };
        let v = if v { "v" } else { "" };
        version(&format!(
            "{v}{}{mark}{}{build}",
            core.join("."),
            pre.join(".")
        ))
    })
}

/// Texts that are often valid constraints.
fn any_constraint() -> impl Strategy<Value = String> {
    "((=|!=|>|<|>=|=<|~|~>|\\^|) ?v?[0-2x*](\\.[0-2x*]){0,2}(-[a0]\\.?[1b])?( - |\\|\\|| |, ?)?){1,4}"
}

proptest! {
    #[test]
    fn printed_version_parses_to_an_equal_version(version in any_version()) {
        prop_assert_eq!(version.to_string().parse(), Ok(version));
    }

    #[test]
    fn precedence_is_a_total_order(a in any_version(), b in any_version(), c in any_version()) {
        prop_assert_eq!(a.precedence(&a), Ordering::Equal);
        prop_assert_eq!(a.precedence(&b), b.precedence(&a).reverse());
        let mut sorted = [&a, &b, &c];
        sorted.sort_by(|left, right| left.precedence(right));
        let [low, middle, high] = sorted;
        prop_assert!(low.precedence(middle).is_le());
        prop_assert!(middle.precedence(high).is_le());
        prop_assert!(low.precedence(high).is_le());
        if low.precedence(high).is_eq() {
            prop_assert!(low.precedence(middle).is_eq());
        }
    }

    #[test]
    fn equal_versions_have_equal_precedence(a in any_version(), b in any_version()) {
        if a == b {
            prop_assert_eq!(a.precedence(&b), Ordering::Equal);
        }
    }

    #[test]
    fn parsing_any_text_does_not_panic(constraint in "\\PC{0,40}", version in "\\PC{0,40}") {
        let _ = version.parse::<TagVersion>();
        let _ = constraint.parse::<Constraint>();
    }

    #[test]
    fn check_agrees_with_matches(text in any_constraint(), version in any_version()) {
        let Ok(constraint) = text.parse::<Constraint>() else {
            return Ok(());
        };
        prop_assert_eq!(constraint.to_string(), text);
        let check = constraint.check(&version);
        prop_assert_eq!(check.is_ok(), constraint.matches(&version));
        let within = check.is_ok() || check == Err(ConstraintMiss::Prerelease);
        prop_assert_eq!(within, constraint.matches_with_prereleases(&version));
        if check == Err(ConstraintMiss::Prerelease) {
            prop_assert!(version.is_prerelease());
        }
    }

    #[test]
    fn exact_pin_matches_only_its_version(pin in any_version(), other in any_version()) {
        let constraint: Constraint = pin.to_string().parse().expect("a version is a constraint");
        prop_assert_eq!(constraint.is_exact_pin(), pin.parts() == 3);
        if constraint.is_exact_pin() {
            prop_assert!(constraint.matches(&pin));
            prop_assert_eq!(constraint.matches(&other), pin.precedence(&other).is_eq());
        }
    }
}
