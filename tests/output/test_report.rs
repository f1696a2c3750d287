//! The report of `test`.

use kubectl_imgpolicy::evaluator::Reason;
use kubectl_imgpolicy::output::{Style, test_report};
use kubectl_imgpolicy::policy::Rejection;

use super::builder::{now, row};
use super::tags::{examination, rejected, seed_examination};

#[test]
fn policy_is_tested_without_a_workload() {
    let text = |width| {
        let style = Style {
            colour: false,
            width,
        };
        test_report("org/my-app", &seed_examination(), now(), 0, &style)
    };
    insta::assert_snapshot!(text(None), @"
    org/my-app: 1.0.1 is the highest of 2 tags that match semver:~1.0

    TAG          VERDICT    RANK     AGE      REASON
    1.0.1        elected    1        24h      <none>
    1.0.0        accepted   2        51d      <none>
    1.0.2        rejected   <none>   60m      is younger than the minimum age, eligible in 2d
    latest       rejected   <none>   <none>   is a moving tag and never elected
    1.2.0        rejected   <none>   <none>   lies outside the range
    1.1.0-rc.1   rejected   <none>   <none>   is a pre-release, which the range does not ask for
    ");
    insta::assert_snapshot!(text(Some(60)), @"
    org/my-app: 1.0.1 is the highest of 2 tags that match
      semver:~1.0

    TAG         VERDICT   RANK    AGE     REASON
    1.0.1       elected   1       24h     <none>
    1.0.0       accepted  2       51d     <none>
    1.0.2       rejected  <none>  60m     too-young
    latest      rejected  <none>  <none>  latest
    1.2.0       rejected  <none>  <none>  lies outside the range
    1.1.0-rc.1  rejected  <none>  <none>  pre-release
    ");
}

#[test]
fn policy_may_elect_no_tag() {
    let nothing = row("web", "app", "org/app")
        .automated(Reason::NoMatchingTag, "none of 1 tag matches semver:^7")
        .build();
    let examination = examination(
        &nothing,
        1,
        &[(Rejection::OutOfRange, 0)],
        vec![rejected("1.0.0", Rejection::OutOfRange)],
    );
    insta::assert_snapshot!(test_report("org/app", &examination, now(), 10, &Style::PIPED), @"
    org/app: no tag is elected: none of 1 tag matches semver:^7

    TAG     VERDICT    RANK     REASON
    1.0.0   rejected   <none>   lies outside the range
    ");
}

#[test]
fn undecided_test_states_the_reason() {
    let dead = row("web", "app", "org/app")
        .automated(Reason::RegistryUnreachable, "connection refused")
        .build();
    let examination = examination(&dead, 0, &[], Vec::new());
    insta::assert_snapshot!(test_report("org/app", &examination, now(), 10, &Style::PIPED), @"org/app: undecided: connection refused (registry-unreachable)");
}
