//! The tables of `images`.

use kubectl_imgpolicy::evaluator::{Candidate, Row};
use kubectl_imgpolicy::output::{
    ImageUse, ImageUser, Style, TableOptions, image_tags, images_table,
};
use kubectl_imgpolicy::policy::Rejection;
use kubectl_imgpolicy::workload::ContainerType;

use super::builder::{every_kind, now, row, seed, time};
use super::tags::{examination, passing, rejected, seed_examination};

fn uses() -> Vec<ImageUse> {
    let mut uses: Vec<ImageUse> = every_kind().iter().map(ImageUse::from).collect();
    uses.push(ImageUse {
        image: "docker.io/org/my-app:1.0.0".to_owned(),
        user: ImageUser {
            namespace: "shop".to_owned(),
            kind: "Rollout".to_owned(),
            name: "canary".to_owned(),
            api_version: "argoproj.io/v1alpha1".to_owned(),
        },
        container: "app".to_owned(),
        container_type: ContainerType::Container,
        state: None,
        pods: Some(3),
        image_policies: Vec::new(),
    });
    uses
}

fn table(uses: &[ImageUse], namespaces: bool, width: Option<usize>) -> String {
    let options = TableOptions {
        namespaces,
        ..TableOptions::default()
    };
    images_table(
        uses,
        &options,
        &Style {
            colour: false,
            width,
        },
    )
}

#[test]
fn every_image_has_a_line() {
    insta::assert_snapshot!(table(&uses(), false, None), @"
    IMAGE                                    TAG                    WORKLOADS                                                 STATE
    My App:1                                 <none>                 deployment/typo                                           automated
    docker.io/org/my-app                     1.0.0                  deployment/web,rollout/canary                             automated
    nginx                                    <none>                 deployment/untagged                                       manual
    org/app                                  1.2.3@sha256:0123456   deployment/pinned                                         manual
    org/app                                  @sha256:0123456        deployment/digest                                         manual
    org/cart                                 1.4.0                  deployment/cart                                           locked
    org/hint                                 1.2.3                  deployment/hint                                           manual
    org/mail                                 7                      deployment/mail                                           locked
    org/none                                 1.0.0                  deployment/none                                           automated
    org/old                                  9.9.9                  deployment/old                                            automated
    org/skip                                 1                      deployment/skip                                           ignored
    org/web                                  1.25.3-alpine          deployment/alpine                                         automated
    redis                                    7.2                    deployment/cache                                          manual
    registry.example.com/team/app            2.1.0                  deployment/bad-policy,deployment/dead,deployment/secret   automated
    registry.example.com/team/payments-api   2.4.1                  deployment/api                                            automated
    ");
}

#[test]
fn images_with_namespaces_at_80_columns() {
    insta::assert_snapshot!(table(&uses()[..7], true, Some(80)), @"
    IMAGE                           TAG            WORKLOADS               STATE
    docker.io/org/my-app            1.0.0          shop/deployment/web     automated
    org/cart                        1.4.0          shop/deployment/cart    locked
    org/mail                        7              shop/deployment/mail    locked
    org/none                        1.0.0          shop/deployment/none    automated
    org/old                         9.9.9          shop/deployment/old     automated
    org/web                         1.25.3-alpine  shop/deployment/alpine  automated
    registry.examp…am/payments-api  2.4.1          shop/deployment/api     automated
    ");
}

#[test]
fn workloads_are_counted_if_room_is_short() {
    let rows: Vec<Row> = (0..40)
        .map(|n| row(&format!("web-{n}"), "app", "org/app:1.0.0").build())
        .collect();
    let uses: Vec<ImageUse> = rows.iter().map(ImageUse::from).collect();
    insta::assert_snapshot!(table(&uses, false, Some(40)), @"
    IMAGE    TAG    WORKLOADS     STATE
    org/app  1.0.0  40 workloads  manual
    ");
}

#[test]
fn tag_without_build_time_shows_its_push_time() {
    let old = Candidate {
        pushed: Some(time("2026-09-01T12:00:00Z")),
        ..rejected("0.9.0", Rejection::OlderByPushTime)
    };
    let funnel = [(Rejection::OlderByPushTime, 1)];
    let examination = examination(&seed(), 2, &funnel, vec![passing("1.0.0", 1), old]);
    let style = Style::columns(80);
    insta::assert_snapshot!(image_tags(&seed().image, &examination, now(), 4, true, &style), @"
    docker.io/org/my-app: 2 tags, semver:~1.0 in semver order

    CURRENT   TAG     VERDICT    CREATED                   AGE
              1.0.0   elected    <none>                    <none>
              0.9.0   rejected   pushed 2026-09-01 12:00   81d
    ");
}

#[test]
fn tags_of_an_image_have_dates() {
    let style = Style::columns(80);
    insta::assert_snapshot!(image_tags(&seed().image, &seed_examination(), now(), 4, true, &style), @"
    docker.io/org/my-app: 1,204 tags, semver:~1.0 in semver order

    CURRENT   TAG      VERDICT    CREATED            AGE
              1.0.1    elected    2026-11-20 12:00   24h
    *         1.0.0    accepted   2026-10-01 12:00   51d
              1.0.2    rejected   2026-11-21 11:00   60m
              latest   rejected   <none>             <none>
    2 more tags; --limit 0 shows all
    ");
}
