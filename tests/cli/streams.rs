//! Closed standard output, colour, and Ctrl-C.

use std::time::{Duration, Instant};

use super::quickstart::quickstart;
use super::{automated, root, text, with_manifest};
use crate::support::program::TestEnvironment;
use crate::support::registry::{Fault, TestRegistry};

const STATUS: [&str; 5] = [
    "status",
    "-f",
    "docs/quickstart/manifests",
    "--oci-layout",
    "docs/quickstart/images",
];

#[test]
fn closed_standard_output_is_not_an_error() {
    for more in [&[][..], &["-o", "json"], &["-o", "yaml"]] {
        let environment = TestEnvironment::new();
        let run = environment.program(STATUS.iter().chain(more)).dir(&root());
        let outcome = run.run_unread().expect(0);
        assert_eq!(
            outcome.stderr, "6 containers: 5 automated (5 updates), 1 locked (1 behind)\n",
            "{more:?}"
        );
    }
    for args in [
        &["completion", "bash"][..],
        &["options"],
        &["status", "--help"],
        &[],
    ] {
        let outcome = TestEnvironment::new().program(args).run_unread().expect(0);
        assert_eq!(outcome.stderr, "", "{args:?}");
    }
}

#[test]
fn colour_needs_a_terminal_or_a_flag() {
    let coloured = |environment: &TestEnvironment, more: &[&str], no_color: bool| {
        let run = environment.program(STATUS.iter().chain(more)).dir(&root());
        let run = if no_color {
            run.env("NO_COLOR", "1")
        } else {
            run
        };
        let outcome = run.run().expect(0);
        outcome.stdout.contains('\u{1b}') || outcome.stderr.contains('\u{1b}')
    };
    let environment = TestEnvironment::new();
    for (more, no_color, expected) in [
        (&[][..], false, false),
        (&["--color", "never"], false, false),
        (&["--color=always"], false, true),
        // The flag takes precedence over the environment.
        (&["--color=always"], true, true),
        (&[], true, false),
        (&["--color=always", "-o", "json"], false, false),
    ] {
        let more: Vec<&str> = more.iter().chain(&["-o", "table"]).copied().collect();
        let more = if more.contains(&"json") {
            &more[..3]
        } else {
            &more[..]
        };
        assert_eq!(coloured(&environment, more, no_color), expected, "{more:?}");
    }
    assert!(quickstart(&["-o", "name"]).stdout.is_ascii());
}

#[test]
fn ctrl_c_while_scanning_shows_what_is_decided() {
    let (quick, stalled) = (TestRegistry::start(), TestRegistry::start());
    quick.tag("org/app", ["1.0.0", "1.0.1"]);
    stalled.tag("org/app", ["1.0.0", "1.0.1"]);
    stalled.fault("/tags/list", Fault::Slow(Duration::from_secs(60)));
    let first =
        automated("semver:~1.0", &quick.image("org/app:1.0.0")).replace("name: web", "name: a");
    let second =
        automated("semver:~1.0", &stalled.image("org/app:1.0.0")).replace("name: web", "name: b");
    let environment = with_manifest(&format!("{first}---\n{second}"));
    for format in ["json", "table"] {
        quick.forget();
        stalled.forget();
        let running = environment
            .program(["status", "-f", "web.yaml", "-o", format])
            .start();
        let begun = Instant::now();
        while quick.requests().is_empty() || stalled.requests().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(20), "no requests");
            std::thread::sleep(Duration::from_millis(10));
        }
        // Give the fast registry's answer time to be processed.
        std::thread::sleep(Duration::from_millis(800));
        running.interrupt();
        let outcome = running.wait().expect(130);
        assert!(outcome.took < Duration::from_secs(20), "{outcome:#?}");
        assert!(
            outcome.stderr.contains("partial: the scan was stopped"),
            "{outcome:#?}"
        );
        if format == "json" {
            assert_eq!(outcome.json()["partial"], true);
            let items = outcome.items();
            assert_eq!(text(&items[0], "outcome"), "update", "{outcome:#?}");
            assert_eq!(items.len(), 1, "{outcome:#?}");
        } else {
            assert!(outcome.stdout.contains("1.0.1"), "{outcome:#?}");
        }
    }
}
