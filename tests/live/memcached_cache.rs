//! The shared cache, with a real memcached and real registries.

use serde_json::Value;

use crate::binary::Run;
use crate::certificates::Authority;
use crate::content::Image;
use crate::home::Home;
use crate::memcached::Memcached;
use crate::registry::{Door, PASSWORD, Registry, USER};
use crate::test_registry::TestRegistry;

/// A policy by creation time, which needs the date of every tag.
const BY_TIME: &str = "glob:1.0.*";

fn option(servers: &[&Memcached]) -> String {
    let addresses: Vec<&str> = servers.iter().map(|s| s.address.as_str()).collect();
    format!("--cache=memcached://{}", addresses.join(","))
}

/// Runs `status` on a workload with this image, and logs its requests.
fn status(home: &Home, image: &str, more: &[&str]) -> Run {
    let file = home.workloads(&[image], BY_TIME);
    let all = ["status", "-f", &file, "-o", "json", "-v=4"];
    home.run(&[&all, more].concat())
}

fn latest(run: &Run) -> Value {
    run.row("web-0", "app")["latest"].clone()
}

/// The number of config requests in the log.
fn blobs(run: &Run) -> usize {
    run.stderr
        .lines()
        .filter(|line| line.contains("/blobs/"))
        .count()
}

/// The number of cache warnings of a run.
fn warnings(run: &Run, text: &str) -> usize {
    run.stderr.matches(text).count()
}

#[tokio::test]
async fn cached_answers_are_shared_between_users() {
    let registry = Registry::shared().await;
    registry.push_versions("shared/dated", 20).await;
    let image = format!("{}/shared/dated:1.0.0", registry.host);
    let newest = Value::from(format!("{}/shared/dated:1.0.19", registry.host));
    let servers = [Memcached::start(), Memcached::start()];
    let cache = option(&servers.each_ref());

    let first = status(&Home::new(), &image, &[&cache]);
    assert_eq!(latest(&first), newest);
    assert_eq!(blobs(&first), 20, "{}", first.stderr);
    for server in &servers {
        assert!(server.stat("curr_items") > 0, "{:?}", server.stats());
    }
    let second = status(&Home::new(), &image, &[&cache]);
    assert_eq!(latest(&second), newest);
    assert_eq!(blobs(&second), 0, "{}", second.stderr);

    // One server ends, and its entries are requested from the registry again.
    let [stays, ends] = servers;
    let lost = ends.address.clone();
    drop(ends);
    let third = status(&Home::new(), &image, &[&cache]);
    assert_eq!(latest(&third), newest);
    assert!((1..20).contains(&blobs(&third)), "{}", third.stderr);
    let warning = format!("the cache server {lost} is not used in this run: ");
    assert_eq!(warnings(&third, &warning), 1, "{}", third.stderr);
    assert!(stays.stat("get_hits") > 0);
}

#[tokio::test]
async fn private_answers_are_cached_with_a_key_only_and_require_the_same_password() {
    let registry = Registry::with_password().await;
    registry.push_versions("kept/dated", 3).await;
    let image = format!("{}/kept/dated:1.0.0", registry.host);
    let memcached = Memcached::start();
    let cache = option(&[&memcached]);
    let trust = |home: &Home| match &registry.door {
        Door::Password(authority) => home.write("ca.pem", pem(authority)),
        Door::Open | Door::Token(_) => unreachable!("no TLS"),
    };
    let known = Home::with_password(&registry.host, USER, PASSWORD);
    let authority = trust(&known);
    let newest = format!("{}/kept/dated:1.0.2", registry.host);
    let run = status(&known, &image, &[&cache, "--registry-ca", &authority]);
    assert_eq!(latest(&run), Value::from(newest.clone()));
    assert_eq!(memcached.stat("curr_items"), 0, "there is no key");
    let key = known.write("cache.key", "a secret that a team shares");
    let only_we = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&key, only_we).expect("permissions");
    let with_key = [
        &cache,
        "--cache-key-file",
        &key,
        "--registry-ca",
        &authority,
    ];
    let run = status(&known, &image, &with_key);
    assert_eq!(latest(&run), Value::from(newest));
    assert!(memcached.stat("curr_items") > 0);

    let unknown = Home::new();
    let authority = trust(&unknown);
    for more in [&[][..], &["--offline"]] {
        let with_key = [
            &cache,
            "--cache-key-file",
            &key,
            "--registry-ca",
            &authority,
        ];
        let flags = [&with_key[..], more].concat();
        let row = status(&unknown, &image, &flags).row("web-0", "app");
        assert_eq!(row["outcome"], "unknown", "{row:#}");
        assert!(row["latest"].is_null(), "{row:#}");
    }
}

fn pem(authority: &Authority) -> &str {
    &authority.pem
}

#[tokio::test]
async fn values_above_the_item_limit_are_skipped_with_a_note() {
    // The tag list has 640 KiB. memcached does not work with limits below 512k.
    let registry = TestRegistry::start();
    let long = "z".repeat(64);
    registry.list("shared/many", (0..9000).map(|n| format!("{long}{n:06}")));
    for (tag, built) in [("1.0.0", "2024-01-01"), ("1.0.1", "2025-01-01")] {
        let image = Image::built(&format!("{built}T00:00:00Z"));
        registry.push("shared/many", tag, image);
    }
    let memcached = Memcached::start_with(&["-I", "512k"]);
    let cache = option(&[&memcached]);
    for _ in 0..2 {
        let run = status(
            &Home::new(),
            &registry.image("shared/many:1.0.0"),
            &[&cache],
        );
        assert_eq!(
            latest(&run),
            Value::from(registry.image("shared/many:1.0.1"))
        );
        let note = "does not store all values: object too large for cache";
        assert_eq!(warnings(&run, note), 1, "{}", run.stderr);
    }
    // Two tags and two images are stored.
    assert_eq!(memcached.stat("curr_items"), 4, "small entries are stored");
}

#[tokio::test]
async fn info_and_clear_contact_every_server() {
    let registry = Registry::shared().await;
    registry.push_versions("shared/cleared", 5).await;
    let image = format!("{}/shared/cleared:1.0.0", registry.host);
    let servers = [Memcached::start(), Memcached::start()];
    let cache = option(&servers.each_ref());
    let home = Home::new();
    status(&home, &image, &[&cache]);
    let info = || home.run(&["cache", "info", &cache, "-o", "json"]).json();
    let report = info();
    for (server, entry) in servers
        .iter()
        .zip(report["servers"].as_array().expect("servers"))
    {
        assert_eq!(entry["server"], server.address.as_str());
        assert_eq!(entry["version"], server.stats()["version"].as_str());
        assert_eq!(entry["count"], server.stat("curr_items"));
        assert_eq!(entry["limitBytes"], 64 << 20);
        assert!(entry["problem"].is_null());
    }
    let items = || servers.each_ref().map(|server| server.stat("curr_items"));
    assert!(items().iter().sum::<u64>() >= 5, "{report:#}");
    let refused = home.run(&["cache", "clear", &cache]);
    assert!(
        refused.stderr.contains("--all removes everything"),
        "{}",
        refused.stderr
    );
    assert!(items().iter().sum::<u64>() >= 5);
    let cleared = home.run(&["cache", "clear", "--all", &cache]);
    assert_eq!(cleared.stdout.lines().count(), 2, "{}", cleared.stdout);
    // memcached counts flushed entries until they are accessed again.
    let again = status(&Home::new(), &image, &[&cache]);
    assert_eq!(blobs(&again), 5, "{}", again.stderr);
}
