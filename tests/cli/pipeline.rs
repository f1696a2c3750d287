//! What all commands that write have in common.

use super::root;
use crate::support::program::TestEnvironment;

/// Every command that writes, on all workloads, with the flags that it needs.
const COMMANDS: [&str; 8] = [
    "update --oci-layout docs/quickstart/images",
    "rollback --oci-layout docs/quickstart/images",
    "automate --oci-layout docs/quickstart/images",
    "policy set --tag-all glob:* --overwrite --oci-layout docs/quickstart/images",
    "policy unset --all-policies --oci-layout docs/quickstart/images",
    "deautomate",
    "lock",
    "unlock",
];

fn run_on_stdin(command: &str, more: &str) -> crate::support::program::Outcome {
    let manifest = root().join("docs/quickstart/manifests/02-semver.yaml");
    let manifest = std::fs::read_to_string(manifest).expect("a manifest");
    let words = format!("{command} --all -f - {more}");
    let environment = TestEnvironment::new();
    let words: Vec<&str> = words.split_whitespace().collect();
    let program = environment.program(words).dir(&root());
    program.stdin(manifest).run()
}

#[test]
fn edited_manifests_and_data_never_share_standard_output() {
    for command in COMMANDS {
        let outcome = run_on_stdin(command, "-o json --yes").expect(2);
        assert_eq!(outcome.stdout, "", "{command}");
        assert!(
            outcome.stderr.contains("-o json needs --dry-run"),
            "{command} {outcome:#?}"
        );
    }
}

#[test]
fn dry_run_with_data_prints_the_data_and_no_preview() {
    for command in COMMANDS {
        let outcome = run_on_stdin(command, "-o json --dry-run").expect(0);
        let list = outcome.json();
        assert_eq!(list["dryRun"], "client", "{command}");
        let preview = outcome.stderr.lines().find(|line| line.starts_with("  "));
        assert_eq!(preview, None, "{command} {outcome:#?}");
        assert!(
            !outcome.stderr.contains("WORKLOAD"),
            "{command} {outcome:#?}"
        );
    }
}

#[test]
fn one_workload_is_not_summed_up() {
    for command in COMMANDS {
        let outcome = run_on_stdin(command, "--dry-run").expect(0);
        let summary = outcome
            .stderr
            .lines()
            .find(|line| line.contains("would be"));
        assert_eq!(summary, None, "{command} {outcome:#?}");
    }
}
