//! Properties of every workload, policy and repository. [`Scenario::decide`] also checks
//! each decision: a second evaluation and a replayed snapshot give the same decision,
//! and a rejected tag is never written.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use kubectl_imgpolicy::evaluator::{CandidateVerdict, Outcome};
use kubectl_imgpolicy::image::{Known, Tag};
use kubectl_imgpolicy::policy::{Decimal, Rule, TagVersion};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use crate::support::oracle::{OracleImage, image};
use crate::support::scenario::{Judged, Scenario};

/// Tags that are close to each other in some order.
const TAGS: [&str; 30] = [
    "1.0.0",
    "v1.0.0",
    "1.0.1",
    "1.2.0",
    "1.2.3-alpine",
    "1.2.4-alpine",
    "1.2.4-slim",
    "1.2.4-rc.1",
    "1.2.4-4-gabcdef",
    "2.0.0",
    "2.0.0-rc.1",
    "10.0.0",
    "1",
    "1.2",
    "2.5",
    "07",
    "7",
    "230",
    "231",
    "20190523",
    "dev-1",
    "dev-2",
    "stg-a",
    "main",
    "9e3bdaf",
    "latest",
    "LATEST",
    "Latest",
    "_x",
    "1.0.0_a",
];

const POLICIES: [&str; 22] = [
    "semver:*",
    "semver:~1.0",
    "semver:^1.2",
    "semver:^1.2-0",
    "semver:>=1.0.0-0 <2.0.0",
    "semver:1.0.0",
    "semver:<1.0 || >1.2",
    "glob:*",
    "glob:dev-*",
    "glob:1.0.0",
    "dev-1",
    "",
    "regex:^[0-9]",
    "regexp:(dev|stg)",
    "alphabetical",
    "alphabetical:desc",
    "numerical",
    "numerical:desc",
    "digest:latest",
    "digest:1.0.0",
    "semver:broken",
    "~1",
];

/// Annotations that affect the decision.
const ANNOTATIONS: [(&str, &str); 14] = [
    (
        "imgpolicy.dev/filter-tags.app",
        "^v?(?P<v>[0-9.]+)(-alpine)?$",
    ),
    ("imgpolicy.dev/extract.app", "$v"),
    ("imgpolicy.dev/allow-tags.app", r#"["[0-9]", "dev"]"#),
    ("imgpolicy.dev/ignore-tags.app", r#"["^2"]"#),
    ("imgpolicy.dev/min-age", "72h"),
    ("imgpolicy.dev/allow-downgrade", "true"),
    ("imgpolicy.dev/allow-variant-change", "true"),
    ("fluxcd.io/locked", "true"),
    ("fluxcd.io/ignore", "true"),
    ("fluxcd.io/automated", "false"),
    ("filter.fluxcd.io/app", "semver:~2"),
    ("fluxcd.io/tag.nobody", "glob:x"),
    ("fluxcd.io/tag.app-image", "1.0.0"),
    ("kubernetes.io/os", "linux"),
];

fn any_image() -> impl Strategy<Value = OracleImage> {
    use kubectl_imgpolicy::image::FetchFailureKind::{NotFound, RateLimited};
    let created = prop_oneof![
        8 => select(vec!["2026-01-01", "2026-01-02", "2026-11-20", "2025-06-01"]).prop_map(Some),
        1 => select(vec!["1970-01-01", "2030-01-01"]).prop_map(Some),
        1 => Just(None),
    ];
    let platforms = subsequence(vec!["linux/amd64", "linux/arm64", "linux/arm/v7"], 0..=3);
    let fault = prop_oneof![
        20 => Just(None),
        1 => Just(Some(NotFound)),
        1 => Just(Some(RateLimited)),
    ];
    (
        created,
        platforms,
        fault.clone(),
        fault,
        any::<bool>(),
        0..20_u8,
    )
        .prop_map(|(created, platforms, no_time, no_platforms, seen, gone)| {
            let mut image = OracleImage::built(created).platforms(&platforms);
            if let Some(kind) = no_time {
                image = image.created_fails(kind);
            }
            if let Some(kind) = no_platforms {
                image = image.platforms_fail(kind);
            }
            if seen {
                image = image.first_seen("2026-11-01");
            }
            image.gone = gone == 0;
            image.member(101, 102)
        })
}

prop_compose! {
    fn any_scenario()(
        policy in select(POLICIES.to_vec()),
        running in prop_oneof![
            9 => select(TAGS.to_vec()).prop_map(|tag| format!(":{tag}")),
            1 => Just(String::new()),
            1 => Just(format!(":1.0.0@sha256:{}", "05".repeat(32))),
            1 => Just(format!("@sha256:{}", "05".repeat(32))),
        ],
        annotations in subsequence(ANNOTATIONS.to_vec(), 0..4),
        tags in subsequence(TAGS.to_vec(), 0..14),
        images in prop::collection::vec(any_image(), 14),
        nodes in prop::option::of(subsequence(vec!["linux/amd64", "linux/arm64"], 0..=2)),
        pods in subsequence(vec![1_u8, 2, 101, 102, 200], 0..3),
        assume in prop::option::weighted(0.2, select(vec!["auto", "semver:*", "glob:*"])),
        is_named in prop::bool::weighted(0.9),
    ) -> Scenario {
        let mut scenario = Scenario::deployment()
            .annotation("fluxcd.io/automated", "true")
            .container("app", &format!("org/app-image{running}"));
        if is_named {
            scenario = scenario.annotation("fluxcd.io/tag.app", policy);
        }
        for (key, value) in annotations {
            scenario = scenario.annotation(key, value);
        }
        for (tag, image) in tags.into_iter().zip(images) {
            scenario = scenario.image(tag, image);
        }
        if let Some(nodes) = nodes {
            scenario = scenario.nodes(&nodes);
        }
        for pod in pods {
            let digest = crate::support::oracle::digest(pod);
            scenario = scenario.pod("app", &digest.to_string());
        }
        scenario.settings(|s| s.assume = assume.map(str::to_owned))
    }
}

/// Compares two tags by a policy's own order; `None`: not comparable. Deliberately
/// independent of the evaluator's code.
fn compare(policy: &str, a: &str, b: &str) -> Option<Ordering> {
    let (kind, direction) = policy.split_once(':').unwrap_or((policy, ""));
    let ascending = match kind {
        "semver" => {
            let a: TagVersion = a.parse().ok()?;
            a.precedence(&b.parse().ok()?)
        }
        "numerical" => a.parse::<Decimal>().ok()?.cmp(&b.parse().ok()?),
        "alphabetical" => a.cmp(b),
        _ => return None,
    };
    Some(if direction == "desc" {
        ascending.reverse()
    } else {
        ascending
    })
}

/// The running and the elected tag of an update.
fn updated(judged: &Judged) -> Option<Tag> {
    let is_update = judged.outcome == Outcome::Update;
    judged.latest.as_ref().filter(|_| is_update)?.tag().cloned()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn latest_is_written_only_if_it_is_followed(scenario in any_scenario()) {
        let judged = scenario.decide("app");
        if let Some(tag) = updated(&judged) {
            let filter = judged.policy.clone().expect("a policy").filter;
            prop_assert!(!tag.is_latest() || filter == "digest:latest", "{filter} {tag}");
        }
    }

    #[test]
    fn update_never_downgrades_unless_allowed_or_pinned(scenario in any_scenario()) {
        let judged = scenario.decide("app");
        let workload = scenario.workload();
        let running: kubectl_imgpolicy::image::ImageReference =
            workload.containers[0].image.parse().expect("an image");
        let is_free = workload.annotations.contains_key("imgpolicy.dev/allow-downgrade")
            || workload.annotations.contains_key("imgpolicy.dev/extract.app");
        if let (Some(tag), Some(running), false) = (updated(&judged), running.tag(), is_free) {
            let filter = judged.policy.clone().expect("a policy").filter;
            let is_pin = Rule::parse(&filter).expect("valid").is_exact_pin();
            if !is_pin && !running.is_latest() {
                let order = compare(&filter, tag.as_str(), running.as_str());
                prop_assert!(order.is_none_or(Ordering::is_gt), "{filter}: {running} to {tag}");
            }
        }
    }

    #[test]
    fn facts_that_were_not_requested_change_nothing(scenario in any_scenario()) {
        let snapshot = scenario.snapshot();
        let subjects = snapshot.subjects().expect("subjects");
        let mut asked = scenario.oracle.clone().settle(&subjects[0]);
        let all = scenario.oracle.omniscience();
        let by_need = subjects[0].decide(&asked);
        // Additional facts may be shown, but must not change the decision.
        for (version, image) in all.images {
            let known = asked.images.entry(version).or_default();
            if known.created.is_not_asked() {
                known.created = image.created;
            }
            if known.platforms.is_not_asked() {
                known.platforms = image.platforms;
            }
            if known.digest.is_not_asked() {
                known.digest = image.digest;
            }
        }
        let by_all = subjects[0].decide(&asked);
        prop_assert_eq!(
            (by_need.outcome, by_need.reason, by_need.message, by_need.latest, by_need.warnings),
            (by_all.outcome, by_all.reason, by_all.message, by_all.latest, by_all.warnings)
        );
    }

    #[test]
    fn order_of_the_tag_list_changes_nothing(
        scenario in any_scenario(),
        swaps in prop::collection::vec((any::<Index>(), any::<Index>()), 0..20),
    ) {
        let snapshot = scenario.snapshot();
        let subjects = snapshot.subjects().expect("subjects");
        let metadata = scenario.oracle.clone().settle(&subjects[0]);
        let mut shuffled = metadata.clone();
        if let Known::Value(tags) = &mut shuffled.tags && !tags.is_empty() {
            for (a, b) in swaps {
                let (a, b) = (a.index(tags.len()), b.index(tags.len()));
                tags.swap(a, b);
            }
        }
        prop_assert_eq!(subjects[0].decide(&metadata), subjects[0].decide(&shuffled));
        prop_assert_eq!(subjects[0].examine(&metadata), subjects[0].examine(&shuffled));
    }

    #[test]
    fn every_tag_has_one_verdict_and_ranks_start_at_one(scenario in any_scenario()) {
        let judged = scenario.decide("app");
        let examination = &judged.examination;
        let tags: BTreeSet<&Tag> = examination.candidates.iter().map(|c| &c.tag).collect();
        prop_assert_eq!(tags.len(), examination.candidates.len());
        prop_assert_eq!(tags.len(), examination.tags);
        let ranks: Vec<usize> = examination.candidates.iter().filter_map(|c| c.rank).collect();
        prop_assert_eq!(ranks.clone(), (1..=ranks.len()).collect::<Vec<_>>());
        let elected = examination.candidates.iter();
        let elected: Vec<_> = elected.filter(|c| c.verdict == CandidateVerdict::Elected).collect();
        prop_assert!(elected.len() <= 1);
        if let (Some(tag), Some(elected)) = (updated(&judged), elected.first()) {
            prop_assert_eq!(&elected.tag, &tag);
            prop_assert_eq!(elected.rank, Some(1), "a better tag was rejected");
        }
        if let Some(last) = examination.funnel.last() {
            prop_assert_eq!(last.left, ranks.len());
        }
    }

    #[test]
    fn no_text_panics_or_elects_with_an_invalid_policy(
        keys in prop::collection::vec(select(vec![
            "fluxcd.io/tag.app", "fluxcd.io/automated", "flux.weave.works/tag.app",
            "filter.fluxcd.io/app", "fluxcd.io/locked", "fluxcd.io/locked_msg", "fluxcd.io/ignore",
            "imgpolicy.dev/filter-tags.app", "imgpolicy.dev/extract.app",
            "imgpolicy.dev/allow-tags.app", "imgpolicy.dev/ignore-tags.app", "imgpolicy.dev/min-age",
            "imgpolicy.dev/policy.app", "imgpolicy.dev/last-update", "fluxcd.io/tag.app-image",
        ]), 0..6),
        values in prop::collection::vec(any_text(), 6),
        other in (any_text(), any_text()),
        running in any_text(),
    ) {
        let mut scenario = Scenario::deployment()
            .annotation("fluxcd.io/automated", "true")
            .annotation(&other.0, &other.1)
            .container("app", &format!("org/app-image:{running}"))
            .tags(&["1.0.0", "1.0.1", "dev-1", "7"]);
        for (key, value) in keys.iter().zip(&values) {
            scenario = scenario.annotation(key, value);
        }
        let judged = scenario.decide("app");
        if judged.reason.as_str() == "invalid-policy" {
            prop_assert_eq!(&judged.latest, &None);
        }
    }

    #[test]
    fn no_entry_panics(text in any_text(), yaml in any_yaml()) {
        for text in [text, yaml] {
            let object = serde_json::json!({
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
                "metadata": {"name": "apps", "namespace": "flux-system",
                    "annotations": {"imgpolicy.dev/image-policies": text}}});
            let scenario = Scenario::deployment()
                .policy_object(object)
                .applied_by("apps")
                .container("app", "org/app:1.0.0")
                .image("1.0.0", image());
            scenario.unmatched();
            scenario.decide("app");
        }
    }
}

/// Any text, and texts that resemble a policy.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "(semver|glob|regex|regexp|alphabetical|numerical|digest|SemVer)?:?[ -~]{0,20}",
        "(semver:)?[~^<>=!x*0-9. ,|v-]{0,12}",
        "[\\[{(\"$\\\\?*+a-z0-9,:}\\])-]{0,16}",
        "\\PC{0,8}",
        select(vec![
            "true",
            "false",
            "sync_only",
            "72h",
            "[]",
            "{}",
            "\u{1b}[31m"
        ])
        .prop_map(str::to_owned),
    ]
}

/// A text that resembles a list of entries.
fn any_yaml() -> impl Strategy<Value = String> {
    let line = select(vec![
        "- name: a",
        "  policy:",
        "    semver:",
        "      range: '*'",
        "    digest: latest",
        "    alphabetical:",
        "  aws:",
        "    image: org/app",
        "  identifier: v",
        "  allowTags: ['(']",
        "imagePolicies:",
        "- &a [*a]",
        "  <<: *a",
        "\t",
        "---",
        "  ignoreTags: [x]",
        "!!binary x",
    ]);
    prop::collection::vec(line, 0..8).prop_map(|lines| lines.join("\n"))
}
