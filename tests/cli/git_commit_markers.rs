//! `--commit-per` where Flux's markers are written.

#![cfg(unix)]

use super::deployment;
use super::git::{OLD, update};
use super::git_commits::{PER_WORKLOAD, PROXY, automated, subjects, updates_in_history};
use crate::support::git::TestRepository;

/// ImagePolicies that have recorded newer images, a file with their markers, and a workload
/// whose annotations move the lines of the markers below it.
fn with_markers() -> TestRepository {
    let policy = |name: &str, tag: &str| {
        format!(
            "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata:\n  name: {name}\n  \
             namespace: flux-system\nspec:\n  policy:\n    semver: {{range: '*'}}\nstatus:\n  \
             latestRef:\n    name: org/{name}\n    tag: {tag}\n---\n"
        )
    };
    let marked = |name: &str, policy: &str| {
        let image = format!("org/{policy}:1.0.0 # {{\"$imagepolicy\": \"flux-system:{policy}\"}}");
        deployment(name, &["a: b"], &[("app", &image)])
    };
    let all = format!(
        "{}---\n{}---\nkind: ConfigMap\napiVersion: v1\nmetadata:\n  name: c\ndata:\n  tag: 1.0.0 # \
         {{\"$imagepolicy\": \"flux-system:app:tag\"}}\n",
        marked("api", "app"),
        marked("web", "side"),
    );
    let repository = TestRepository::with(&[("apps/all.yaml", &all)]);
    let policies = policy("app", "1.2.0") + &policy("side", "1.3.0");
    repository.environment.write("policies.yaml", policies);
    repository
}

#[test]
fn marked_values_are_in_the_commit_of_their_workload_or_policy() {
    let recorded = ["-f", "../policies.yaml", "--elected=recorded"];
    let repository = with_markers();
    let run = update(&repository, &[&recorded[..], &PER_WORKLOAD].concat());
    run.run().expect(0);
    let expected = [
        "Update apps/all.yaml:12 (flux-system/app): org/app:1.0.0 → 1.2.0",
        "Update apps/all.yaml:25 (flux-system/side): org/side:1.0.0 → 1.3.0",
        "Update apps/all.yaml:32 (flux-system/app): 1.0.0 → 1.2.0",
    ];
    assert_eq!(subjects(&repository), expected);
    assert_eq!(updates_in_history(&repository, "deployment/web").len(), 1);

    let repository = with_markers();
    let words = ["--git=.", "--yes", "--commit-per=image"];
    let run = update(&repository, &[&recorded[..], &words].concat());
    run.run().expect(0);
    let expected = ["Update 2 marked values of flux-system/app", expected[1]];
    assert_eq!(subjects(&repository), expected);
}

/// An ImagePolicy that elects an image of `docker.io/org/my-proxy`.
const PROXY_POLICY: &str = "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata:\n  name: \
                  proxy\n  namespace: flux-system\nspec:\n  imageRepositoryRef:\n    name: proxy\n  \
                  policy:\n    alphabetical: {}\n  filterTags:\n    pattern: ^stg\n---\napiVersion: \
                  image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata:\n  name: proxy\n  \
                  namespace: flux-system\nspec:\n  image: docker.io/org/my-proxy\n";

#[test]
fn marked_value_below_an_annotated_workload_is_found_again_in_history() {
    let marker = "{\"$imagepolicy\": \"flux-system:proxy\"}";
    let edge = deployment(
        "edge",
        &["a: b"],
        &[("app", &format!("{PROXY} # {marker}"))],
    );
    let both = format!("{}---\n{edge}", automated("web", &[("app", OLD)]));
    let repository = TestRepository::with(&[("apps/both.yaml", &both)]);
    repository.environment.write("policies.yaml", PROXY_POLICY);
    let run = update(
        &repository,
        &[&["-f=../policies.yaml"][..], &PER_WORKLOAD].concat(),
    );
    run.run().expect(0);
    // The annotations of the first commit have moved it.
    let line = |text: &str| {
        text.lines()
            .position(|line| line.contains(marker))
            .expect("a line")
    };
    let before = line(&repository.git(&["show", "HEAD~1:apps/both.yaml"]));
    assert_eq!(before, line(&both) + 4);
    let expected = format!(
        "Update apps/both.yaml:{} (flux-system/proxy): docker.io/org/my-proxy:stg-4s7bsgv → \
         stg-k2x9d1m",
        before + 1
    );
    assert_eq!(subjects(&repository)[1..], [expected]);
    let edge = updates_in_history(&repository, "deployment/edge");
    assert_eq!(edge, [format!("app {}", &repository.head()[..9])]);
}

#[test]
fn file_that_is_written_in_two_ways_is_in_one_commit() {
    let prod = "resources: [web.yaml]\nimages:\n- name: docker.io/org/my-app\n  newTag: 1.0.0\n- name: \
                other\n  newTag: stg-4s7bsgv # {\"$imagepolicy\": \"flux-system:proxy:tag\"}\n";
    let repository = TestRepository::with(&[
        ("apps/kustomization.yaml", prod),
        ("apps/web.yaml", &automated("web", &[("app", OLD)])),
        ("apps/more/job.yaml", &automated("job", &[("app", OLD)])),
    ]);
    repository.environment.write("policies.yaml", PROXY_POLICY);
    let run = update(
        &repository,
        &[&["-f=../policies.yaml"][..], &PER_WORKLOAD].concat(),
    );
    run.run().expect(0);
    assert_eq!(
        subjects(&repository),
        [
            "Update deployment/job (app): docker.io/org/my-app:1.0.0 → 1.0.1",
            "Update 1 image and 1 marked value",
        ]
    );
    let after = repository.read("apps/kustomization.yaml");
    assert!(
        after.contains("1.0.1") && !after.contains("stg-4s7bsgv"),
        "{after}"
    );
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
}
