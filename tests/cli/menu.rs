//! The menus and the confirmation before a change, on a terminal.

use crate::support::program::TestEnvironment;
use crate::support::pty::{Left, Pty, key};

use super::root;

/// A Deployment with two containers that are not automated, and a CronJob.
pub(super) const SHOP: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web # the shop
  namespace: shop
spec:
  template:
    spec:
      containers:
      - name: app
        image: docker.io/org/my-app:1.0.0
      - name: proxy
        image: docker.io/org/my-proxy:stg-4s7bsgv
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: nightly
  namespace: shop
spec:
  jobTemplate:
    spec:
      template:
        spec:
          containers:
          - name: job
            image: docker.io/org/my-app:1.0.0
";

/// The same, with annotations before the CronJob's spec.
fn with_annotations(name: &str, annotations: &[&str]) -> String {
    let from = format!("  name: {name}\n  namespace: shop\n");
    let lines: String = annotations
        .iter()
        .map(|line| format!("    {line}\n"))
        .collect();
    SHOP.replace(&from, &format!("{from}  annotations:\n{lines}"))
}

pub(super) struct Terminal {
    pub(super) environment: TestEnvironment,
    size: (u16, u16),
    variables: Vec<(&'static str, &'static str)>,
}

impl Terminal {
    pub(super) fn new() -> Self {
        let environment = TestEnvironment::new();
        environment.write("shop.yaml", SHOP);
        Self {
            environment,
            size: (24, 80),
            variables: vec![("TERM", "xterm-256color")],
        }
    }

    pub(super) fn sized(mut self, rows: u16, columns: u16) -> Self {
        self.size = (rows, columns);
        self
    }

    fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    pub(super) fn start(&self, words: &[&str], to: &str) -> Pty {
        let images = root().join("docs/quickstart/images");
        let layout = images.to_str().expect("path");
        let mut words = words.to_vec();
        words.extend(["-f", "shop.yaml"]);
        if words[0] != "lock" {
            words.extend(["--oci-layout", layout, "--cache=off"]);
        }
        let mut run = self.environment.program(words);
        for (name, value) in &self.variables {
            run = run.env(name, value);
        }
        Pty::start(run.command(), self.size.0, self.size.1, to)
    }

    pub(super) fn file(&self) -> String {
        std::fs::read_to_string(self.environment.home().join("shop.yaml")).expect("file")
    }

    pub(super) fn end(&self, pty: Pty) -> Left {
        pty.end(self.environment.home())
    }

    #[track_caller]
    fn nothing_changed(&self, pty: Pty, code: i32) -> Left {
        let left = self.end(pty).expect(code);
        let last = left.screen.lines().last().expect("a line");
        assert_eq!(last, "nothing changed", "{}", left.screen);
        assert_eq!(self.file(), SHOP);
        left
    }
}

/// The text that shows a question has been reached, and the keys to press.
type Step = (&'static str, &'static str);

/// The steps through `automate` to the confirmation, with the keys for each.
const STEPS: [Step; 7] = [
    ("Which workloads do you want to automate?", "night"),
    ("1 shown with: night", " "),
    ("1 of 2 checked", key::ENTER),
    (
        "Which policy should cronjob/nightly job follow?",
        key::ENTER,
    ),
    ("Would move from 1.0.0 to 1.2.0", "\u{15}semver:~1.0"),
    ("Holds back 1.2.0", key::ENTER),
    ("Automate cronjob/nightly in file shop.yaml? [y/N]", "y\r"),
];

fn walk(pty: &mut Pty, steps: &[Step]) {
    for (seen, pressed) in steps {
        pty.wait(seen).press(pressed);
    }
}

#[test]
fn chosen_policy_shows_its_effect_and_is_written() {
    let terminal = Terminal::new();
    let mut pty = terminal.start(&["automate"], "");
    walk(&mut pty, &STEPS);
    let left = terminal.end(pty).expect(0);
    assert!(
        left.screen
            .contains("kubectl imgpolicy automate cronjob/nightly --tag 'job=semver:~1.0'"),
        "{}",
        left.screen
    );
    assert_eq!(
        terminal.file(),
        with_annotations(
            "nightly",
            &[
                "fluxcd.io/automated: \"true\"",
                "fluxcd.io/tag.job: semver:~1.0"
            ]
        )
    );
}

#[test]
fn printed_command_does_the_same() {
    let terminal = Terminal::new();
    let mut pty = terminal.start(&["automate"], "");
    walk(&mut pty, &STEPS);
    terminal.end(pty).expect(0);
    let written = terminal.file();
    terminal.environment.write("shop.yaml", SHOP);
    let words = [
        "automate",
        "cronjob/nightly",
        "--tag",
        "job=semver:~1.0",
        "-f",
        "shop.yaml",
    ];
    let layout = root().join("docs/quickstart/images");
    let layout = [
        "--oci-layout",
        layout.to_str().expect("path"),
        "--cache",
        "off",
        "--yes",
    ];
    terminal
        .environment
        .run(words.iter().chain(&layout))
        .expect(0);
    assert_eq!(terminal.file(), written);
}

#[test]
fn ctrl_c_or_esc_at_any_step_changes_nothing() {
    for (pressed, code) in [(key::CTRL_C, 130), (key::ESC, 1), (key::CTRL_D, 1)] {
        for steps in 0..STEPS.len() {
            let terminal = Terminal::new();
            let mut pty = terminal.start(&["automate"], "");
            walk(&mut pty, &STEPS[..steps]);
            pty.wait(STEPS[steps].0).press(pressed);
            terminal.nothing_changed(pty, code);
        }
    }
}

#[test]
fn only_an_explicit_yes_confirms() {
    for (typed, code) in [
        ("\r", 1),
        ("n\r", 1),
        ("no\r", 1),
        ("yn\r", 1),
        ("ok\r", 1),
        ("y\u{7f}\r", 1),
    ] {
        let terminal = Terminal::new();
        let mut pty = terminal.start(&["lock", "cronjob/nightly"], "");
        pty.wait("[y/N] ").press(typed);
        terminal.nothing_changed(pty, code);
    }
    for typed in ["y\r", "YES\r", "nope\u{7f}\u{7f}\u{7f}\u{7f}y\r"] {
        let terminal = Terminal::new();
        let mut pty = terminal.start(&["lock", "cronjob/nightly", "--by", "alice"], "");
        pty.wait("[y/N] ").press(typed);
        terminal.end(pty).expect(0);
        assert!(terminal.file().contains("fluxcd.io/locked: \"true\""));
    }
}

#[test]
fn questions_are_asked_when_results_go_to_a_pipe() {
    let terminal = Terminal::new();
    let mut pty = terminal.start(&["automate"], "| cat >result");
    walk(&mut pty, &STEPS[..6]);
    pty.wait(STEPS[6].0).press("y\r");
    terminal.end(pty);
    assert!(terminal.file().contains("fluxcd.io/automated"));
    let result = terminal.environment.home().join("result");
    let result = std::fs::read_to_string(result).expect("result");
    assert_eq!(result, "cronjob.batch/nightly annotated\n");
}

#[test]
fn without_a_terminal_nothing_is_changed() {
    for to in ["</dev/null", "2>said"] {
        let terminal = Terminal::new();
        let pty = terminal.start(&["lock", "--all"], to);
        let left = terminal.end(pty).expect(1);
        let said = std::fs::read_to_string(terminal.environment.home().join("said"));
        let said = said.unwrap_or_default() + &left.screen.replace('\n', " ");
        assert!(
            said.contains(
                "error: refusing to change 2 workloads without a terminal; pass --yes, or \
                 --dry-run to preview"
            ),
            "{said}"
        );
        assert_eq!(terminal.file(), SHOP);
    }
}

#[test]
fn malformed_policy_shows_the_reason_and_keeps_the_typed_text() {
    let terminal = Terminal::new();
    let mut pty = terminal.start(&["policy", "set"], "");
    pty.wait("Which workloads do you want to set a policy for?")
        .press("night ");
    pty.wait("1 of 2 checked").press(key::ENTER);
    pty.wait("Which policy should cronjob/nightly job follow?")
        .press(key::ENTER);
    pty.wait("3 of 8 tags match").press("\u{15}semver:>1.x.y");
    pty.wait("policy: semver:>1.x.y")
        .wait_gone("tags match")
        .press(key::ENTER);
    // The question is still open and keeps its text.
    pty.press(key::BACKSPACE).wait_gone("semver:>1.x.y");
    pty.press(key::CTRL_U)
        .wait("a policy has the form TYPE:EXPR");
    pty.press("regx:^1").wait("did you mean \"regex:^1\"?");
    pty.press(key::CTRL_U)
        .press("glob:1.*")
        .wait("is not known yet");
    pty.press(key::ENTER).wait("1.2.0 is the newest of 3 tags");
    pty.press(key::CTRL_C);
    terminal.nothing_changed(pty, 130);
}

#[test]
fn each_question_leads_back_to_the_previous_one() {
    let terminal = Terminal::new();
    let mut pty = terminal.start(&["automate"], "");
    walk(&mut pty, &STEPS[..5]);
    pty.wait("Holds back 1.2.0").press(key::SHIFT_TAB);
    pty.wait("Which policy should cronjob/nightly job follow?")
        .press(key::SHIFT_TAB);
    pty.wait("Which workloads do you want to automate?")
        .press(key::CTRL_U);
    pty.wait("deployment/web").press(key::TAB);
    pty.wait("2 of 2 checked").press(key::ENTER);
    pty.wait("Which containers get their own policy?")
        .press(key::ENTER);
    pty.wait("accept these 3 policies").wait("glob:stg-*");
    pty.press(key::DOWN)
        .press(key::DOWN)
        .press(key::DOWN)
        .press(key::ENTER);
    pty.wait("Which policy should deployment/web proxy follow?")
        .press("digest")
        .wait("1 shown with: digest");
    pty.press(key::ENTER)
        .wait("policy: digest:stg-4s7bsgv")
        .press(key::ENTER);
    pty.wait("accept these 3 policies")
        .press(key::UP)
        .press(key::UP)
        .press(key::UP);
    pty.press(key::ENTER)
        .wait("Automate 2 workloads in file shop.yaml? [y/N]")
        .press("y\r");
    terminal.end(pty).expect(0);
    let file = terminal.file();
    for line in [
        "fluxcd.io/tag.job: semver:^1.0",
        "fluxcd.io/tag.app: semver:^1.0",
        "fluxcd.io/tag.proxy: digest:stg-4s7bsgv",
    ] {
        assert!(file.contains(line), "{file}");
    }
}

#[test]
fn variant_keeps_its_suffix_unless_all_tags_are_requested() {
    let terminal = Terminal::new();
    let alpine = SHOP.replace("my-app:1.0.0", "my-app:1.0.0-alpine");
    terminal.environment.write("shop.yaml", &alpine);
    let mut pty = terminal.start(&["automate", "cronjob"], "");
    pty.wait("Which workloads")
        .press(" ")
        .wait("1 of 1 checked")
        .press(key::ENTER);
    pty.wait("semver:^1.0 of *-alpine").press(key::ENTER);
    pty.wait("only tags that end in -alpine").press(key::TAB);
    pty.wait("all tags; tab:").press(key::TAB);
    pty.wait("only tags that end in -alpine").press(key::ENTER);
    pty.wait("[y/N]").press("y\r");
    let left = terminal.end(pty).expect(0);
    let file = terminal.file();
    assert!(
        file.contains("imgpolicy.dev/filter-tags.job: ^(?P<version>.*)-alpine$"),
        "{file}"
    );
    assert!(
        file.contains("imgpolicy.dev/extract.job: $version"),
        "{file}"
    );
    let command = "--filter-tags 'job=^(?P<version>.*)-alpine$' --extract 'job=$version'";
    assert!(
        left.screen.replace('\n', "").contains(command),
        "{}",
        left.screen
    );
}

#[test]
fn no_line_exceeds_a_narrow_terminal() {
    let terminal = Terminal::new().sized(20, 40);
    let mut pty = terminal.start(&["automate"], "");
    for (seen, pressed) in [
        ("Which workloads do you want to automate?", key::TAB),
        ("2 of 2 checked", key::ENTER),
        ("Which containers get their own policy?", key::ENTER),
        ("> accept these 3 policies", key::DOWN),
        ("> cronj", key::ENTER),
        ("Which policy should cronjob/nightly", key::ENTER),
        ("Would move from 1.0.0 to 1.2.0", key::ENTER),
        ("accept these 3 policies", key::CTRL_C),
    ] {
        pty.wait(seen);
        assert!(!pty.wraps(), "{}", pty.screen());
        pty.press(pressed);
    }
    terminal.nothing_changed(pty, 130);
}

#[test]
fn dumb_terminal_gets_line_by_line_questions() {
    let terminal = Terminal::new().with("TERM", "dumb");
    let mut pty = terminal.start(&["automate"], "");
    pty.wait("   2   deployment/web")
        .wait("q to quit: ")
        .press("night\n");
    pty.wait("rows that contain")
        .wait("   1   cronjob/nightly")
        .press("1\n");
    pty.wait("   1   semver").press("1\n");
    pty.wait("Would move from 1.0.0 to 1.2.0")
        .press("semver:1.x.y\n");
    pty.wait("directly after").press("semver:~1.0\n");
    pty.wait("Holds back 1.2.0").press("\n");
    pty.wait("Automate cronjob/nightly in file shop.yaml? [y/N] ")
        .press("y\n");
    let left = terminal.end(pty).expect(0);
    assert!(!left.heard.contains(&0x1b), "{}", left.screen);
    assert!(terminal.file().contains("fluxcd.io/tag.job: semver:~1.0"));
}

#[test]
fn dumb_terminal_menu_ends_on_ctrl_c_end_of_input_and_q() {
    let steps: [Step; 4] = [
        ("   1   cronjob/nightly", "1\n"),
        ("   1   semver", "1\n"),
        ("enter accepts semver:^1.0", "\n"),
        ("[y/N] ", "y\n"),
    ];
    for (pressed, code) in [(key::CTRL_C, 130), (key::CTRL_D, 1), ("q\n", 1)] {
        for at in 0..steps.len() {
            let terminal = Terminal::new().with("TERM", "dumb");
            let mut pty = terminal.start(&["automate", "cronjob"], "");
            walk(&mut pty, &steps[..at]);
            pty.wait(steps[at].0).wait_end(" ").press(pressed);
            terminal.nothing_changed(pty, code);
        }
    }
}

#[test]
fn no_color_is_honoured() {
    let painted = regex::Regex::new("\u{1b}\\[[0-9;]*m").expect("regex");
    for (variable, is_coloured) in [("NO_COLOR", false), ("SOME_COLOR", true)] {
        let terminal = Terminal::new().with(variable, "1");
        let mut pty = terminal.start(&["automate"], "");
        walk(&mut pty, &STEPS[..5]);
        pty.wait("Holds back 1.2.0").press(key::CTRL_C);
        let left = terminal.nothing_changed(pty, 130);
        let heard = String::from_utf8_lossy(&left.heard).into_owned();
        assert_eq!(painted.is_match(&heard), is_coloured, "{heard:?}");
    }
}

#[test]
fn two_hundred_workloads_are_found_by_typing() {
    let one = |number: usize| {
        SHOP.replace("name: web", &format!("name: web-{number:03}"))
            .replace("name: nightly", &format!("name: nightly-{number:03}"))
    };
    let all: Vec<String> = (0..100).map(one).collect();
    let terminal = Terminal::new();
    terminal.environment.write("shop.yaml", all.join("---\n"));
    let mut pty = terminal.start(&["automate"], "");
    pty.wait("0 of 200 checked")
        .wait("more below")
        .press("ly-077");
    pty.wait("1 shown with: ly-077")
        .press(" ")
        .wait("1 of 200 checked");
    pty.press(key::ENTER)
        .wait("Which policy should cronjob/nightly-077 job follow?");
    pty.press(key::CTRL_C);
    terminal.end(pty).expect(130);
    assert_eq!(terminal.file(), all.join("---\n"));
}
