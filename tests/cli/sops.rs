//! Manifests encrypted with SOPS: they are read, but not written if the checksum covers
//! the whole document.

use std::fs;

use super::{AUTOMATED, deployment, root};
use crate::support::program::{Outcome, TestEnvironment};

const SEALED: &str = "encrypted by SOPS, and a change would invalidate its checksum";

/// A Deployment with these lines in its `sops` block, and one without.
fn files(block: &[&str]) -> (TestEnvironment, String) {
    let policy = "fluxcd.io/tag.app: semver:~1.0";
    let image = &[("app", "docker.io/org/my-app:1.0.0")];
    let mut text = deployment("sealed", &[AUTOMATED, policy], image);
    text.push_str("sops:\n  mac: ENC[AES256_GCM,data:abcd,iv:AAAA,tag:AAAA,type:str]\n");
    for line in block {
        text.push_str(&format!("  {line}\n"));
    }
    let all = format!(
        "{text}---\n{}",
        deployment("web", &[AUTOMATED, policy], image)
    );
    let environment = TestEnvironment::new();
    environment.write("web.yaml", &all);
    (environment, text)
}

fn run(environment: &TestEnvironment, words: &str) -> Outcome {
    let layout = root().join("docs/quickstart/images").display().to_string();
    let asks = !words.starts_with("deautomate") && !words.starts_with("policy unset");
    let layout = asks.then_some(["--oci-layout", &layout]);
    let words = words.split(' ').chain(["-f", "web.yaml"]);
    environment.run(words.chain(layout.into_iter().flatten()))
}

#[test]
fn sealed_document_is_never_written_but_the_others_are() {
    for words in [
        "update --yes",
        "update --image docker.io/org/my-app:1.0.1 --yes",
        "deautomate --yes",
        "policy set --tag app=semver:~1 --overwrite --yes",
        "policy unset --all-policies --yes",
    ] {
        let (environment, sealed) = files(&["encrypted_regex: ^data$"]);
        let outcome = run(&environment, words).expect(1);
        assert!(outcome.stderr.contains(SEALED), "{words}: {outcome:?}");
        assert!(outcome.stderr.contains("sealed"), "{words}: {outcome:?}");
        assert!(outcome.stdout.contains("deployment.apps/web "), "{words}");
        let after = fs::read_to_string(environment.home().join("web.yaml")).expect("a file");
        assert!(after.starts_with(&sealed), "{words}: {after}");
    }
}

#[test]
fn document_with_a_partial_checksum_is_written_and_rolled_back() {
    let (environment, sealed) = files(&["mac_only_encrypted: true", "encrypted_regex: ^data$"]);
    run(&environment, "update --yes").expect(0);
    let file = environment.home().join("web.yaml");
    let after = fs::read_to_string(&file).expect("a file");
    assert_eq!(after.matches("my-app:1.0.1\n").count(), 2, "{after}");
    // If the checksum covers everything, an existing record is kept.
    let stays = after.replace("  mac_only_encrypted: true\n", "");
    fs::write(&file, &stays).expect("a file");
    let outcome = run(&environment, "rollback deployment/sealed --yes").expect(1);
    assert!(outcome.stderr.contains(SEALED), "{outcome:?}");
    assert_eq!(fs::read_to_string(&file).expect("a file"), stays);
    fs::write(&file, &after).expect("a file");
    run(&environment, "rollback deployment/sealed --yes").expect(0);
    let back = fs::read_to_string(&file).expect("a file");
    assert_eq!(back.matches("my-app:1.0.1\n").count(), 1, "{back}");
    assert!(sealed.contains("my-app:1.0.0\n"));
}

#[test]
fn status_reads_a_sealed_document_and_warns_that_it_is_not_writable() {
    let (environment, _) = files(&[]);
    let outcome = run(&environment, "status -o json").expect(0);
    let list = outcome.json();
    let item = &list["items"][0];
    assert_eq!(item["workload"]["name"], "sealed");
    assert_eq!(item["outcome"], "update");
    assert_eq!(item["warnings"][0]["code"], "not-writable");
    assert_eq!(
        list["items"][1]["warnings"].as_array().map(Vec::len),
        Some(0)
    );
    // A command that would be refused is not suggested.
    let outcome = run(&environment, "explain deployment/sealed").expect(0);
    assert!(!outcome.stdout.contains("Next:"), "{outcome:?}");
}

#[test]
fn encrypted_image_or_policy_is_reported_as_encrypted() {
    let encrypted = "ENC[AES256_GCM,data:q83v,iv:AAAA,tag:AAAA,type:str]";
    let environment = TestEnvironment::new();
    let text = |image: &str, policy: &str| {
        let policy = format!("fluxcd.io/tag.app: {policy}");
        deployment("web", &[AUTOMATED, &policy], &[("app", image)])
    };
    for (image, policy, reason) in [
        (encrypted, "semver:~1.0", "unparsable-image"),
        ("docker.io/org/my-app:1.0.0", encrypted, "invalid-policy"),
    ] {
        environment.write("web.yaml", text(image, policy));
        let list = run(&environment, "status -o json").expect(0).json();
        let item = &list["items"][0];
        assert_eq!(item["reason"], reason);
        let message = item["message"].as_str().expect("a message");
        assert!(message.contains("encrypted by SOPS"), "{message}");
    }
}
