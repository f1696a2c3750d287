//! The preview of a plan.

use kubectl_imgpolicy::output::{Style, WriteResult, held_back_lines, plan_text, results_line};
use kubectl_imgpolicy::plan::{Basis, Change, HeldBack, HoldReason, ImageChange, Plan};
use kubectl_imgpolicy::policy::{Warning, WarningCode};
use kubectl_imgpolicy::workload::{ContainerType, ManifestSource, WorkloadId, WorkloadKind};

fn id(namespace: &str, name: &str) -> WorkloadId {
    WorkloadId {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        kind: WorkloadKind::Deployment,
        api_version: "apps/v1".to_owned(),
    }
}

fn image(container: &str, from: &str, to: &str, policy: Option<&str>) -> ImageChange {
    ImageChange {
        policy: policy.map(str::to_owned),
        ..ImageChange::new(
            container,
            ContainerType::Container,
            from,
            to.parse().expect(to),
        )
    }
}

fn change(workload: WorkloadId, images: Vec<ImageChange>, notes: &[&str]) -> Change {
    Change {
        workload,
        source: None,
        root: None,
        images,
        policy: None,
        is_rollback: false,
        notes: notes.iter().map(|&note| note.to_owned()).collect(),
        basis: Basis::default(),
    }
}

/// Two workloads with every kind of note and warning.
fn plan() -> Plan {
    let digest = "0123456789abcdef".repeat(4);
    let mut major = image(
        "app",
        "org/app:1.0.0",
        "org/app:2.0.0",
        Some("semver:>=1.0"),
    );
    major.warnings.push(Warning::new(
        WarningCode::Major,
        "2.0.0 is a new major version\u{1b}[31m",
    ));
    let side = image(
        "istio-proxy-with-a-long-name",
        &format!("org/side:1.25.3-alpine@sha256:{digest}"),
        &format!("org/side:1.25.4-alpine@sha256:{digest}"),
        Some("semver:~1.25"),
    );
    let mut in_file = change(
        id("shop", "api"),
        vec![image("app", "org/api:1", "org/api:2", None)],
        &[],
    );
    in_file.source = Some(ManifestSource {
        file: "shop/api.yaml".to_owned(),
        line: 12,
    });
    Plan {
        changes: vec![
            in_file,
            change(
                id("shop", "web"),
                vec![major, side],
                &[
                    "3 Pods restart",
                    "Release shop/web (Helm) writes this workload again at its next upgrade",
                ],
            ),
        ],
        ..Plan::default()
    }
}

#[test]
fn plan_looks_like_a_diff() {
    insta::assert_snapshot!(plan_text(&plan(), &[], false, &Style::PIPED), @"
    deployment/api in shop/api.yaml:12
      app                            1                              → 2
    deployment/web
      app                            1.0.0                          → 2.0.0                          semver:>=1.0
      istio-proxy-with-a-long-name   1.25.3-alpine@sha256:0123456   → 1.25.4-alpine@sha256:0123456   semver:~1.25
      warning: app: major: 2.0.0 is a new major version[31m
      3 Pods restart
      Release shop/web (Helm) writes this workload again at its next upgrade
    ");
}

#[test]
fn plan_fits_the_terminal() {
    let narrow = plan_text(&plan(), &[], true, &Style::columns(80));
    insta::assert_snapshot!(narrow, @"
    shop/deployment/api in shop/api.yaml:12
      app                           1                → 2
    shop/deployment/web
      app                           1.0.0            → 2.0.0            semver:>=1.0
      istio-proxy-with-a-long-name  1.25.3-alpine@…  → 1.25.4-alpine@…  semver:~1.25
      warning: app: major: 2.0.0 is a new major version[31m
      3 Pods restart
      Release shop/web (Helm) writes this workload again at its next upgrade
    ");
    insta::assert_snapshot!(plan_text(&plan(), &[], true, &Style::columns(40)), @"
    shop/deployment/api in shop/api.yaml:12
      app        1          → 2
    shop/deployment/web
      app        1.0.0      → 2.0.0
      isti…name  1.25…ne@…  → 1.25.…alpine@…
      warning: app: major: 2.0.0 is a new
        major version[31m
      3 Pods restart
      Release shop/web (Helm) writes this
        workload again at its next upgrade
    ");
    for columns in [20, 40, 60, 80, 100] {
        let text = plan_text(&plan(), &[], true, &Style::columns(columns));
        for line in text.lines().filter(|_| columns >= 40) {
            assert!(line.chars().count() <= columns, "{columns}: {line:?}");
        }
    }
}

fn held_back(name: &str, hold: HoldReason) -> HeldBack {
    HeldBack {
        workload: id("shop", name),
        root: None,
        container: Some("app".to_owned()),
        from: Some("org/app:1.0.0".to_owned()),
        to: Some("org/app:1.0.1".parse().expect("an image")),
        hold,
        message: "because".to_owned(),
    }
}

#[test]
fn held_back_updates_are_listed_and_then_counted() {
    let few = [
        held_back("web", HoldReason::Locked),
        held_back("api", HoldReason::Gone),
    ];
    assert_eq!(
        held_back_lines(&few, true),
        [
            "held back: shop/deployment/web app 1.0.0 → 1.0.1: because (--override-lock)",
            "held back: shop/deployment/api app 1.0.0 → 1.0.1: because",
        ]
    );
    let hold = |n: usize| {
        if n.is_multiple_of(2) {
            HoldReason::Manual
        } else {
            HoldReason::Undecided
        }
    };
    let many: Vec<HeldBack> = (0..1210).map(|n| held_back("web", hold(n))).collect();
    let lines = held_back_lines(&many, false);
    assert_eq!(lines.len(), 9);
    assert_eq!(
        lines[8],
        "held back: 1,202 more: 601 manual (--include-manual), 601 undecided"
    );
    assert_eq!(held_back_lines(&many[..9], false).len(), 9);
}

#[test]
fn results_are_counted_by_kind() {
    use WriteResult::{Failed, NotStarted, Planned, Unchanged, Updated};
    for (results, expected) in [
        (&[Updated, Failed, Updated][..], "2 updated, 1 failed"),
        (&[Planned, Unchanged], "1 would be updated, 1 unchanged"),
        (&[Failed, NotStarted, NotStarted], "1 failed, 2 not started"),
        (&[], "0 workloads"),
    ] {
        assert_eq!(results_line(results, "updated"), expected);
    }
}
