//! `update -i` on a terminal.

use super::menu::{SHOP, Terminal};
use crate::support::pty::key;

/// Two automated containers with an elected update, and a locked one.
fn automated_shop() -> String {
    let lines = "  annotations:
    fluxcd.io/automated: \"true\"
    fluxcd.io/tag.app: semver:~1.0
    fluxcd.io/tag.proxy: glob:stg-*
";
    let locked = "  annotations:
    fluxcd.io/automated: \"true\"
    fluxcd.io/locked: \"true\"
    fluxcd.io/locked_msg: release freeze
    fluxcd.io/tag.job: semver:~1.0
";
    let web = "  name: web # the shop\n  namespace: shop\n";
    let nightly = "  name: nightly\n  namespace: shop\n";
    SHOP.replace(web, &format!("{web}{lines}"))
        .replace(nightly, &format!("{nightly}{locked}"))
}

#[test]
fn elected_updates_are_preselected_and_held_back_ones_show_why() {
    let terminal = Terminal::new();
    let before = automated_shop();
    terminal.environment.write("shop.yaml", &before);
    let mut pty = terminal.start(&["update", "-i"], "");
    pty.wait("Which images do you want to update?")
        .wait("2 of 3 checked");
    pty.wait("[x] deployment/web").wait(" -  cronjob/nightly");
    pty.press(" ").wait("1 of 3 checked");
    pty.press(key::DOWN)
        .press(key::DOWN)
        .wait("release freeze")
        .press(" ");
    pty.wait("use --override-lock").wait("1 of 3 checked");
    pty.press(key::ENTER)
        .wait("Update deployment/web in file shop.yaml? [y/N]");
    pty.press("y\r");
    let left = terminal.end(pty).expect(0);
    assert_eq!(terminal.file().matches("my-app:1.0.0").count(), 2);
    assert!(terminal.file().contains("my-proxy:stg-k2x9d1m"));
    let command = "kubectl imgpolicy update deployment/web -c proxy -f shop.yaml";
    assert!(left.screen.contains(command), "{}", left.screen);
}

#[test]
fn question_and_command_without_a_menu_name_the_missing_record() {
    let terminal = Terminal::new();
    terminal.environment.write("shop.yaml", automated_shop());
    let mut pty = terminal.start(&["update", "-i", "--no-record"], "");
    pty.wait("2 of 3 checked").press(key::ENTER);
    pty.wait("Update deployment/web without a record in file shop.yaml? [y/N]");
    pty.press("y\r");
    let left = terminal.end(pty).expect(0);
    assert!(!terminal.file().contains("last-update"));
    assert!(left.screen.contains("--no-record"), "{}", left.screen);
}

#[test]
fn menu_succeeds_if_everything_that_was_checked_is_written() {
    let terminal = Terminal::new();
    let undecided = automated_shop().replace("tag.proxy: glob:stg-*", "tag.proxy: 'semver:?'");
    terminal.environment.write("shop.yaml", &undecided);
    let mut pty = terminal.start(&["update", "-i"], "");
    pty.wait("1 of 3 checked").press(key::ENTER);
    pty.wait("[y/N]").press("y\r");
    terminal.end(pty).expect(0);
    assert!(terminal.file().contains("my-app:1.0.1"));
}

#[test]
fn leaving_the_update_menu_changes_nothing() {
    for (pressed, code) in [(key::CTRL_C, 130), (key::ESC, 1)] {
        for at_question in [false, true] {
            let terminal = Terminal::new().sized(20, 40);
            let before = automated_shop();
            terminal.environment.write("shop.yaml", &before);
            let mut pty = terminal.start(&["update", "-i"], "");
            pty.wait("2 of 3 checked");
            assert!(!pty.wraps(), "{}", pty.screen());
            if at_question {
                pty.press(key::ENTER).wait("[y/N]");
            }
            pty.press(pressed);
            let left = terminal.end(pty).expect(code);
            assert!(left.screen.ends_with("nothing changed"), "{}", left.screen);
            assert_eq!(terminal.file(), before);
        }
    }
}

#[test]
fn confirmation_names_both_repositories_when_a_rollback_changes_them() {
    let terminal = Terminal::new().sized(24, 200);
    let record = r#"{"time":"2026-11-01T00:00:00Z","by":"alice","number":"7","changes":[{"container":"app","from":"docker.io/org/my-proxy:stg-4s7bsgv","to":"docker.io/org/my-app:1.0.0","digest":null,"policy":null}],"records":{}}"#;
    let web = "  name: web # the shop\n  namespace: shop\n";
    let annotation = format!("  annotations:\n    imgpolicy.dev/last-update: '{record}'\n");
    let before = SHOP.replace(web, &format!("{web}{annotation}"));
    terminal.environment.write("shop.yaml", &before);
    let words = ["rollback", "deployment/web", "--override-policy"];
    let mut pty = terminal.start(&words, "");
    pty.wait(
        "Roll back and lock deployment/web with --override-policy, replacing docker.io/org/my-app:1.0.0 by \
         docker.io/org/my-proxy:stg-4s7bsgv in file shop.yaml? [y/N]",
    );
    pty.press("n\r");
    terminal.end(pty).expect(1);
    assert_eq!(terminal.file(), before);
}

/// Marked values and the policies with their recorded images: `app` elects 1.1.0, and `old` a
/// downgrade.
const MARKED: &str = r#"kind: ImagePolicy
apiVersion: image.toolkit.fluxcd.io/v1
metadata: {name: app, namespace: flux}
status: {latestRef: {name: org/app, tag: 1.1.0}}
---
kind: ImagePolicy
apiVersion: image.toolkit.fluxcd.io/v1
metadata: {name: old, namespace: flux}
status: {latestRef: {name: org/old, tag: 0.9.0}}
---
first: 1.0.0 # {"$imagepolicy": "flux:app:tag"}
same:
  name: x/app # {"$imagepolicy": "flux:app:name"}
  tag: 1.0.1 # {"$imagepolicy": "flux:app:tag"}
last: 1.0.0 # {"$imagepolicy": "flux:old:tag"}
"#;

#[test]
fn marked_values_are_chosen_with_their_policy_and_parts_stay_together() {
    let terminal = Terminal::new().sized(24, 100);
    terminal.environment.write("shop.yaml", MARKED);
    let words = ["update", "-i", "--elected", "recorded"];
    let mut pty = terminal.start(&words, "");
    pty.wait("2 of 3 checked");
    pty.wait("[x] shop.yaml:11")
        .wait("1.0.0 -> 1.1.0")
        .wait("flux:app:tag");
    pty.wait("[x] shop.yaml:13")
        .wait("x/app -> org/app, 1.0.1 -> 1.1.0");
    pty.wait(" -  shop.yaml:15").wait("downgrade");
    // Without the first value.
    pty.press(" ").wait("1 of 3 checked").press(key::ENTER);
    pty.wait("Update 2 marked values in file shop.yaml? [y/N]");
    pty.press("y\r");
    let left = terminal.end(pty).expect(0);
    let expected = MARKED
        .replace("x/app #", "org/app #")
        .replace("1.0.1 #", "1.1.0 #");
    assert_eq!(terminal.file(), expected);
    assert!(!left.screen.contains("without a menu"), "{}", left.screen);

    // With everything, there is a command, which does the rest.
    let mut pty = terminal.start(&words, "");
    pty.wait("1 of 2 checked").press(key::ENTER);
    pty.wait("[y/N]").press("y\r");
    let left = terminal.end(pty).expect(0);
    let command = "kubectl imgpolicy update -f shop.yaml";
    assert!(left.screen.contains(command), "{}", left.screen);
    assert_eq!(
        terminal.file(),
        expected.replace("first: 1.0.0", "first: 1.1.0")
    );
}
