//! `--include-image` and `--exclude-image`.

use super::{AUTOMATED, automated, deployment, text, with_manifest};
use crate::support::registry::TestRegistry;

#[test]
fn excluded_image_causes_no_registry_requests() {
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.0.0", "1.0.1"]);
    registry.tag("org/side", ["1.0.0", "1.0.1"]);
    let manifest = deployment(
        "web",
        &[
            AUTOMATED,
            "fluxcd.io/tag.app: semver:*",
            "fluxcd.io/tag.side: semver:*",
        ],
        &[
            ("app", &registry.image("org/app:1.0.0")),
            ("side", &registry.image("org/side:1.0.0")),
        ],
    );
    let environment = with_manifest(&manifest);
    for flags in [["--exclude-image", "*/side"], ["--include-image", "*/app"]] {
        let args = ["status", "-f", "web.yaml", "-o", "json"];
        let outcome = environment.run(args.into_iter().chain(flags)).expect(0);
        let items = outcome.items();
        assert_eq!(text(&items[0], "reason"), "newer-image");
        assert_eq!(text(&items[1], "reason"), "excluded");
        assert!(items[1]["latest"].is_null());
        let paths = registry.paths();
        assert!(
            !paths.iter().any(|path| path.contains("org/side")),
            "{paths:?}"
        );
    }
}

#[test]
fn excluded_images_are_reported_and_explained() {
    let environment = with_manifest(&automated("semver:*", "nginx:1.0.0"));
    let flags = ["-f", "web.yaml", "--exclude-image", "docker.io/library/*"];
    let outcome = environment
        .run(["status", "--exit-code"].into_iter().chain(flags))
        .expect(0);
    assert!(
        outcome.stdout.contains("docker.io/library/nginx matches"),
        "{outcome:#?}"
    );
    let outcome = environment
        .run(["explain", "deployment/web"].into_iter().chain(flags))
        .expect(0);
    assert!(
        outcome.stdout.contains(
            "Stays at 1.0.0: docker.io/library/nginx matches --exclude-image \
             docker.io/library/*\n"
        ),
        "{outcome:#?}"
    );
}

#[test]
fn saved_glob_applies_until_another_is_given() {
    let environment = with_manifest(&automated("semver:*", "nginx:1.0.0"));
    environment
        .run([
            "status",
            "-f",
            "web.yaml",
            "--exclude-image",
            "*nginx",
            "--save-snapshot",
            "s.json",
        ])
        .expect(0);
    for (flags, reason) in [
        (&[][..], "excluded"),
        (&["--exclude-image", "quay.io/*"], "registry-error"),
        (&["--include-image", "docker.io/*"], "excluded"),
    ] {
        let args = ["status", "--from-snapshot", "s.json", "-o", "json"];
        let outcome = environment.run(args.iter().chain(flags)).expect(0);
        assert_eq!(text(&outcome.items()[0], "reason"), reason, "{flags:?}");
    }
}
