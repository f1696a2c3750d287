//! The filters of a policy: filter, allow, ignore, then extract.

use crate::support::scenario::Scenario;

#[test]
fn suffix_is_filtered_and_removed_by_extract() {
    let judged = Scenario::following("semver:~1.25", "nginx:1.25.3-alpine")
        .annotation("imgpolicy.dev/filter-tags.app", "^(?P<v>.*)-alpine$")
        .annotation("imgpolicy.dev/extract.app", "$v")
        .tags(&["1.25.3-alpine", "1.25.4-alpine", "1.25.5", "1.26.0-alpine"])
        .decide("app");
    assert_eq!(judged.writes(), "nginx:1.25.4-alpine");
    assert_eq!(judged.verdict("1.25.5"), "filtered");
    assert_eq!(judged.verdict("1.26.0-alpine"), "out-of-range");
}

#[test]
fn tag_must_pass_filter_allow_and_ignore() {
    let judged = Scenario::following("alphabetical", "org/app")
        .annotation("imgpolicy.dev/filter-tags.app", "^r")
        .annotation("imgpolicy.dev/allow-tags.app", r#"["1", "2"]"#)
        .annotation("imgpolicy.dev/ignore-tags.app", r#"["bad$"]"#)
        .tags(&["r1", "r2", "r2-bad", "r3", "x2"])
        .decide("app");
    assert_eq!(judged.elected(), "r2");
    for (tag, verdict) in [
        ("r1", "accepted"),
        ("r2-bad", "ignored"),
        ("r3", "not-allowed"),
        ("x2", "filtered"),
    ] {
        assert_eq!(judged.verdict(tag), verdict, "{tag}");
    }
}

#[test]
fn empty_allow_list_allows_all() {
    let judged = Scenario::following("alphabetical", "org/app")
        .annotation("imgpolicy.dev/allow-tags.app", "[]")
        .tags(&["a", "b"])
        .decide("app");
    assert_eq!(judged.elected(), "b");
}

#[test]
fn allow_annotation_does_not_allow_pre_releases() {
    let judged = Scenario::following("semver:*", "org/app")
        .annotation("imgpolicy.dev/filter-tags.app", ".")
        .annotation("imgpolicy.dev/allow-tags.app", r#"["."]"#)
        .tags(&["1.0.0", "1.1.0-rc.1"])
        .decide("app");
    assert_eq!(judged.elected(), "1.0.0");
}

#[test]
fn filters_also_apply_to_plain_automation() {
    let judged = Scenario::deployment()
        .annotation("fluxcd.io/automated", "true")
        .annotation("imgpolicy.dev/ignore-tags.app", r#"["^dev"]"#)
        .container("app", "org/app:a")
        .image("a", crate::support::oracle::built("2026-01-01"))
        .image("dev", crate::support::oracle::built("2026-01-02"))
        .decide("app");
    assert_eq!(judged.says(), "keep up-to-date a");
}

#[test]
fn invalid_filter_stops_the_update() {
    for (name, value, word) in [
        ("filter-tags", "(", "regular expression"),
        ("filter-tags", "(?=x)", "look-ahead"),
        ("allow-tags", "^v", "JSON list"),
        ("allow-tags", r#"["("]"#, "regular expression"),
        ("ignore-tags", r#"{"a": 1}"#, "JSON list"),
        ("ignore-tags", r#"[1]"#, "JSON list"),
        ("extract", "$v", "filter-tags.app"),
    ] {
        let judged = Scenario::following("alphabetical", "org/app:1")
            .annotation(&format!("imgpolicy.dev/{name}.app"), value)
            .tags(&["1", "2"])
            .decide("app");
        assert_eq!(judged.says(), "unknown invalid-policy -", "{name} {value}");
        assert!(judged.message.contains(word), "{}", judged.message);
        let origin = format!("annotation imgpolicy.dev/{name}.app: ");
        assert!(judged.message.starts_with(&origin), "{}", judged.message);
    }
}

#[test]
fn empty_template_is_the_whole_tag() {
    let judged = Scenario::following("alphabetical", "org/app:1")
        .annotation("imgpolicy.dev/filter-tags.app", "^(.)")
        .annotation("imgpolicy.dev/extract.app", "")
        .tags(&["1", "2a", "2b"])
        .decide("app");
    assert_eq!(judged.elected(), "2b");
}

#[test]
fn filters_of_one_container_do_not_affect_others() {
    let judged = Scenario::following("alphabetical", "org/app:1")
        .annotation("fluxcd.io/tag.b", "alphabetical")
        .annotation("imgpolicy.dev/ignore-tags.b", r#"["2"]"#)
        .container("b", "org/b:1")
        .tags(&["1", "2"]);
    assert_eq!(judged.decide("app").elected(), "2");
    assert_eq!(judged.decide("b").elected(), "1");
}
