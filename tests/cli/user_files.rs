//! The user's own files, if they have no end.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::kubeconfig::kubeconfig;
use super::{automated, with_manifest};
use crate::support::program::TestEnvironment;
use crate::support::registry::TestRegistry;

/// A device that has no end.
const ENDLESS: &str = "/dev/zero";

fn mkfifo(environment: &TestEnvironment, name: &str) {
    let path = environment.home().join(name);
    let made = Command::new("mkfifo").arg(path).status().expect("mkfifo");
    assert!(made.success());
}

#[cfg(target_os = "linux")]
#[test]
fn file_without_an_end_is_an_error_that_names_the_file_and_the_limit() {
    let registry = TestRegistry::start();
    registry.tag("org/app", ["1.0.0", "1.0.1"]);
    let image = registry.image("org/app:1.0.0");
    let environment = with_manifest(&automated("semver:~1.0", &image));
    let status = ["status", "-f", "web.yaml"].as_slice();
    let name = image.rsplit_once(':').expect("a tag").0;
    for (arguments, variable, file, limit) in [
        (
            ["status", "-f", ENDLESS].as_slice(),
            None,
            ENDLESS,
            "64 MiB",
        ),
        (
            &["test", name, "--policy", "semver:*", "--tags-from", ENDLESS],
            None,
            ENDLESS,
            "256 MiB",
        ),
        (
            &["status", "--from-snapshot", ENDLESS],
            None,
            ENDLESS,
            "1024 MiB",
        ),
        (
            &["status", "-f", "web.yaml", "--registry-ca", ENDLESS],
            None,
            ENDLESS,
            "16 MiB",
        ),
        (
            &["status", "-f", "web.yaml", "--registries-conf", ENDLESS],
            None,
            ENDLESS,
            "4 MiB",
        ),
        (
            status,
            Some(("CONTAINERS_REGISTRIES_CONF", ENDLESS)),
            ENDLESS,
            "4 MiB",
        ),
        (
            &["status", "--kubeconfig", ENDLESS],
            None,
            ENDLESS,
            "16 MiB",
        ),
    ] {
        let mut run = environment.program(arguments);
        if let Some((variable, value)) = variable {
            run = run.env(variable, value);
        }
        let outcome = run.run();
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        let is_named = said.contains(file) && said.contains(&format!("larger than {limit}"));
        assert!(is_named, "{arguments:?} {variable:?}: {outcome:#?}");
    }
    let server = "https://127.0.0.1:1";
    for (cluster, user, expected) in [
        (
            json!({"server": server, "certificate-authority": ENDLESS}),
            json!({}),
            "unable to use the certificate authority of c: it is larger than 16 MiB",
        ),
        (
            json!({"server": server}),
            json!({"client-certificate": ENDLESS, "client-key": ENDLESS}),
            "unable to read client-certificate /dev/zero for u due to open /dev/zero: it is larger than \
             1 MiB",
        ),
        (
            json!({"server": server}),
            json!({"tokenFile": ENDLESS}),
            "the token in /dev/zero is larger than 1048576 bytes",
        ),
    ] {
        environment.write("config", kubeconfig(&cluster, &user));
        let outcome = environment
            .run(["status", "--kubeconfig", "config"])
            .expect(1);
        assert!(outcome.stderr.contains(expected), "{outcome:#?}");
    }
}

#[test]
fn standard_input_without_an_end_is_an_error() {
    let environment = TestEnvironment::new();
    for (arguments, limit) in [
        ("status -f -", "- is larger than 64 MiB"),
        ("status -f /dev/stdin", "/dev/stdin is larger than 64 MiB"),
    ] {
        let program = environment.program(arguments.split(' '));
        let mut words = vec![program.command().get_program().to_owned()];
        words.extend(program.command().get_args().map(ToOwned::to_owned));
        let output = Command::new("/bin/sh")
            .args(["-c", "cat /dev/zero | \"$@\"", "sh"])
            .args(words)
            .env("HOME", environment.home())
            .output()
            .expect("a shell");
        let stderr = String::from_utf8(output.stderr).expect("text");
        assert!(stderr.contains(limit), "{stderr}");
    }
}

#[test]
fn named_pipe_is_read_once_and_without_a_writer_is_an_error() {
    let environment = TestEnvironment::new();
    mkfifo(&environment, "pipe");
    let outcome = environment
        .program(["status", "-f", "pipe"])
        .within(Duration::from_secs(30))
        .run()
        .expect(1);
    let expected = "error: cannot read pipe: it is a pipe, and no program opened it within 5 s";
    assert!(outcome.stderr.starts_with(expected), "{outcome:#?}");

    let manifest = automated("semver:>>", "org/app:1");
    let pipe = environment.home().join("pipe");
    let writer = std::thread::spawn(move || std::fs::write(pipe, manifest));
    let outcome = environment
        .run(["status", "-f", "pipe", "-o", "json"])
        .expect(0);
    assert_eq!(outcome.items().len(), 1, "{outcome:#?}");
    writer.join().expect("ended").expect("written");
}
