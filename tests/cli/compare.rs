//! The page that compares the source code of two images: where it is shown, and that nothing is
//! requested for it.

use super::automated;
use super::text;
use crate::support::content::Image;
use crate::support::git::TestRepository;
use crate::support::layout::write_layout;

const OLD: &str = "docker.io/org/my-app:1.0.0";
const SOURCE: &str = "https://github.com/org/my-app";
const URL: &str = "https://github.com/org/my-app/compare/aaaa111...v1.0.1";

/// A repository with the workload `web`, and a layout `images` whose images have these sources.
fn with_images(sources: [&str; 2]) -> TestRepository {
    let repository = TestRepository::with(&[("apps/web.yaml", &automated("glob:*", OLD))]);
    let images = repository
        .environment
        .home()
        .join("images/docker.io/org/my-app");
    let old = Image::built("2026-01-01T00:00:00Z").built_from(sources[0], "aaaa111");
    let new = Image::built("2026-02-01T00:00:00Z").built_from(sources[1], "v1.0.1");
    write_layout(&images, &[("1.0.0", old.into()), ("1.0.1", new.into())]);
    repository
}

fn update(repository: &TestRepository, more: &[&str]) -> crate::support::program::Outcome {
    let words = ["update", "-f", "apps", "--oci-layout", "../images"];
    repository.program(&[&words[..], more].concat()).run()
}

#[test]
fn comparison_is_shown_before_and_after_an_update() {
    // Two spellings of one address.
    let repository = with_images([SOURCE, "https://github.com/org/my-app.git"]);
    let words = [
        "explain",
        "deployment/web",
        "-f",
        "apps",
        "--oci-layout",
        "../images",
    ];
    let report = repository.program(&words).run().expect(0);
    assert!(
        report.stdout.contains(&format!("Compare:     {URL}\n")),
        "{report:#?}"
    );
    let json = repository
        .program(&[&words[..], &["-o", "json"]].concat())
        .run();
    let item = json.expect(0).item();
    assert_eq!(text(&item["item"]["facts"], "compare"), URL);

    let preview = update(&repository, &["--dry-run"]).expect(0);
    assert!(
        preview.stderr.contains(&format!("\n  compare: {URL}\n")),
        "{preview:#?}"
    );
    repository
        .environment
        .write("template", "Update\n\n{{.Compare}}\n");
    let words = [
        "--git=.",
        "--yes",
        "--message-template=../template",
        "-o",
        "json",
    ];
    let json = update(&repository, &words).expect(0).json();
    assert_eq!(text(&json["items"][0]["containers"][0], "compare"), URL);
    let message = repository.git(&["log", "-1", "--format=%B"]);
    assert!(
        message.starts_with(&format!("Update\n\n{URL}\n\n")),
        "{message}"
    );
    assert!(
        message.contains(&format!("\n  compare: {URL}\n")),
        "{message}"
    );

    let words = ["history", "deployment/web", "--git=."];
    let json = repository
        .program(&[&words[..], &["-o", "json"]].concat())
        .run();
    assert_eq!(text(&json.expect(0).item(), "compare"), URL);
    let table = repository.program(&words).run().expect(0);
    let said = format!("compare app 1.0.0 → 1.0.1: {URL}\n");
    assert!(table.stderr.contains(&said), "{table:#?}");
    // A message that somebody has forged is not shown as a link.
    let forged = repository
        .git(&["log", "-1", "--format=%B"])
        .replace(URL, "javascript:x");
    repository.git(&["commit", "--quiet", "--amend", "-m", &forged]);
    let table = repository.program(&words).run().expect(0);
    assert!(!table.stderr.contains("compare"), "{table:#?}");
    assert!(table.stdout.contains("1.0.0 → 1.0.1"), "{table:#?}");
}

#[test]
fn images_of_different_sources_have_no_comparison() {
    for other in [
        "https://github.com/org/other",
        "https://a:secret@github.com/org/my-app",
        "",
    ] {
        let repository = with_images([SOURCE, other]);
        let outcome = update(&repository, &["--dry-run", "-o", "json"]).expect(0);
        let json = outcome.json();
        assert_eq!(
            json["items"][0]["containers"][0].get("compare"),
            None,
            "{other}"
        );
        assert!(!outcome.stdout.contains("secret"), "{outcome:#?}");
    }
}

#[test]
fn comparison_survives_a_snapshot() {
    let repository = with_images([SOURCE, SOURCE]);
    let words = [
        "status",
        "-f",
        "apps",
        "--oci-layout",
        "../images",
        "-o",
        "json",
    ];
    let save = ["--save-snapshot", "../s.json"];
    let json = repository
        .program(&[&words[..], &save].concat())
        .run()
        .expect(0)
        .json();
    assert_eq!(text(&json["items"][0]["facts"], "compare"), URL);
    let words = ["status", "--from-snapshot", "../s.json", "-o", "json"];
    let json = repository.program(&words).run().expect(0).json();
    assert_eq!(text(&json["items"][0]["facts"], "compare"), URL);
}
