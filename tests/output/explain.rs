//! The report of `explain`.

use kubectl_imgpolicy::evaluator::{Candidate, Reason, Row};
use kubectl_imgpolicy::output::{
    ExplainOptions, Explained, RepeatedFlags, Style, explain, next_step, sentence,
};
use kubectl_imgpolicy::plan::Automation;
use kubectl_imgpolicy::policy::{Rejection, WarningCode};
use kubectl_imgpolicy::workload::ManifestSource;

use super::builder::{every_kind, now, row, seed};
use super::tags::{examination, explained, passing, seed_examination};

fn report(width: Option<usize>) -> String {
    let style = Style {
        colour: false,
        width,
    };
    explain(
        &explained(&seed(), &seed_examination()),
        now(),
        &ExplainOptions::default(),
        &style,
    )
}

#[test]
fn report_shows_everything_behind_a_decision() {
    insta::assert_snapshot!(report(None), @"
    deployment/web container app in namespace shop
    Would move from 1.0.0 to 1.0.1: 1.0.1 is the highest of 2 tags that match semver:~1.0

    1,204 tags → 1,203 are not latest → 310 are in range → 3 are not pre-releases → 2 are old enough → 1 is elected

    CURRENT   TAG          VERDICT    CREATED            AGE      REASON
              1.0.1        elected    2026-11-20 12:00   24h      <none>
    *         1.0.0        accepted   2026-10-01 12:00   51d      <none>
              1.0.2        rejected   2026-11-21 11:00   60m      is younger than the minimum age, eligible in 2d
              latest       rejected   <none>             <none>   is a moving tag and never elected
              1.2.0        rejected   <none>             <none>   lies outside the range
              1.1.0-rc.1   rejected   <none>             <none>   is a pre-release, which the range does not ask for

    Image:       docker.io/org/my-app:1.0.0
    State:       automated
    Policy:      semver:~1.0 in semver order, from annotation fluxcd.io/tag.app
    Running:     1.0.0, created 2026-10-01T12:00:00Z (51d ago)
    Elected:     1.0.1, created 2026-11-20T12:00:00Z (24h ago), sha256:abababababababababababababababababababababababababababababababab
    Source:      the registry at 2026-11-21T11:59:55Z (5s ago)

    Next: kubectl imgpolicy update deployment/web -n shop -c app
    ");
}

#[test]
fn report_at_80_columns() {
    insta::assert_snapshot!(report(Some(80)), @"
    deployment/web container app in namespace shop
    Would move from 1.0.0 to 1.0.1: 1.0.1 is the highest of 2 tags that match
      semver:~1.0

    1,204 tags → 1,203 are not latest → 310 are in range → 3 are not pre-releases →
      2 are old enough → 1 is elected

    CURRENT  TAG         VERDICT   CREATED           AGE     REASON
             1.0.1       elected   2026-11-20 12:00  24h     <none>
    *        1.0.0       accepted  2026-10-01 12:00  51d     <none>
             1.0.2       rejected  2026-11-21 11:00  60m     too-young
             latest      rejected  <none>            <none>  latest
             1.2.0       rejected  <none>            <none>  lies outside the range
             1.1.0-rc.1  rejected  <none>            <none>  pre-release

    Image:       docker.io/org/my-app:1.0.0
    State:       automated
    Policy:      semver:~1.0 in semver order, from annotation fluxcd.io/tag.app
    Running:     1.0.0, created 2026-10-01T12:00:00Z (51d ago)
    Elected:     1.0.1, created 2026-11-20T12:00:00Z (24h ago),
                 sha256:ababababababababababababab…babababababababababababababababab
    Source:      the registry at 2026-11-21T11:59:55Z (5s ago)

    Next: kubectl imgpolicy update deployment/web -n shop -c app
    ");
}

#[test]
fn report_at_40_columns() {
    insta::assert_snapshot!(report(Some(40)), @"
    deployment/web container app in
      namespace shop
    Would move from 1.0.0 to 1.0.1: 1.0.1 is
      the highest of 2 tags that match
      semver:~1.0

    1,204 tags → 1,203 are not latest → 310
      are in range → 3 are not pre-releases
      → 2 are old enough → 1 is elected

    CURRENT  TAG         VERDICT   AGE
             1.0.1       elected   24h
    *        1.0.0       accepted  51d
             1.0.2       rejected  60m
             latest      rejected  <none>
             1.2.0       rejected  <none>
             1.1.0-rc.1  rejected  <none>

    Image:       docker.io/org/my-app:1.0.0
    State:       automated
    Policy:      semver:~1.0 in semver
                 order, from annotation
                 fluxcd.io/tag.app
    Running:     1.0.0, created
                 2026-10-01T12:00:00Z (51d
                 ago)
    Elected:     1.0.1, created
                 2026-11-20T12:00:00Z (24h
                 ago),
                 sha256:ababab…babababababab
    Source:      the registry at
                 2026-11-21T11:59:55Z (5s
                 ago)

    Next: kubectl imgpolicy update deployment/web -n shop -c app
    ");
}

#[test]
fn report_in_colour() {
    let style = Style {
        colour: true,
        width: Some(80),
    };
    let text = explain(
        &explained(&seed(), &seed_examination()),
        now(),
        &ExplainOptions::default(),
        &style,
    );
    insta::assert_snapshot!(text.replace('\u{1b}', "^"), @"
    ^[1mdeployment/web container app in namespace shop^[0m
    ^[32m^[1mWould move from 1.0.0 to 1.0.1: 1.0.1 is the highest of 2 tags that match^[0m
    ^[32m^[1m  semver:~1.0^[0m

    1,204 tags → 1,203 are not latest → 310 are in range → 3 are not pre-releases →
      2 are old enough → 1 is elected

    CURRENT  TAG         VERDICT   CREATED           AGE     REASON
             ^[32m^[1m1.0.1^[0m       ^[32m^[1melected^[0m   2026-11-20 12:00  24h     <none>
    *        1.0.0       accepted  2026-10-01 12:00  51d     <none>
             ^[2m1.0.2^[0m       ^[2mrejected^[0m  ^[2m2026-11-21 11:00^[0m  ^[2m60m^[0m     ^[2mtoo-young^[0m
             ^[2mlatest^[0m      ^[2mrejected^[0m  ^[2m<none>^[0m            ^[2m<none>^[0m  ^[2mlatest^[0m
             ^[2m1.2.0^[0m       ^[2mrejected^[0m  ^[2m<none>^[0m            ^[2m<none>^[0m  ^[2mlies outside the range^[0m
             ^[2m1.1.0-rc.1^[0m  ^[2mrejected^[0m  ^[2m<none>^[0m            ^[2m<none>^[0m  ^[2mpre-release^[0m

    Image:       docker.io/org/my-app:1.0.0
    State:       automated
    Policy:      semver:~1.0 in semver order, from annotation fluxcd.io/tag.app
    Running:     1.0.0, created 2026-10-01T12:00:00Z (51d ago)
    Elected:     1.0.1, created 2026-11-20T12:00:00Z (24h ago),
                 sha256:ababababababababababababab…babababababababababababababababab
    Source:      the registry at 2026-11-21T11:59:55Z (5s ago)

    Next: ^[1mkubectl imgpolicy update deployment/web -n shop -c app^[0m
    ");
}

#[test]
fn manual_container_has_no_facts() {
    let manual = row("cache", "redis", "redis:7.2")
        .managed_by("Kustomization", "flux-system", "apps")
        .warning(WarningCode::MutableTag, "the tag may move")
        .file("my apps/cache.yaml", 12)
        .build();
    let empty = examination(&manual, 0, &[], Vec::new());
    let text = explain(
        &explained(&manual, &empty),
        now(),
        &ExplainOptions::default(),
        &Style::PIPED,
    );
    insta::assert_snapshot!(text, @r#"
    deployment/cache container redis in namespace shop
    Stays at 7.2: not automated

    Image:       redis:7.2
    State:       manual
    Policy:      none
    Managed by:  Kustomization flux-system/apps
    File:        my apps/cache.yaml:12
    Warning:     mutable-tag: the tag may move

    Next: kubectl imgpolicy automate deployment/cache -f 'my apps/cache.yaml'
    "#);
}

#[test]
fn limit_keeps_the_elected_and_the_running_tag() {
    let mut candidates: Vec<Candidate> = (1..=30)
        .map(|rank| passing(&format!("1.0.{}", 40 - rank), rank))
        .collect();
    candidates[24].running = true;
    let funnel = [(Rejection::OutOfRange, 30)];
    let examination = examination(&seed(), 1204, &funnel, candidates);
    let show = |limit| {
        let options = ExplainOptions {
            limit,
            ..ExplainOptions::default()
        };
        explain(
            &explained(&seed(), &examination),
            now(),
            &options,
            &Style::PIPED,
        )
    };
    let three = show(3);
    insta::assert_snapshot!(three.split("\n\n").nth(2).expect("a table"), @"
    CURRENT   TAG      VERDICT    REASON
              1.0.39   elected    <none>
              1.0.38   accepted   <none>
              1.0.37   accepted   <none>
    *         1.0.15   accepted   <none>
    26 more tags; --limit 0 shows all
    ");
    assert_eq!(show(0).matches("accepted").count(), 29);
}

#[test]
fn requested_tag_is_explained() {
    let explain_tag = |tag: &str| {
        let options = ExplainOptions {
            tag: Some(tag.to_owned()),
            ..ExplainOptions::default()
        };
        let text = explain(
            &explained(&seed(), &seed_examination()),
            now(),
            &options,
            &Style::PIPED,
        );
        text.split("\n\n").nth(2).expect("a paragraph").to_owned()
    };
    for (tag, expected) in [
        ("1.0.1", "1.0.1 is the elected tag"),
        (
            "1.0.0",
            "1.0.0 was not chosen: it is accepted, but ranks 2 of 2, behind 1.0.1",
        ),
        ("1.2.0", "1.2.0 was not chosen: it lies outside the range"),
        (
            "1.0.2",
            "1.0.2 was not chosen: it is younger than the minimum age, eligible in 2d",
        ),
        ("9.9", "The repository has no tag 9.9"),
        ("\u{1b}c", "The repository has no tag c"),
    ] {
        assert_eq!(explain_tag(tag), expected);
    }
}

#[test]
fn verb_agrees_with_the_number_of_tags() {
    for rejection in Rejection::ALL {
        let text = |left| {
            let examination = examination(&seed(), 2, &[(*rejection, left)], Vec::new());
            let text = explain(
                &explained(&seed(), &examination),
                now(),
                &ExplainOptions::default(),
                &Style::PIPED,
            );
            text.lines()
                .find(|line| line.starts_with("2 tags"))
                .expect("a funnel")
                .to_owned()
        };
        assert_eq!(text(2), format!("2 tags → 2 {}", rejection.survivors()));
        assert_ne!(text(1), format!("2 tags → 1 {}", rejection.survivors()));
    }
}

#[test]
fn every_decision_has_a_sentence_and_a_next_step() {
    let steps: Vec<String> = every_kind()
        .iter()
        .map(|row| {
            format!(
                "{}\n  {}",
                sentence(row, None),
                next_step(
                    &explained(row, &seed_examination()),
                    &RepeatedFlags::default()
                )
                .unwrap_or_default()
            )
        })
        .collect();
    insta::assert_snapshot!(steps.join("\n"), @r#"
    Would move from 1.0.0 to 1.0.1: 1.0.1 is the highest of 2 tags that match semver:~1.0
      kubectl imgpolicy update deployment/web -n shop -c app
    Stays at 2.4.1: 2.4.1 is the highest of 31 tags that match semver:^2
      kubectl imgpolicy images deployment/api -n shop
    Stays at 1.4.0: locked by alice: release freeze until Monday; otherwise it would move to 1.5.0
      kubectl imgpolicy unlock deployment/cart -n shop
    Stays at 7: locked
      
    Stays at 9.9.9: 9.1.0 is elected and lower than 9.9.9
      kubectl imgpolicy images deployment/old -n shop
    Stays at 1.25.3-alpine: 1.25.4 is elected, and -alpine runs
      kubectl imgpolicy images deployment/alpine -n shop
    Stays at 1.0.0: none of 12 tags matches semver:^7
      kubectl imgpolicy images deployment/none -n shop
    Stays at 7.2: not automated
      kubectl imgpolicy automate deployment/cache -n shop
    Stays at 1.2.3@sha256:0123456: not automated
      kubectl imgpolicy automate deployment/pinned -n shop
    Stays at @sha256:0123456: not automated
      kubectl imgpolicy automate deployment/digest -n shop
    Stays at an untagged image: not automated
      kubectl imgpolicy automate deployment/untagged -n shop
    Stays at 1.2.3: not automated
      kubectl imgpolicy automate deployment/hint -n shop
    Stays at 1: ignored
      
    Undecided, so it stays at 2.1.0: fluxcd.io/tag.app: "semver:~~" is no range (invalid-policy)
      kubectl imgpolicy images registry.example.com/team/app:2.1.0
    Undecided, so it stays at 2.1.0: registry.example.com: connection timed out (registry-unreachable)
      
    Undecided, so it stays at 2.1.0: registry.example.com refuses the credentials (unauthorized)
      docker login registry.example.com
    Undecided, so it stays at My App:1: a repository name must be lower-case (unparsable-image)
    "#);
}

#[test]
fn next_command_uses_the_same_cluster_and_images() {
    let flags = RepeatedFlags {
        client: ["--context", "staging cluster"].map(str::to_owned).to_vec(),
        registry: ["--oci-layout", "layouts"].map(str::to_owned).to_vec(),
        pull_secrets: vec!["--pull-secrets=off".to_owned()],
        files: ["-f", "my apps", "-R"].map(str::to_owned).to_vec(),
    };
    let step = |row: &Row| next_step(&explained(row, &seed_examination()), &flags).expect("a step");
    assert_eq!(
        step(&seed()),
        "kubectl imgpolicy update deployment/web -n shop --context 'staging cluster' -c app \
         --oci-layout layouts --pull-secrets=off"
    );
    let mut current = seed();
    current.decision.reason = Reason::UpToDate;
    assert_eq!(
        step(&current),
        "kubectl imgpolicy images deployment/web -n shop --context 'staging cluster' \
         --oci-layout layouts --pull-secrets=off"
    );
    let mut file = seed();
    file.source = Some(ManifestSource {
        file: "web.yaml".to_owned(),
        line: 7,
    });
    assert_eq!(
        step(&file),
        "kubectl imgpolicy update deployment/web -f 'my apps' -R -c app --oci-layout layouts \
         --pull-secrets=off"
    );
}

#[test]
fn update_that_is_refused_is_not_announced_and_no_command_is_suggested() {
    let row = seed();
    let examination = seed_examination();
    let explained = Explained {
        prevented_by: Some("Kustomization flux-system/apps reverts it"),
        ..explained(&row, &examination)
    };
    assert_eq!(
        sentence(explained.row, explained.prevented_by),
        "Stays at 1.0.0, although 1.0.1 is elected (1.0.1 is the highest of 2 tags that match \
         semver:~1.0), because an update is refused: Kustomization flux-system/apps reverts it"
    );
    assert_eq!(next_step(&explained, &RepeatedFlags::default()), None);
}

#[test]
fn suggested_automation_replaces_a_value_only_if_it_must() {
    let rows = every_kind();
    let manual = rows
        .iter()
        .find(|row| row.decision.reason == Reason::Manual);
    let examination = seed_examination();
    for (automation, expected) in [
        (Automation::Possible, Some("deployment/cache -n shop")),
        (
            Automation::Overwrites,
            Some("deployment/cache -n shop --overwrite"),
        ),
        (Automation::Refused, None),
    ] {
        let explained = Explained {
            automation,
            ..explained(manual.expect("a manual row"), &examination)
        };
        let expected = expected.map(|words| format!("kubectl imgpolicy automate {words}"));
        assert_eq!(next_step(&explained, &RepeatedFlags::default()), expected);
    }
}
