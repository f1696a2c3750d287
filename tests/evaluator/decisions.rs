//! Product decisions 1 to 4, 6 and 8: what is elected, and what never is.

use kubectl_imgpolicy::policy::WarningCode;

use crate::support::oracle::{built, image};
use crate::support::scenario::{Judged, Scenario};

#[test]
fn invalid_policy_elects_nothing_and_requests_nothing() {
    for policy in [
        "semver:",
        "semver:not a range",
        "semver:==1",
        "regex:(",
        "regexp:(?=look)",
        "alphabetical:up",
        "numerical:",
        "digest:sha256:beef",
        "digest:",
    ] {
        let judged = Scenario::following(policy, "org/app:1.0.0")
            .tags(&["1.0.0", "1.0.1"])
            .decide("app");
        assert_eq!(judged.says(), "unknown invalid-policy -", "{policy}");
        assert!(judged.message.starts_with("annotation fluxcd.io/tag.app: "));
        assert_eq!(judged.asked(), [""; 0]);
        let summary = judged.policy.clone().expect("a policy");
        assert_eq!(summary.filter, policy, "as written");
    }
}

#[test]
fn lower_tag_is_not_elected_without_an_override() {
    for (policy, running, lower) in [
        ("semver:~1.0", "1.2.0", "1.0.9"),
        ("semver:<1.2.0", "1.2.0-rc.1", "1.1.0"),
        ("alphabetical", "b", "a"),
        ("alphabetical:desc", "a", "b"),
        ("numerical", "10", "9"),
        ("numerical:desc", "9", "10"),
    ] {
        let scenario = Scenario::following(policy, &format!("org/app:{running}"));
        // The running tag is gone, so the lower one is the best remaining tag.
        let judged = scenario.tags(&[lower]).decide("app");
        assert_eq!(judged.says(), format!("keep downgrade {lower}"), "{policy}");
    }
}

#[test]
fn older_image_is_not_elected_without_an_override() {
    let judged = Scenario::following("glob:dev-*", "org/app:main-7")
        .image("main-7", built("2026-01-02"))
        .image("dev-1", built("2026-01-01"))
        .decide("app");
    assert_eq!(judged.says(), "keep downgrade dev-1");
    assert_eq!(
        judged.message,
        "dev-1 is the only tag that matches glob:dev-*, and older than the running main-7"
    );
}

#[test]
fn flag_or_annotation_allows_a_downgrade() {
    let scenario = Scenario::following("semver:~1.0", "org/app:1.2.0").tags(&["1.0.9", "1.2.0"]);
    let flag = scenario.clone().settings(|s| s.allow_downgrade = true);
    assert_eq!(flag.decide("app").says(), "update newer-image 1.0.9");
    let annotation = scenario.annotation("imgpolicy.dev/allow-downgrade", "true");
    assert_eq!(annotation.decide("app").says(), "update newer-image 1.0.9");

    let by_time = Scenario::following("glob:dev-*", "org/app:main-7")
        .image("main-7", built("2026-01-02"))
        .image("dev-1", built("2026-01-01"))
        .settings(|s| s.allow_downgrade = true);
    assert_eq!(by_time.decide("app").says(), "update newer-image dev-1");
}

#[test]
fn exact_pin_may_downgrade() {
    for policy in ["glob:1.0.0", "1.0.0", "semver:1.0.0", "semver:=1.0.0"] {
        let judged = Scenario::following(policy, "org/app:1.2.0")
            .image("1.0.0", built("2026-01-01"))
            .image("1.2.0", built("2026-01-02"))
            .decide("app");
        assert_eq!(judged.says(), "update newer-image 1.0.0", "{policy}");
    }
}

#[test]
fn pin_matching_several_extracted_tags_elects_the_newest() {
    let judged = Scenario::following("glob:1.0", "org/app:1.0-a")
        .annotation("imgpolicy.dev/filter-tags.app", "^(?P<v>1.0)-[a-z]$")
        .annotation("imgpolicy.dev/extract.app", "$v")
        .image("1.0-a", built("2026-01-01"))
        .image("1.0-b", built("2026-01-03"))
        .image("1.0-c", built("2026-01-02"))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0-b");
}

#[test]
fn incomparable_tag_is_not_a_downgrade() {
    for (policy, running) in [
        ("semver:~1.0", ":latest"),
        ("semver:~1.0", ":LATEST"),
        ("semver:~1.0", ""),
        ("semver:~1.0", ":main"),
        ("semver:~1.0", ":9e3bdaf"),
        ("numerical", ":main"),
        ("numerical", ":latest"),
        ("alphabetical", ":latest"),
        ("alphabetical", ""),
    ] {
        let tag = if policy == "numerical" { "7" } else { "1.0.7" };
        let judged = Scenario::following(policy, &format!("org/app{running}"))
            .tags(&[tag, "latest", "main", "9e3bdaf"])
            .annotation("imgpolicy.dev/ignore-tags.app", r#"["^[m9]"]"#)
            .decide("app");
        let expected = format!("update newer-image {tag}");
        assert_eq!(judged.says(), expected, "{policy} {running}");
    }
}

#[test]
fn running_latest_never_counts_as_newer() {
    for running in ["org/app:latest", "org/app"] {
        let judged = Scenario::following("glob:dev-*", running)
            .nodes(&["linux/amd64"])
            .image("latest", built("2026-06-01"))
            .image("dev-1", built("2026-01-01"))
            .image("dev-2", built("2026-01-02"))
            .decide("app");
        assert_eq!(judged.says(), "update newer-image dev-2", "{running}");
        let expected = ["tags", "created dev-1", "created dev-2", "platforms dev-2"];
        assert_eq!(judged.asked(), expected);
    }
}

#[test]
fn whole_tag_is_not_compared_with_extracted_texts() {
    let judged = Scenario::following("alphabetical", "org/app:v1.0")
        .annotation("imgpolicy.dev/filter-tags.app", "^main-(?P<day>[0-9]+)$")
        .annotation("imgpolicy.dev/extract.app", "$day")
        .tags(&["v1.0", "main-20260101"])
        .decide("app");
    assert_eq!(judged.says(), "update newer-image main-20260101");
}

#[test]
fn latest_is_never_elected() {
    for policy in [
        "glob:*",
        "glob:latest",
        "regex:^l",
        "alphabetical",
        "glob:LATEST",
    ] {
        let judged = Scenario::following(policy, "org/app:LATEST")
            .image("latest", built("2026-01-02"))
            .image("LATEST", built("2026-01-01"))
            .decide("app");
        assert_eq!(judged.says(), "keep no-matching-tag -", "{policy}");
        assert_eq!(judged.warns(), "mutable-tag", "{policy}");
    }
}

#[test]
fn policy_moves_latest_to_an_immutable_tag() {
    let judged = Scenario::following("semver:*", "org/app:latest")
        .tags(&["1.0.0", "latest"])
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.0");
    assert_eq!(judged.warns(), "mutable-tag");
}

#[test]
fn mutable_tag_gives_a_warning_without_a_policy() {
    for (image, warns) in [
        ("org/app:latest", "mutable-tag"),
        ("org/app", "mutable-tag"),
        ("org/app:1.0.0", ""),
    ] {
        let judged = Scenario::deployment().container("app", image).decide("app");
        assert_eq!(judged.warns(), warns, "{image}");
        assert_eq!(judged.asked(), [""; 0]);
    }
}

#[test]
fn equal_tags_never_replace_each_other() {
    let v = Scenario::following("semver:*", "org/app:1.0.0").tags(&["1.0.0", "v1.0.0"]);
    let judged = v.decide("app");
    assert_eq!(
        judged.says(),
        "keep up-to-date 1.0.0",
        "the running tag is latest"
    );
    assert_eq!(
        judged.message,
        "v1.0.0 is the highest of 2 tags that match semver:*, and the same to this policy as \
         the running 1.0.0, which stays"
    );
    let time = Scenario::following("glob:*", "org/app:a")
        .image("a", built("2026-01-01"))
        .image("b", built("2026-01-01"));
    assert_eq!(time.decide("app").says(), "keep up-to-date a");
    let number = Scenario::following("numerical", "org/app:1").tags(&["1", "01", "1.0"]);
    assert_eq!(number.decide("app").says(), "keep up-to-date 1");
}

#[test]
fn ties_go_to_the_greater_bytes_also_in_descending_order() {
    for (policy, tags, elected) in [
        ("semver:*", ["1.0.0", "v1.0.0"], "v1.0.0"),
        ("numerical", ["01", "1"], "1"),
        ("numerical:desc", ["01", "1"], "1"),
    ] {
        let judged = Scenario::following(policy, "org/app:latest")
            .tags(&tags)
            .decide("app");
        assert_eq!(judged.elected(), elected, "{policy}");
    }
    for order in ["asc", "desc"] {
        let judged = Scenario::following(&format!("alphabetical:{order}"), "org/app:latest")
            .annotation("imgpolicy.dev/filter-tags.app", "^(x)-")
            .annotation("imgpolicy.dev/extract.app", "$1")
            .tags(&["x-a", "x-b"])
            .decide("app");
        assert_eq!(judged.elected(), "x-b", "{order}");
    }
    let time = Scenario::following("glob:*", "org/app:latest")
        .image("a", built("2026-01-01"))
        .image("b", built("2026-01-01"));
    assert_eq!(time.decide("app").elected(), "b");
}

#[test]
fn every_policy_type_elects_by_its_own_order() {
    for (policy, elected) in [
        ("semver:>=1.0", "10.0.0"),
        ("semver:^1.0", "1.10.0"),
        ("glob:1.*", "1.9.0"),
        ("1.*", "1.9.0"),
        ("regex:^1[.]9", "1.9.0"),
        ("regexp:0$", "1.9.0"),
        ("alphabetical", "7"),
        ("alphabetical:asc", "7"),
        ("alphabetical:desc", "1.10.0"),
        ("numerical", "7"),
        ("numerical:desc", "7"),
    ] {
        let judged = Scenario::following(policy, "org/app")
            .image("1.9.0", built("2026-01-03"))
            .image("1.10.0", built("2026-01-02"))
            .image("10.0.0", built("2026-01-01"))
            .image("7", built("2026-01-01"))
            .decide("app");
        assert_eq!(judged.elected(), elected, "{policy}");
    }
}

#[test]
fn short_versions_count_only_if_the_running_tag_has_as_many_parts() {
    for (running, elected) in [
        ("1.2.3", "1.3.0"),
        ("1.2", "2.5"),
        ("230", "20190523"),
        ("latest", "1.3.0"),
    ] {
        let judged = Scenario::following("semver:*", &format!("org/app:{running}"))
            .tags(&["1.3.0", "1.2.3", "1.2", "2.5", "230", "20190523"])
            .decide("app");
        assert_eq!(judged.elected(), elected, "{running}");
    }
}

fn among_pre_releases(policy: &str) -> Judged {
    Scenario::following(policy, "org/app:1.0.0")
        .tags(&["1.0.0", "1.1.0-rc.1", "1.1.0-alpine"])
        .decide("app")
}

#[test]
fn pre_release_counts_only_if_the_range_includes_one() {
    let judged = among_pre_releases("semver:^1.0");
    assert_eq!(judged.says(), "keep up-to-date 1.0.0");
    assert_eq!(judged.verdict("1.1.0-alpine"), "pre-release");
    assert_eq!(among_pre_releases("semver:^1.0-0").elected(), "1.1.0-rc.1");
}

#[test]
fn new_major_version_gives_a_warning() {
    let judged = Scenario::following("semver:*", "org/app:1.9.0")
        .tags(&["1.9.0", "2.0.0"])
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 2.0.0");
    let message = judged.warning(WarningCode::Major);
    assert_eq!(message, "1.9.0 → 2.0.0 is a new major version");
    let minor = Scenario::following("semver:*", "org/app:1.8.0").tags(&["1.9.0"]);
    assert_eq!(minor.decide("app").warns(), "running-tag-gone");
}

#[test]
fn missing_running_tag_allows_older_images_but_not_lower_versions() {
    let by_time =
        Scenario::following("glob:*", "org/app:2.0.0").image("1.0.0", built("2026-01-01"));
    let judged = by_time.decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.0");
    assert_eq!(
        judged.warning(WarningCode::RunningTagGone),
        "the running 2.0.0 is gone from the registry"
    );
    let by_version = Scenario::following("semver:*", "org/app:2.0.0").tags(&["1.0.0"]);
    assert_eq!(by_version.decide("app").says(), "keep downgrade 1.0.0");
    let by_number = Scenario::following("numerical", "org/app:20").tags(&["10"]);
    assert_eq!(by_number.decide("app").says(), "keep downgrade 10");
}

#[test]
fn listed_running_tag_without_a_manifest_counts_as_gone() {
    let judged = Scenario::following("glob:*", "org/app:2.0.0")
        .image("2.0.0", image().gone())
        .image("1.0.0", built("2026-01-01"))
        .decide("app");
    assert_eq!(judged.says(), "update newer-image 1.0.0");
}

#[test]
fn spelling_of_the_image_is_kept() {
    for name in [
        "app",
        "library/app",
        "docker.io/app",
        "index.docker.io/library/app",
        "registry-1.docker.io/library/app",
        "registry:5000/app",
        "localhost/app",
        "Quay.IO/acme/app",
    ] {
        let judged = Scenario::following("semver:*", &format!("{name}:1.0.0"))
            .tags(&["1.0.0", "1.0.1"])
            .decide("app");
        assert_eq!(judged.writes(), format!("{name}:1.0.1"));
    }
}

#[test]
fn likely_typo_of_a_type_gives_a_warning_and_matches_nothing() {
    for (policy, meant) in [
        ("SemVer:~1", "semver:~1"),
        (" semver:~1", "semver:~1"),
        ("~1", "semver:~1"),
        ("Glob:dev-*", "glob:dev-*"),
    ] {
        let judged = Scenario::following(policy, "org/app:1.0.0")
            .tags(&["1.0.0", "1.0.1"])
            .decide("app");
        assert_eq!(judged.says(), "keep no-matching-tag -", "{policy}");
        let expected = format!(
            "fluxcd.io/tag.app is {policy:?}, which is used as a glob; did you mean {meant:?}?"
        );
        assert_eq!(judged.warning(WarningCode::PolicyTypo), expected);
    }
}

#[test]
fn invalid_image_affects_only_its_own_row() {
    let scenario = Scenario::deployment()
        .annotation("fluxcd.io/automated", "true")
        .annotation("fluxcd.io/tag.app", "semver:*")
        .container("app", "org/app:1.0.0")
        .container("bad", "org/App:1.0.0")
        .tags(&["1.0.0", "1.0.1"]);
    assert_eq!(scenario.decide("app").says(), "update newer-image 1.0.1");
    let bad = scenario.decide("bad");
    assert_eq!(bad.says(), "unknown unparsable-image -");
    assert_eq!(
        bad.message,
        "org/App:1.0.0: a repository name must be lower-case"
    );
    assert_eq!(bad.asked(), [""; 0]);
}
