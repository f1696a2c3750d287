//! The table of `status` in narrow terminals.

use kubectl_imgpolicy::evaluator::{Reason, Row};
use kubectl_imgpolicy::output::{Style, TableOptions, status_table};

use super::builder::{every_kind, now, row};

fn table(rows: &[Row], style: Style) -> String {
    status_table(rows, now(), &TableOptions::default(), &style)
}

#[test]
fn at_160_columns() {
    insta::assert_snapshot!(table(&every_kind(), Style::columns(160)), @r#"
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
fn at_100_columns() {
    insta::assert_snapshot!(table(&every_kind(), Style::columns(100)), @"
    WORKLOAD           CONTAINER  STATE      POLICY        CURRENT        UPDATE   WHY
    deploy/web         app        automated  semver:~1.0   1.0.0          1.0.1    <none>
    deploy/api         api        automated  semver:^2     2.4.1          <none>   up-to-date
    deploy/cart        cart       locked     semver:~1     1.4.0          1.5.0    locked by alice: rel…
    deploy/mail        mail       locked     glob:*        7              <none>   locked
    deploy/old         app        automated  semver:^9     9.9.9          <none>   downgrade: 9.1.0 is …
    deploy/alpine      app        automated  semver:~1.25  1.25.3-alpine  <none>   variant-change: 1.25…
    deploy/none        app        automated  semver:^7     1.0.0          <none>   no-matching-tag: non…
    deploy/cache       redis      manual     <none>        7.2            <none>   <none>
    deploy/pinned      app        manual     semver:^1     1.2.3@…        <none>   <none>
    deploy/digest      app        manual     <none>        @0123456       <none>   <none>
    deploy/untagged    app        manual     <none>        <none>         <none>   <none>
    deploy/hint        app        manual     <none>        1.2.3          (1.3.0)  <none>
    deploy/skip        app        ignored    <none>        1              <none>   ignored
    deploy/bad-policy  app        automated  semver:^2     2.1.0          <none>   invalid-policy: flux…
    deploy/dead        app        automated  semver:^2     2.1.0          <none>   registry-unreachable
    deploy/secret      app        automated  semver:^2     2.1.0          <none>   unauthorized: regist…
    deploy/typo        app        automated  <none>        My App:1       <none>   unparsable-image
    ");
}

#[test]
fn at_80_columns() {
    insta::assert_snapshot!(table(&every_kind(), Style::columns(80)), @"
    WORKLOAD      CONTAI…  STATE      POLICY  CURRENT  UPDATE   WHY
    deploy/web    app      automated  semve…  1.0.0    1.0.1    <none>
    deploy/api    api      automated  semve…  2.4.1    <none>   up-to-date
    deploy/cart   cart     locked     semve…  1.4.0    1.5.0    locked by alice: re…
    deploy/mail   mail     locked     glob:*  7        <none>   locked
    deploy/old    app      automated  semve…  9.9.9    <none>   downgrade: 9.1.0 is…
    deplo…alpine  app      automated  semve…  1.2…ine  <none>   variant-change: 1.2…
    deploy/none   app      automated  semve…  1.0.0    <none>   no-matching-tag
    deploy/cache  redis    manual     <none>  7.2      <none>   <none>
    deplo…pinned  app      manual     semve…  1.2.3@…  <none>   <none>
    deplo…digest  app      manual     <none>  @01…456  <none>   <none>
    deplo…tagged  app      manual     <none>  <none>   <none>   <none>
    deploy/hint   app      manual     <none>  1.2.3    (1.3.0)  <none>
    deploy/skip   app      ignored    <none>  1        <none>   ignored
    deplo…policy  app      automated  semve…  2.1.0    <none>   invalid-policy: flu…
    deploy/dead   app      automated  semve…  2.1.0    <none>   registry-unreachable
    deplo…secret  app      automated  semve…  2.1.0    <none>   unauthorized: regis…
    deploy/typo   app      automated  <none>  My …p:1  <none>   unparsable-image
    ");
}

#[test]
fn at_60_columns() {
    insta::assert_snapshot!(table(&every_kind(), Style::columns(60)), @"
    WORKLOAD          CURRENT      UPDATE   WHY
    deploy/web        1.0.0        1.0.1    <none>
    deploy/api        2.4.1        <none>   up-to-date
    deploy/cart       1.4.0        1.5.0    locked by alice: re…
    deploy/mail       7            <none>   locked
    deploy/old        9.9.9        <none>   downgrade: 9.1.0 is…
    deploy/alpine     1.25.…lpine  <none>   variant-change: 1.2…
    deploy/none       1.0.0        <none>   no-matching-tag
    deploy/cache      7.2          <none>   <none>
    deploy/pinned     1.2.3@…      <none>   <none>
    deploy/digest     @0123456     <none>   <none>
    deploy/untagged   <none>       <none>   <none>
    deploy/hint       1.2.3        (1.3.0)  <none>
    deploy/skip       1            <none>   ignored
    deploy/…d-policy  2.1.0        <none>   invalid-policy: flu…
    deploy/dead       2.1.0        <none>   registry-unreachable
    deploy/secret     2.1.0        <none>   unauthorized: regis…
    deploy/typo       My App:1     <none>   unparsable-image
    ");
}

#[test]
fn at_40_columns() {
    insta::assert_snapshot!(table(&every_kind(), Style::columns(40)), @"
    WORKLOAD    UPDATE  WHY
    deploy/web  1.0.1   <none>
    deploy/api  <none>  up-to-date
    depl…/cart  1.5.0   locked by alice: re…
    depl…/mail  <none>  locked
    deploy/old  <none>  downgrade: 9.1.0 is…
    depl…lpine  <none>  variant-change: 1.2…
    depl…/none  <none>  no-matching-tag
    depl…cache  <none>  <none>
    depl…inned  <none>  <none>
    depl…igest  <none>  <none>
    depl…agged  <none>  <none>
    depl…/hint  (1….0)  <none>
    depl…/skip  <none>  ignored
    depl…olicy  <none>  invalid-policy: flu…
    depl…/dead  <none>  registry-unreachable
    depl…ecret  <none>  unauthorized: regis…
    depl…/typo  <none>  unparsable-image
    ");
}

#[test]
fn without_problems_the_reasons_are_removed_first() {
    let rows = &every_kind()[..5];
    insta::assert_snapshot!(table(rows, Style::columns(80)), @"
    WORKLOAD         CONTAINER  STATE      POLICY       CURRENT  UPDATE  WHY
    deployment/web   app        automated  semver:~1.0  1.0.0    1.0.1   <none>
    deployment/api   api        automated  semver:^2    2.4.1    <none>  up-to-date
    deployment/cart  cart       locked     semver:~1    1.4.0    1.5.0   locked
    deployment/mail  mail       locked     glob:*       7        <none>  locked
    deployment/old   app        automated  semver:^9    9.9.9    <none>  downgrade
    ");
    insta::assert_snapshot!(table(rows, Style::columns(60)), @"
    WORKLOAD     CONTAINER  STATE      POLICY    CURRENT  UPDATE
    deploy/web   app        automated  semver:…  1.0.0    1.0.1
    deploy/api   api        automated  semver:…  2.4.1    <none>
    deploy/cart  cart       locked     semver:…  1.4.0    1.5.0
    deploy/mail  mail       locked     glob:*    7        <none>
    deploy/old   app        automated  semver:…  9.9.9    <none>
    ");
    insta::assert_snapshot!(table(rows, Style::columns(40)), @"
    WORKLOAD     STATE      CURRENT  UPDATE
    deploy/web   automated  1.0.0    1.0.1
    deploy/api   automated  2.4.1    <none>
    deploy/cart  locked     1.4.0    1.5.0
    deploy/mail  locked     7        <none>
    deploy/old   automated  9.9.9    <none>
    ");
}

#[test]
fn all_namespaces_at_80_columns() {
    let options = TableOptions {
        namespaces: true,
        ..TableOptions::default()
    };
    let rows: Vec<Row> = every_kind().into_iter().take(9).collect();
    insta::assert_snapshot!(status_table(&rows, now(), &options, &Style::columns(80)), @"
    NAMESPACE  WORKLOAD       CONTAINER  STATE      POLICY     CURRENT        UPDATE
    shop       deploy/web     app        automated  semver:~…  1.0.0          1.0.1
    shop       deploy/api     api        automated  semver:^2  2.4.1          <none>
    shop       deploy/cart    cart       locked     semver:~1  1.4.0          1.5.0
    shop       deploy/mail    mail       locked     glob:*     7              <none>
    shop       deploy/old     app        automated  semver:^9  9.9.9          <none>
    shop       deploy/alpine  app        automated  semver:~…  1.25.3-alpine  <none>
    shop       deploy/none    app        automated  semver:^7  1.0.0          <none>
    shop       deploy/cache   redis      manual     <none>     7.2            <none>
    shop       deploy/pinned  app        manual     semver:^1  1.2.3@…        <none>
    ");
}

#[test]
fn long_names_are_cut_in_the_middle() {
    let rows = [
        row(
            "payments-reconciliation-worker-europe",
            "reconciliation-worker",
            "org/app:release-2026-11-21-deadbeefcafe",
        )
        .policy("regex:^release-[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9a-f]+$")
        .automated(Reason::NewerImage, "")
        .newer("org/app:release-2026-11-22-0123456789ab")
        .build(),
        row("web", "app", "org/app:1.0.0").build(),
    ];
    insta::assert_snapshot!(table(&rows, Style::columns(100)), @"
    WORKLOAD          CONTAINER  STATE      POLICY    CURRENT                   UPDATE
    deploy/…r-europe  reco…rker  automated  regex:^…  release-202…deadbeefcafe  release-202…0123456789ab
    deploy/web        app        manual     <none>    1.0.0                     <none>
    ");
    insta::assert_snapshot!(table(&rows, Style::columns(80)), @"
    WORKLOAD          CONTAINER  STATE      POLICY    CURRENT         UPDATE
    deploy/…r-europe  reco…rker  automated  regex:^…  releas…eefcafe  releas…56789ab
    deploy/web        app        manual     <none>    1.0.0           <none>
    ");
}
