//! Manifests with the same kind and name in two API groups.

use std::fs;

#[cfg(unix)]
use super::menu::Terminal;
use super::with_manifest;
use crate::support::program::TestEnvironment;
#[cfg(unix)]
use crate::support::pty::key;

/// HelmReleases named `a` of Flux 1 and Flux 2, on a registry that does not exist.
fn releases() -> TestEnvironment {
    let release = |api_version: &str| {
        format!(
            "apiVersion: {api_version}\nkind: HelmRelease\nmetadata:\n  name: a\nspec:\n  \
             values:\n    image: 127.0.0.1:1/org/app:1.0.0\n"
        )
    };
    let [flux_1, flux_2] = ["helm.fluxcd.io/v1", "helm.toolkit.fluxcd.io/v2"].map(release);
    with_manifest(&format!("{flux_1}---\n{flux_2}"))
}

const FLUX_1: &str = "helmrelease.helm.fluxcd.io/a";
const FLUX_2: &str = "helmrelease.helm.toolkit.fluxcd.io/a";

#[test]
fn read_shows_each_group_and_a_qualified_name_selects_it() {
    let environment = releases();
    for words in [&["status"][..], &["status", "hr/a"], &["status", "hr"]] {
        let words = words.iter().chain(&["-o", "name", "-f", "web.yaml"]);
        let outcome = environment.run(words.copied()).expect(0);
        assert_eq!(outcome.stdout, format!("{FLUX_1}\n{FLUX_2}\n"));
    }
    for name in [FLUX_1, FLUX_2] {
        let words = ["status", name, "-o", "name", "-f", "web.yaml"];
        let outcome = environment.run(words).expect(0);
        assert_eq!(outcome.stdout, format!("{name}\n"));
    }
    for (word, message) in [
        (
            "hr.v2beta1.helm.toolkit.fluxcd.io/a",
            "error: helmrelease.v2beta1.helm.toolkit.fluxcd.io \"a\" not found in the files",
        ),
        (
            "hr.fluxcd.io/a",
            "error: the server doesn't have a resource type \"hr.fluxcd.io\"",
        ),
    ] {
        let outcome = environment
            .run(["status", word, "-f", "web.yaml"])
            .expect(1);
        assert!(outcome.stderr.contains(message), "{}", outcome.stderr);
    }
}

#[test]
fn write_to_an_ambiguous_name_is_refused_and_to_a_qualified_name_accepted() {
    let environment = releases();
    let manifest = || fs::read_to_string(environment.home().join("web.yaml")).expect("readable");
    let before = manifest();
    for command in ["lock", "update", "rollback"] {
        let outcome = environment
            .run([command, "hr/a", "--yes", "-f", "web.yaml"])
            .expect(1);
        assert_eq!(outcome.stdout, "");
        let refusal = format!(
            "error: helmrelease/a is ambiguous ({FLUX_1}, {FLUX_2}); name the one to change"
        );
        assert!(outcome.stderr.contains(&refusal), "{}", outcome.stderr);
        assert_eq!(manifest(), before);
    }
    let outcome = environment
        .run(["lock", FLUX_2, "--yes", "-f", "web.yaml"])
        .expect(0);
    assert_eq!(outcome.stdout, format!("{FLUX_2} annotated\n"));
    let after = manifest();
    let (first, second) = after.split_once("---").expect("two documents");
    assert!(before.starts_with(first), "{after}");
    assert!(second.contains("fluxcd.io/locked: \"true\""), "{after}");
}

/// The menu shows both with their groups; the question and the printed command name
/// the chosen one.
#[cfg(unix)]
#[test]
fn menu_distinguishes_the_groups() {
    let release = |api_version: &str| {
        format!(
            "apiVersion: {api_version}\nkind: HelmRelease\nmetadata:\n  name: a\nspec:\n  \
             values:\n    image: docker.io/org/my-app:1.0.0\n"
        )
    };
    let [flux_1, flux_2] = ["helm.fluxcd.io/v1", "helm.toolkit.fluxcd.io/v2"].map(release);
    let terminal = Terminal::new();
    let before = format!("{flux_1}---\n{flux_2}");
    terminal.environment.write("shop.yaml", &before);
    let mut pty = terminal.start(&["automate", "hr"], "");
    pty.wait("Which workloads do you want to automate?")
        .wait("hr.helm.fluxcd.io/a ")
        .wait("hr.helm.toolkit.fluxcd.io/a ")
        .press(key::DOWN)
        .press(" ");
    pty.wait("1 of 2 checked").press(key::ENTER);
    pty.wait("follow?").press(key::ENTER);
    pty.wait("Would move from 1.0.0 to 1.2.0").press(key::ENTER);
    pty.wait(&format!("Automate {FLUX_2} in file shop.yaml? [y/N]"))
        .press("y\r");
    let left = terminal.end(pty).expect(0);
    let command = format!("kubectl imgpolicy automate {FLUX_2} --tag");
    assert!(left.screen.contains(&command), "{}", left.screen);
    let after = terminal.file();
    let (first, second) = after.split_once("---").expect("two documents");
    assert!(before.starts_with(first), "{after}");
    assert!(second.contains("fluxcd.io/automated: \"true\""), "{after}");
}
