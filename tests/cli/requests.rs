//! The requests that a run sends to a registry. (A loopback host is first tried with
//! TLS; a server without TLS never sees that as a request.)

use super::{AUTOMATED, LOCKED, automated, deployment, with_manifest};
use crate::support::content::{Content, Image, digest_of};
use crate::support::registry::TestRegistry;

const LIST: &str = "GET /v2/org/app/tags/list";

/// The requests of `status` for a manifest, sorted.
fn asked(registry: &TestRegistry, manifest: &str, more: &[&str]) -> Vec<String> {
    registry.forget();
    let environment = with_manifest(manifest);
    let args = ["status", "-f", "web.yaml", "-o", "json"];
    environment.run(args.iter().chain(more)).expect(0);
    let mut paths = registry.paths();
    paths.sort();
    paths
}

/// Versions and builds, each with its own image; knows the requests that read a
/// tag's creation time.
struct Served {
    registry: TestRegistry,
}

impl Served {
    fn new() -> Self {
        let registry = TestRegistry::start();
        for (day, tag) in ["1.0.0", "1.0.1", "2.0.0", "dev-a", "dev-b", "stg-c"]
            .iter()
            .enumerate()
        {
            registry.push("org/app", tag, Self::image(day, tag));
        }
        Self { registry }
    }

    fn image(day: usize, tag: &str) -> Image {
        Image::built(&format!("2024-01-0{}T00:00:00Z", day + 1)).label(tag)
    }

    fn reference(&self, tag: &str) -> String {
        self.registry.image(&format!("org/app:{tag}"))
    }

    /// The requests for the manifest and config of a tag.
    fn details(day: usize, tag: &str) -> [String; 2] {
        let content = Content::from(Self::image(day, tag));
        let config = digest_of(&content.configs[0].bytes);
        [
            format!("GET /v2/org/app/manifests/{tag}"),
            format!("GET /v2/org/app/blobs/{config}"),
        ]
    }
}

/// The request for the tag list and these requests, sorted.
fn list_and(details: &[[String; 2]]) -> Vec<String> {
    let mut paths = vec![LIST.to_owned()];
    paths.extend(details.iter().flatten().cloned());
    paths.sort();
    paths
}

#[test]
fn containers_without_a_policy_cost_no_requests() {
    let served = Served::new();
    let image = served.reference("1.0.0");
    let app = [("app", image.as_str())];
    let patch = "fluxcd.io/tag.app: semver:~1.0";
    for (what, annotations) in [
        ("manual", &["note: none"][..]),
        ("ignored", &["fluxcd.io/ignore: \"true\"", AUTOMATED, patch]),
        ("locked without a policy", &[LOCKED]),
    ] {
        let manifest = deployment("web", annotations, &app);
        assert_eq!(asked(&served.registry, &manifest, &[]), [""; 0], "{what}");
    }
}

#[test]
fn version_policy_costs_one_tag_list() {
    let served = Served::new();
    for (what, policy, tag) in [
        ("up to date", "semver:~1.0", "1.0.1"),
        ("nothing matches", "semver:~7.0", "1.0.0"),
        ("by the text", "alphabetical:desc", "1.0.0"),
    ] {
        let manifest = automated(policy, &served.reference(tag));
        assert_eq!(asked(&served.registry, &manifest, &[]), [LIST], "{what}");
    }
}

#[test]
fn invalid_policy_costs_no_requests() {
    let served = Served::new();
    let manifest = automated("semver:>>1", &served.reference("1.0.0"));
    assert_eq!(asked(&served.registry, &manifest, &[]), [""; 0]);
}

#[test]
fn update_reads_the_elected_image_and_without_a_platform_also_the_running_one() {
    let served = Served::new();
    let amd64 = ["--platform", "linux/amd64"];
    let manifest = automated("semver:~1.0", &served.reference("1.0.0"));
    let (running, elected) = (Served::details(0, "1.0.0"), Served::details(1, "1.0.1"));
    let expected = list_and(std::slice::from_ref(&elected));
    assert_eq!(asked(&served.registry, &manifest, &amd64), expected);
    let expected = list_and(&[running, elected]);
    assert_eq!(asked(&served.registry, &manifest, &[]), expected);
    let current = automated("semver:~1.0", &served.reference("1.0.1"));
    assert_eq!(asked(&served.registry, &current, &amd64), [LIST]);
}

#[test]
fn order_by_time_reads_the_accepted_tags_and_the_running_one() {
    let served = Served::new();
    let dev = [Served::details(3, "dev-a"), Served::details(4, "dev-b")];
    let inside = automated("glob:dev-*", &served.reference("dev-a"));
    assert_eq!(asked(&served.registry, &inside, &[]), list_and(&dev));
    // A running tag that the policy does not accept is also dated.
    let outside = automated("regex:^dev-", &served.reference("stg-c"));
    let [a, b] = dev;
    let expected = list_and(&[a, b, Served::details(5, "stg-c")]);
    assert_eq!(asked(&served.registry, &outside, &[]), expected);
}

#[test]
fn digest_policy_costs_one_head_request() {
    let served = Served::new();
    let content = Content::from(Served::image(1, "1.0.1"));
    let digest = content.manifest.digest.clone();
    let head = "HEAD /v2/org/app/manifests/1.0.1".to_owned();
    let current = format!("{}@{digest}", served.reference("1.0.1"));
    let manifest = automated("digest:1.0.1", &current);
    assert_eq!(asked(&served.registry, &manifest, &[]).join(" "), head);
    // An image is read before it is written.
    let manifest = automated("digest:1.0.1", &served.reference("1.0.0"));
    let amd64 = ["--platform", "linux/amd64"];
    let config = digest_of(&content.configs[0].bytes);
    let expected = [
        format!("GET /v2/org/app/blobs/{config}"),
        format!("GET /v2/org/app/manifests/{digest}"),
        head,
    ];
    assert_eq!(asked(&served.registry, &manifest, &amd64), expected);
}

#[test]
fn containers_of_one_repository_share_requests() {
    let served = Served::new();
    let (old, new) = (served.reference("1.0.0"), served.reference("1.0.1"));
    let patch = [
        "fluxcd.io/tag.app: semver:~1.0",
        "fluxcd.io/tag.side: semver:*",
    ];
    let two = deployment(
        "web",
        &[AUTOMATED, patch[0], patch[1]],
        &[("app", &old), ("side", &new)],
    );
    let third = deployment("db", &[AUTOMATED, patch[0]], &[("app", &old)]);
    let manifest = format!("{two}---\n{third}");
    let expected = list_and(&[
        Served::details(0, "1.0.0"),
        Served::details(1, "1.0.1"),
        Served::details(2, "2.0.0"),
    ]);
    assert_eq!(asked(&served.registry, &manifest, &[]), expected);
}

#[test]
fn registries_of_containers_that_are_not_named_are_left_alone() {
    let (served, other) = (Served::new(), Served::new());
    let policies = ["fluxcd.io/tag.app: semver:~1.0", "fluxcd.io/tag.db: glob:*"];
    let (app, db) = (served.reference("1.0.0"), other.reference("1.0.0"));
    let manifest = deployment(
        "web",
        &[AUTOMATED, policies[0], policies[1]],
        &[("app", &app), ("db", &db)],
    );
    let environment = with_manifest(&manifest);
    for command in ["explain", "images", "update"] {
        let mut words = vec![command, "deployment/web", "-c", "app", "-f", "web.yaml"];
        words.extend((command == "update").then_some("--yes"));
        environment.run(words).expect(0);
        let seen = (
            served.registry.requests().len() > 1,
            other.registry.requests().len(),
        );
        assert_eq!(seen, (true, 0), "{command}");
    }
}

#[test]
fn each_page_of_a_tag_list_is_requested_once() {
    let registry = TestRegistry::start();
    registry.tag("org/app", (0..250).map(|n| format!("1.0.{n}")));
    registry.page_size(100);
    let manifest = automated("semver:~1.0", &registry.image("org/app:1.0.249"));
    assert_eq!(asked(&registry, &manifest, &[]), [LIST; 3]);
}

#[test]
fn verbose_summary_counts_the_same_requests() {
    let served = Served::new();
    let environment = with_manifest(&automated("glob:dev-*", &served.reference("dev-a")));
    let outcome = environment
        .run(["status", "-f", "web.yaml", "-v"])
        .expect(0);
    // The server does not see the attempt with TLS.
    let seen = served.registry.requests().len();
    assert_eq!(seen, 5);
    let line = format!("{} requests to registries for 1 repository, ", seen + 1);
    assert!(outcome.stderr.contains(&line), "{outcome:#?}");
}
