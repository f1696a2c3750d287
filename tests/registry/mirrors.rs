//! `registries.conf`: mirrors, locations and what is blocked.

use kubectl_imgpolicy::image::{Fact, FetchFailureKind, RepositoryMetadata};
use kubectl_imgpolicy::registry::{
    Account, DockerConfig, PullSecret, Registries, RegistriesConf, RegistryOptions,
};
use serde_json::json;

use super::{ask, ask_with, block_on, created, failure, image, name, options, tags};
use crate::support::content::Image;
use crate::support::program::TestEnvironment;
use crate::support::registry::{Access, Fault, TestRegistry};

const BUILT: &str = "2024-01-01T00:00:00Z";

/// A loopback port without a listener.
const DEAD_HOST: &str = "127.0.0.1:1";

/// The settings of a file with this text.
pub(super) fn conf(text: &str) -> RegistriesConf {
    let dir = tempfile::tempdir().expect("directory");
    let file = dir.path().join("registries.conf");
    std::fs::write(&file, text).expect("file");
    RegistriesConf::from_file(&file).expect(text)
}

/// A table for a registry with these mirrors.
fn mirrored(registry: &str, mirrors: &[&str]) -> String {
    let mirrors = mirrors
        .iter()
        .map(|mirror| format!("[[registry.mirror]]\nlocation = \"{mirror}\"\n"));
    let mirrors: String = mirrors.collect();
    format!("[[registry]]\nlocation = \"{registry}\"\n{mirrors}")
}

fn with_conf(text: &str) -> RegistryOptions {
    RegistryOptions {
        registries_conf: conf(text),
        ..options()
    }
}

/// A registry with one image, and its mirror, which has more images under `hub/`.
fn pair() -> (TestRegistry, TestRegistry) {
    let (own, mirror) = (TestRegistry::start(), TestRegistry::start());
    own.push("org/app", "1", Image::built(BUILT));
    for tag in ["1", "2"] {
        mirror.push("hub/org/app", tag, Image::built(BUILT).label(tag));
    }
    (own, mirror)
}

fn all_facts(version: &str) -> Vec<Fact> {
    let mut facts = created([version]);
    facts.push(Fact::Tags);
    facts
}

/// The message of a tag list that failed.
fn refused(metadata: &RepositoryMetadata, kind: FetchFailureKind) -> String {
    let failure = failure(&metadata.tags);
    assert_eq!(failure.kind, kind, "{failure}");
    failure.message.clone()
}

#[test]
fn a_repository_is_read_from_its_mirror_and_not_from_its_registry() {
    let (own, mirror) = pair();
    let options = with_conf(&mirrored(&own.host(), &[&mirror.image("hub")]));
    let metadata = ask_with(options, &own.image("org/app"), all_facts("2"));
    assert_eq!(tags(&metadata), ["1", "2"]);
    assert!(image(&metadata, "2").created.value().is_some());
    assert_eq!(mirror.requests().len(), 3);
    assert_eq!(own.paths(), [""; 0]);
    assert_eq!(metadata.place, Some(name(&mirror.image("hub/org/app"))));
}

#[test]
fn a_location_replaces_the_prefix_of_a_name() {
    let (_, elsewhere) = pair();
    let text = format!(
        "[[registry]]\nprefix = \"docker.io/library\"\nlocation = \"{}\"",
        elsewhere.image("hub/org")
    );
    let metadata = ask_with(with_conf(&text), "app", vec![Fact::Tags]);
    assert_eq!(tags(&metadata), ["1", "2"]);
}

#[test]
fn the_first_source_that_answers_is_used_for_the_rest_of_the_run() {
    for fault in [
        Fault::Status(404),
        Fault::Status(403),
        Fault::Status(500),
        Fault::Body("<html>"),
    ] {
        let (own, mirror) = pair();
        mirror.fault("/tags/list", fault.clone());
        let options = with_conf(&mirrored(&own.host(), &[DEAD_HOST, &mirror.image("hub")]));
        let registries = Registries::new(options).expect("options");
        let metadata = ask(&registries, &own.image("org/app"), all_facts("1"));
        assert_eq!(tags(&metadata), ["1"], "{fault:?}");
        assert!(image(&metadata, "1").created.value().is_some(), "{fault:?}");
        assert_eq!(mirror.paths(), ["GET /v2/hub/org/app/tags/list"]);
        assert_eq!(own.count("/manifests/"), 1);
        assert_eq!(metadata.place, None, "under its own name");
    }
}

#[test]
fn the_chosen_source_is_kept_if_it_fails_later() {
    let (own, mirror) = pair();
    mirror.fault("/manifests/", Fault::Status(500));
    let options = with_conf(&mirrored(&own.host(), &[&mirror.image("hub")]));
    let metadata = ask_with(options, &own.image("org/app"), all_facts("1"));
    assert_eq!(tags(&metadata), ["1", "2"]);
    let failure = failure(&image(&metadata, "1").created);
    assert_eq!(failure.kind, FetchFailureKind::ServerError);
    assert_eq!(own.paths(), [""; 0]);
}

#[test]
fn concurrent_requests_use_the_same_source() {
    let (own, mirror) = pair();
    mirror.fault("/v2/", Fault::Status(404));
    let more: Vec<String> = (0..50).map(|n| format!("1.{n}")).collect();
    for tag in &more {
        own.push("org/app", tag, Image::built(BUILT).label(tag));
    }
    let options = with_conf(&mirrored(&own.host(), &[&mirror.image("hub")]));
    let facts = created(more.iter().map(String::as_str));
    let metadata = ask_with(options, &own.image("org/app"), facts);
    assert!(
        more.iter()
            .all(|tag| image(&metadata, tag).created.value().is_some())
    );
    assert_eq!(mirror.requests().len(), 1);
}

#[test]
fn if_every_source_fails_all_are_named_with_the_failure_of_the_registry_itself() {
    let (own, mirror) = pair();
    mirror.fault("/v2/", Fault::Status(500));
    own.require(Access::Basic("me", "hunter2"));
    let options = with_conf(&mirrored(&own.host(), &[&mirror.image("hub")]));
    let app = own.image("org/app");
    let metadata = ask_with(options, &app, vec![Fact::Tags]);
    let message = refused(&metadata, FetchFailureKind::Unauthorized);
    assert!(
        message.starts_with(&format!("{app}: access denied")),
        "{message}"
    );
    let there = mirror.image("hub/org/app");
    let at_mirror = format!("; {app} (mirror {there}): the registry answered HTTP 500");
    assert!(message.contains(&at_mirror), "{message}");
}

#[test]
fn a_failure_at_a_location_also_names_the_location() {
    let text = format!("[[registry]]\nprefix = \"docker.io\"\nlocation = \"{DEAD_HOST}/hub\"");
    let metadata = ask_with(with_conf(&text), "nginx", vec![Fact::Tags]);
    let message = refused(&metadata, FetchFailureKind::Unreachable);
    let expected = format!(
        "docker.io/library/nginx (location {DEAD_HOST}/hub/library/nginx): {DEAD_HOST} cannot"
    );
    assert!(message.starts_with(&expected), "{message}");
}

#[test]
fn a_blocked_registry_is_not_contacted() {
    let (own, mirror) = pair();
    let text = mirrored(&own.host(), &[&mirror.image("hub")]);
    let text = text.replace(
        "\n[[registry.mirror]]",
        "\nblocked = true\n[[registry.mirror]]",
    );
    let registries = Registries::new(with_conf(&text)).expect("options");
    let metadata = ask(&registries, &own.image("org/app"), all_facts("1"));
    let message = refused(&metadata, FetchFailureKind::Registry);
    assert!(message.contains("registries.conf:1 ("), "{message}");
    assert!(message.contains("blocked by "), "{message}");
    assert_eq!(registries.statistics().requests, 0);
    assert_eq!(failure(&image(&metadata, "1").created).message, message);
}

#[test]
fn a_mirror_for_digests_only_is_not_contacted() {
    for setting in [
        "pull-from-mirror = \"digest-only\"",
        "pull-from-mirror = \"tag-only\"",
    ] {
        let (own, mirror) = pair();
        let text = mirrored(&own.host(), &[&mirror.image("hub")]) + setting;
        let metadata = ask_with(with_conf(&text), &own.image("org/app"), all_facts("1"));
        let asked = !mirror.requests().is_empty();
        assert_eq!(asked, setting.contains("tag-only"), "{setting}");
        assert!(image(&metadata, "1").created.value().is_some());
    }
}

/// A docker config file with these users by their keys.
fn logins(users: &[(&str, &str)]) -> serde_json::Value {
    let auths = users.iter().map(|(key, user)| {
        let login = json!({"username": user, "password": "hunter2"});
        ((*key).to_owned(), login)
    });
    json!({"auths": serde_json::Map::from_iter(auths)})
}

/// The users whose credentials were sent, in order, each once.
fn shown_to(registry: &TestRegistry) -> Vec<String> {
    let shown = registry
        .requests()
        .into_iter()
        .filter_map(|r| r.authorization);
    let mut shown: Vec<String> = shown.collect();
    shown.dedup();
    shown
}

#[test]
fn a_mirror_gets_its_own_credentials_and_never_those_of_the_registry() {
    let (mine, mirrors) = ("Basic bWluZTpodW50ZXIy", "Basic bWlycm9yczpodW50ZXIy");
    for (knows_mirror, at_mirror, at_own) in
        [(true, vec![mirrors], vec![]), (false, vec![], vec![mine])]
    {
        let (own, mirror) = pair();
        own.require(Access::Basic("mine", "hunter2"));
        mirror.require(Access::Basic("mirrors", "hunter2"));
        let (own_host, mirror_host) = (own.host(), mirror.host());
        let mut users = vec![(own_host.as_str(), "mine")];
        if knows_mirror {
            users.push((&mirror_host, "mirrors"));
        }
        let dir = tempfile::tempdir().expect("directory");
        let file = dir.path().join("config.json");
        std::fs::write(&file, logins(&users).to_string()).expect("file");
        let mut options = with_conf(&mirrored(&own.host(), &[&mirror.image("hub")]));
        options.credential_files = vec![file];
        let metadata = ask_with(options, &own.image("org/app"), all_facts("1"));
        assert!(image(&metadata, "1").created.value().is_some());
        assert_eq!(shown_to(&mirror), at_mirror);
        assert_eq!(shown_to(&own), at_own);
    }
}

#[test]
fn what_one_account_reads_from_a_mirror_is_not_returned_to_another() {
    let (own, mirror) = pair();
    mirror.require(Access::Basic("mirrors", "hunter2"));
    let options = with_conf(&mirrored(&own.host(), &[&mirror.image("hub")]));
    let registries = Registries::new(options).expect("options");
    let account = |users: &[(&str, &str)]| {
        let config = DockerConfig::parse(logins(users).to_string().as_bytes()).expect("config");
        let origin = "secret a/b".to_owned();
        Account::from_pull_secrets(vec![PullSecret { origin, config }])
    };
    let host = mirror.host();
    let app = name(&own.image("org/app"));
    let mut seen = Vec::new();
    for account in [account(&[(&host, "mirrors")]), account(&[])] {
        let mut metadata = RepositoryMetadata::default();
        block_on(registries.answer(&account, &app, vec![Fact::Tags], &mut metadata));
        seen.push(tags(&metadata).join(" "));
    }
    // The second account may not read the mirror, so it reads the registry.
    assert_eq!(seen, ["1 2", "1"]);
}

mod program {
    use super::*;

    /// `test IMAGE --policy semver:*`, with further arguments.
    fn args<'a>(image: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let mut args = vec!["test", image, "--policy", "semver:*"];
        args.extend(more);
        args
    }

    #[test]
    fn the_flag_wins_over_the_variable_and_the_variable_over_the_users_file() {
        let env = TestEnvironment::new();
        let (own, mirror) = pair();
        let image = own.image("org/app:1");
        let blocks = format!(
            "[[registry]]\nlocation = \"{}\"\nblocked = true\n",
            own.host()
        );
        env.write(".config/containers/registries.conf", &blocks);
        let users = env
            .program(args(&image, &[]))
            .without("CONTAINERS_REGISTRIES_CONF");
        let users = users.run().expect(1);
        assert!(users.stdout.contains("blocked by "), "{users:#?}");
        assert!(
            users
                .stdout
                .contains(".config/containers/registries.conf:1"),
            "{users:#?}"
        );
        let named = env.write("named.conf", mirrored(&own.host(), &[DEAD_HOST]));
        let named = named.to_str().expect("UTF-8");
        let by_variable = env
            .program(args(&image, &[]))
            .env("CONTAINERS_REGISTRIES_CONF", named);
        assert!(by_variable.run().expect(0).stdout.contains("1"));
        assert_eq!(own.count("/tags/list"), 1);
        let flagged = env.write("flag.conf", mirrored(&own.host(), &[&mirror.image("hub")]));
        let flagged = flagged.to_str().expect("UTF-8");
        let by_flag = env
            .program(args(&image, &["--registries-conf", flagged]))
            .env("CONTAINERS_REGISTRIES_CONF", named);
        by_flag.run().expect(0);
        assert_eq!(
            (own.count("/tags/list"), mirror.count("/tags/list")),
            (1, 1)
        );
    }

    #[test]
    fn explain_names_the_source_that_was_read() {
        let (own, mirror) = pair();
        let environment = TestEnvironment::new();
        environment.write("r.conf", mirrored(&own.host(), &[&mirror.image("hub")]));
        let manifest = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  annotations: \
             {{fluxcd.io/tag.app: \"glob:*\"}}\nspec: {{template: {{spec: {{containers: \
             [{{name: app, image: \"{}\"}}]}}}}}}\n",
            own.image("org/app:1")
        );
        environment.write("web.yaml", manifest);
        let explain = [
            "explain",
            "deploy/web",
            "-f",
            "web.yaml",
            "--registries-conf",
            "r.conf",
        ];
        let told = environment.run(explain).expect(0).stdout;
        let place = mirror.image("hub/org/app");
        let asked = told
            .lines()
            .find(|line| line.starts_with("Source:"))
            .expect(&told);
        assert!(asked.ends_with(&format!(", as {place}")), "{asked}");
        let json = environment.run(explain.iter().chain(&["-o", "json"]));
        let place = format!("\"place\": \"{place}\"");
        assert!(json.expect(0).stdout.contains(&place), "{place}");
    }

    #[test]
    fn an_invalid_file_ends_the_run_and_is_named_with_its_line() {
        let env = TestEnvironment::new();
        env.write(
            "bad.conf",
            "[[registry]]\nlocation = \"a.io\"\nblock = true\n",
        );
        for (file, expected) in [
            ("bad.conf", "error: bad.conf:3: unknown field `block`"),
            ("gone.conf", "error: cannot read gone.conf: "),
        ] {
            let outcome = env
                .run(args("nginx:1", &["--registries-conf", file]))
                .expect(1);
            assert!(outcome.stderr.starts_with(expected), "{outcome:#?}");
            assert_eq!(outcome.stdout, "");
        }
        env.write(
            ".config/containers/registries.conf.d/x.conf",
            "[[registry]]\n",
        );
        let users = env
            .program(args("nginx:1", &[]))
            .without("CONTAINERS_REGISTRIES_CONF");
        let users = users.run().expect(1);
        assert!(
            users.stderr.contains("x.conf:1: [[registry]] has no"),
            "{users:#?}"
        );
    }
}
