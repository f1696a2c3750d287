//! Commands that write, on manifests.

use std::fs;

use super::{deployment, with_manifest};
use crate::support::program::TestEnvironment;

fn web() -> String {
    // The second document is not a workload.
    let web = deployment("web", &["keep: 'é' # c"], &[("app", "org/app:1.0.0")]);
    format!("# head\n{web}---\nkind: ConfigMap\ndata: {{ a:   b }}\n")
}

const LOCK: [&str; 6] = ["lock", "--yes", "--by", "ada", "-m", "no: more"];

#[test]
fn lock_and_unlock_change_no_other_byte() {
    let environment = with_manifest(&web());
    let read = || fs::read_to_string(environment.home().join("web.yaml")).expect("a file");
    let outcome = environment
        .run(LOCK.iter().chain(&["-f", "web.yaml"]))
        .expect(0);
    assert!(
        outcome.stdout.starts_with("deployment.apps/web "),
        "{outcome:#?}"
    );
    let (head, rest) = read()
        .split_once("    imgpolicy.dev/locked-at: \"")
        .map(|(head, rest)| {
            let (_, rest) = rest.split_once("\"\n").expect("a time");
            (head.to_owned(), rest.to_owned())
        })
        .expect("a lock");
    let lock = "    keep: 'é' # c\n    fluxcd.io/locked: \"true\"\n    \
                fluxcd.io/locked_msg: \"no: more\"\n    fluxcd.io/locked_user: ada\n";
    assert_eq!(head + &rest, web().replace("    keep: 'é' # c\n", lock));
    environment
        .run(["unlock", "--yes", "deployment/web", "-f", "web.yaml"])
        .expect(0);
    assert_eq!(read(), web());
}

#[test]
fn standard_input_is_edited_to_standard_output() {
    let environment = TestEnvironment::new();
    let run = |args: &[&str], text: &str| {
        let args = args.iter().chain(&["-f", "-"]);
        environment.program(args).stdin(text).run().expect(0)
    };
    let locked = run(&LOCK, &web());
    assert!(
        locked.stdout.contains("    fluxcd.io/locked: \"true\"\n"),
        "{locked:#?}"
    );
    assert!(locked.stderr.contains("deployment.apps/web"), "{locked:#?}");
    let unlocked = run(&["unlock", "--yes", "deployment/web"], &locked.stdout);
    assert_eq!(unlocked.stdout, web());
}

#[test]
fn refused_edit_is_reported_with_its_line_and_the_rest_is_written() {
    let shared = deployment("shared", &["a: b"], &[("app", "org/app:1.0.0")])
        .replace("annotations:", "annotations: &a")
        + "x: *a\n";
    let environment = with_manifest(&format!("{shared}---\n{}", web()));
    let outcome = environment
        .run(LOCK.iter().chain(&["-f", "web.yaml"]))
        .expect(1);
    let why = "web.yaml:5: metadata.annotations has a YAML anchor that is used elsewhere";
    assert!(outcome.stderr.contains(why), "{outcome:#?}");
    let text = fs::read_to_string(environment.home().join("web.yaml")).expect("a file");
    assert!(text.starts_with(&shared), "{text}");
    assert_eq!(
        text.matches("fluxcd.io/locked: \"true\"").count(),
        1,
        "{text}"
    );
}

#[test]
fn dry_run_changes_no_file() {
    let environment = with_manifest(&web());
    for how in ["--dry-run=client", "--dry-run=server"] {
        environment.run(LOCK.iter().chain(&["-f", "web.yaml", how]));
        let text = fs::read_to_string(environment.home().join("web.yaml")).expect("a file");
        assert_eq!(text, web(), "{how}");
    }
}
