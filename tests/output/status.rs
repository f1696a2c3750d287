//! The table of `status`.

use std::time::Instant;

use kubectl_imgpolicy::evaluator::{Reason, Row};
use kubectl_imgpolicy::output::{Column, Style, TableOptions, closing_lines, names, status_table};
use kubectl_imgpolicy::policy::{Closure, WarningCode};
use kubectl_imgpolicy::workload::WorkloadKind;

use super::builder::{assessment, every_kind, now, row, seed};

fn table(rows: &[Row], style: Style) -> String {
    status_table(rows, now(), &TableOptions::default(), &style)
}

fn with(rows: &[Row], options: TableOptions, style: Style) -> String {
    status_table(rows, now(), &options, &style)
}

#[test]
fn single_container_is_one_line() {
    insta::assert_snapshot!(table(&[seed()], Style::PIPED), @"
    WORKLOAD         CONTAINER   STATE       POLICY        CURRENT   UPDATE   WHY
    deployment/web   app         automated   semver:~1.0   1.0.0     1.0.1    <none>
    ");
}

#[test]
fn waiting_update_shows_until_when_and_why() {
    let mut row = seed();
    row.decision.reason = Reason::WaitingForWindow;
    row.decision.outcome = Reason::WaitingForWindow.outcome();
    row.decision.closure = Some(Closure {
        until: Some("2026-11-23T08:00:00Z".parse().expect("a time")),
        message: "outside the window Mon 09:00-16:00 Europe/Berlin".to_owned(),
    });
    insta::assert_snapshot!(table(&[row], Style::PIPED), @"
    WORKLOAD         CONTAINER   STATE       POLICY        CURRENT   UPDATE   WHY
    deployment/web   app         automated   semver:~1.0   1.0.0     1.0.1    waiting-for-window: until 2026-11-23 08:00 UTC, outside the window Mon 09:00-16:00 Europe/Berlin
    ");
}

#[test]
fn pipe_gets_the_full_table() {
    insta::assert_snapshot!(table(&every_kind(), Style::PIPED), @r#"
    WORKLOAD                CONTAINER   STATE       POLICY         CURRENT                UPDATE    WHY
    deployment/web          app         automated   semver:~1.0    1.0.0                  1.0.1     <none>
    deployment/api          api         automated   semver:^2      2.4.1                  <none>    up-to-date
    deployment/cart         cart        locked      semver:~1      1.4.0                  1.5.0     locked by alice: release freeze until Monday
    deployment/mail         mail        locked      glob:*         7                      <none>    locked
    deployment/old          app         automated   semver:^9      9.9.9                  <none>    downgrade: 9.1.0 is elected and lower than 9.9.9
    deployment/alpine       app         automated   semver:~1.25   1.25.3-alpine          <none>    variant-change: 1.25.4 is elected, and -alpine runs
    deployment/none         app         automated   semver:^7      1.0.0                  <none>    no-matching-tag: none of 12 tags matches semver:^7
    deployment/cache        redis       manual      <none>         7.2                    <none>    <none>
    deployment/pinned       app         manual      semver:^1      1.2.3@sha256:0123456   <none>    <none>
    deployment/digest       app         manual      <none>         @sha256:0123456        <none>    <none>
    deployment/untagged     app         manual      <none>         <none>                 <none>    <none>
    deployment/hint         app         manual      <none>         1.2.3                  (1.3.0)   <none>
    deployment/skip         app         ignored     <none>         1                      <none>    ignored
    deployment/bad-policy   app         automated   semver:^2      2.1.0                  <none>    invalid-policy: fluxcd.io/tag.app: "semver:~~" is no range
    deployment/dead         app         automated   semver:^2      2.1.0                  <none>    registry-unreachable: registry.example.com: connection timed out
    deployment/secret       app         automated   semver:^2      2.1.0                  <none>    unauthorized: registry.example.com refuses the credentials
    deployment/typo         app         automated   <none>         My App:1               <none>    unparsable-image: a repository name must be lower-case
    "#);
}

#[test]
fn colours_only_repeat_the_words() {
    let style = Style {
        colour: true,
        width: Some(100),
    };
    let kinds = every_kind();
    let rows = [&kinds[0], &kinds[2], &kinds[7], &kinds[13]].map(Clone::clone);
    let painted = table(&rows, style);
    insta::assert_snapshot!(painted.replace('\u{1b}', "^"), @"
    WORKLOAD               CONTAINER  STATE      POLICY       CURRENT  UPDATE  WHY
    deployment/web         app        automated  semver:~1.0  1.0.0    ^[32m^[1m1.0.1^[0m   <none>
    deployment/cart        cart       ^[33mlocked^[0m     semver:~1    1.4.0    1.5.0   ^[33mlocked by alice: release…^[0m
    ^[2mdeployment/cache^[0m       ^[2mredis^[0m      ^[2mmanual^[0m     ^[2m<none>^[0m       ^[2m7.2^[0m      ^[2m<none>^[0m  ^[2m<none>^[0m
    deployment/bad-policy  app        automated  semver:^2    2.1.0    <none>  ^[31minvalid-policy: fluxcd.i…^[0m
    ");
    let bare = table(&rows, Style::columns(100));
    assert_eq!(without_colours(&painted), bare);
}

fn without_colours(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.split_once('m').map_or("", |(_, shown)| shown)
    })
}

#[test]
fn wide_table_has_more_columns_and_is_never_cut() {
    let rows = [
        row("web", "app", "docker.io/org/my-app:1.0.0")
            .policy("semver:~1.0")
            .automated(Reason::UpToDate, "")
            .managed_by("Kustomization", "flux-system", "apps")
            .warning(WarningCode::Major, "2.0.0 is a new major")
            .warning(WarningCode::OtherUpdater, "keel updates this too")
            .facts()
            .build(),
        row("cache", "redis", "redis:7.2").build(),
    ];
    let options = TableOptions {
        wide: true,
        namespaces: true,
        ..TableOptions::default()
    };
    let wide = with(&rows, options, Style::PIPED);
    insta::assert_snapshot!(wide, @"
    NAMESPACE   WORKLOAD           CONTAINER   STATE       POLICY        CURRENT   UPDATE   WHY          IMAGE                  CREATED   MANAGED-BY                       ORIGIN                         WARNINGS
    shop        deployment/web     app         automated   semver:~1.0   1.0.0     <none>   up-to-date   docker.io/org/my-app   51d       Kustomization flux-system/apps   annotation fluxcd.io/tag.app   major,other-updater
    shop        deployment/cache   redis       manual      <none>        7.2       <none>   <none>       redis                  <none>    <none>                           <none>                         <none>
    ");
    assert!(wide.lines().all(|line| !line.contains('…')));
    assert_eq!(
        with(&rows, options, Style::columns(80))
            .split_whitespace()
            .collect::<Vec<_>>(),
        wide.split_whitespace().collect::<Vec<_>>()
    );
}

#[test]
fn headings_can_be_omitted() {
    let options = TableOptions {
        no_headings: true,
        ..TableOptions::default()
    };
    insta::assert_snapshot!(with(&[seed()], options, Style::PIPED), @"deployment/web   app   automated   semver:~1.0   1.0.0   1.0.1   <none>");
    assert_eq!(with(&[], options, Style::columns(80)), "");
}

#[test]
fn empty_table_has_headings() {
    insta::assert_snapshot!(table(&[], Style::columns(80)), @"WORKLOAD   CONTAINER   STATE   POLICY   CURRENT   UPDATE   WHY");
}

#[test]
fn rows_can_be_sorted_by_any_column() {
    let mut rows = every_kind();
    rows.extend([
        row("b", "app", "org/b:1.10.0").build(),
        row("a", "app", "org/a:1.9.0").facts().build(),
    ]);
    for column in Column::ALL {
        let options = TableOptions {
            sort_by: Some(*column),
            wide: true,
            git: true,
            namespaces: true,
            no_headings: true,
        };
        let text = with(&rows, options, Style::PIPED);
        assert_eq!(text.lines().count(), rows.len(), "{column}");
        let lines: Vec<&str> = text.lines().collect();
        let mut sorted = rows.clone();
        // Sorting again changes nothing, regardless of the previous order.
        sorted.reverse();
        let again = with(&sorted, options, Style::PIPED);
        let mut a: Vec<&str> = again.lines().collect();
        let mut b = lines.clone();
        a.sort_unstable();
        b.sort_unstable();
        assert_eq!(a, b, "{column}");
    }
    let options = TableOptions {
        sort_by: Some(Column::Current),
        no_headings: true,
        ..TableOptions::default()
    };
    let text = with(&rows, options, Style::PIPED);
    let current: Vec<&str> = text
        .lines()
        .filter_map(|line| {
            line.split("   ")
                .map(str::trim)
                .filter(|c| !c.is_empty())
                .nth(4)
        })
        .collect();
    assert_eq!(
        current,
        [
            "1",
            "1.0.0",
            "1.0.0",
            "1.2.3",
            "1.2.3@sha256:0123456",
            "1.4.0",
            "1.9.0",
            "1.10.0",
            "1.25.3-alpine",
            "2.1.0",
            "2.1.0",
            "2.1.0",
            "2.4.1",
            "7",
            "7.2",
            "9.9.9",
            "@sha256:0123456",
            "My App:1",
            "<none>"
        ]
    );
}

#[test]
fn workload_is_listed_once() {
    let rows = [
        row("web", "app", "a:1").build(),
        row("web", "sidecar", "b:1").build(),
        row("job", "app", "b:1")
            .kind(WorkloadKind::CronJob, "batch/v1")
            .build(),
        row("web", "app", "a:1").namespace("other").build(),
    ];
    assert_eq!(
        names(&rows),
        "deployment.apps/web\ncronjob.batch/job\ndeployment.apps/web\n"
    );
}

#[test]
fn names_in_other_scripts_keep_columns_aligned() {
    let rows = [
        row("日本語の名前", "größe", "org/app:1").build(),
        row("web", "app", "org/app:1.0.0")
            .automated(Reason::InvalidPolicy, "日本語")
            .policy("glob:日*")
            .build(),
    ];
    insta::assert_snapshot!(table(&rows, Style::PIPED), @"
    WORKLOAD                  CONTAINER   STATE       POLICY     CURRENT   UPDATE   WHY
    deployment/日本語の名前   größe       manual      <none>     1         <none>   <none>
    deployment/web            app         automated   glob:日*   1.0.0     <none>   invalid-policy: 日本語
    ");
    insta::assert_snapshot!(table(&rows, Style::columns(60)), @"
    WORKLOAD          STATE      CURRENT  UPDATE  WHY
    deploy/…語の名前  manual     1        <none>  <none>
    deploy/web        automated  1.0.0    <none>  invalid-policy
    ");
}

#[test]
fn untrusted_text_cannot_control_the_terminal() {
    let rows = [row("web", "app", "org/app:1.0.0")
        .policy("glob:\u{1b}[2J\u{202e}*")
        .locked("mallory\u{7}", "first\nsecond\r\n\u{9b}31mthird")
        .build()];
    insta::assert_snapshot!(table(&rows, Style::PIPED), @"
    WORKLOAD         CONTAINER   STATE    POLICY      CURRENT   UPDATE   WHY
    deployment/web   app         locked   glob:[2J*   1.0.0     <none>   locked by mallory: first second 31mthird
    ");
}

#[test]
fn closing_lines_count_everything_in_scope() {
    let mut all = assessment(every_kind());
    all.uncovered = vec![("Rollout".to_owned(), 12)];
    all.notes = vec!["used 3 pull secrets from 2 namespaces".to_owned()];
    all.partial = true;
    insta::assert_snapshot!(closing_lines(&all).join("\n"), @"
    used 3 pull secrets from 2 namespaces
    partial: the scan was stopped; only the decisions made so far are shown
    17 containers: 9 automated (1 update), 2 locked (1 behind), 1 ignored, 5 manual, 4 undecided
    not covered: 12 Pods of Rollout
    ");
}

#[test]
fn a_thousand_rows_are_fast() {
    let mut rows = Vec::new();
    while rows.len() < 1000 {
        rows.extend(every_kind());
    }
    let started = Instant::now();
    let text = table(&rows, Style::columns(80));
    assert!(text.lines().count() > 1000);
    // About 0.2 s without optimisation; the rest allows for a busy machine.
    assert!(started.elapsed().as_secs() < 3, "{:?}", started.elapsed());
}
