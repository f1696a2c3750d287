//! Completion, for shells and for kubectl.

use crate::support::program::TestEnvironment;

fn complete(words: &[&str]) -> Vec<String> {
    let environment = TestEnvironment::new();
    let outcome = environment
        .run(["__complete"].iter().chain(words))
        .expect(0);
    assert_eq!(outcome.stderr, "", "{words:?}");
    let mut lines: Vec<String> = outcome.stdout.lines().map(str::to_owned).collect();
    // Cobra's directive for "no file names".
    assert_eq!(lines.pop().as_deref(), Some(":4"), "{words:?}");
    lines
}

#[test]
fn each_shell_has_a_completion_script() {
    let environment = TestEnvironment::new();
    for (shell, part) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef kubectl-imgpolicy"),
        ("fish", "complete -c kubectl-imgpolicy"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion"),
        ("kubectl", "exec kubectl imgpolicy __complete \"$@\""),
    ] {
        let outcome = environment.run(["completion", shell]).expect(0);
        assert!(outcome.stdout.contains(part), "{shell}");
    }
    let outcome = environment.run(["completion", "tcsh"]).expect(2);
    assert!(
        outcome.stderr.contains("kubectl, bash, zsh"),
        "{outcome:#?}"
    );
}

#[test]
fn bash_script_is_valid_bash() {
    let environment = TestEnvironment::new();
    let script = environment.run(["completion", "bash"]).expect(0).stdout;
    environment.write("script", script);
    let status = std::process::Command::new("bash")
        .arg("-n")
        .arg(environment.home().join("script"))
        .status();
    // Without bash there is nothing to check.
    assert!(status.map_or(true, |status| status.success()));
}

#[test]
fn kubectl_gets_candidates_with_descriptions() {
    let commands = complete(&[""]);
    assert!(
        commands
            .iter()
            .any(|line| line.starts_with("status\tShow ")),
        "{commands:?}"
    );
    assert!(
        commands.iter().all(|line| !line.starts_with("__")),
        "{commands:?}"
    );
    assert_eq!(complete(&["exp"]).len(), 1);
    let words = |words: &[&str]| complete(words).join(" ");
    assert_eq!(words(&["status", "-o", ""]), "json name table wide yaml");
    assert_eq!(words(&["explain", "-o", ""]), "json table yaml");
    let only = complete(&["status", "--only", "m"]);
    assert!(only[0].starts_with("managed\tRows ") && only[1].starts_with("manual\tManual "));
    // The value of a flag may have a command's name.
    assert_eq!(complete(&["-n", "test", "expl"]).len(), 1);
    assert_eq!(words(&["completion", "ba"]), "bash\tGNU Bash");
    assert!(complete(&["status", "--ass"])[0].starts_with("--assume\t"));
    assert!(words(&["status", "d"]).contains("deployment/"));
}

#[test]
fn unreachable_cluster_only_means_no_name_candidates() {
    let no_names: [&str; 0] = [];
    assert_eq!(complete(&["status", "deployment/"]), no_names);
    assert_eq!(complete(&["status", "-n", ""]), no_names);
    assert_eq!(complete(&["explain", "deployment/web", "-c", ""]), no_names);
    assert_eq!(complete(&["nosuch", "--nosuch=", "\u{1b}"]), no_names);
}
