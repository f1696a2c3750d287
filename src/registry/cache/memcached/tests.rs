//! Runs with servers that fail in different ways.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::super::key::{CacheKey, EntryKind, FORMAT};
use super::super::option::{CacheOption, Server};
use super::super::store::Cache;
use super::connection::MAX_VALUE;
use super::fake::{Fake, FakeBehavior};

fn key(number: usize) -> CacheKey {
    CacheKey::new(EntryKind::Image, &[&number.to_be_bytes()])
}

fn value(number: usize) -> Vec<u8> {
    format!("value {number}\r\nEND\r\n").into_bytes()
}

fn cache(fakes: &[&Fake]) -> Cache {
    let server = |fake: &&Fake| -> Server { fake.address.to_string().parse().expect("server") };
    Cache::open(&CacheOption::Memcached(fakes.iter().map(server).collect()))
}

async fn fill(cache: &Cache, numbers: std::ops::Range<usize>) {
    for number in numbers {
        cache.put(key(number), value(number));
    }
    cache.flush().await;
}

/// Counts the entries that are found, and checks their values.
async fn found(cache: &Cache, numbers: std::ops::Range<usize>) -> usize {
    let keys: Vec<CacheKey> = numbers.clone().map(key).collect();
    let values = cache.get(&keys).await;
    for (number, found) in numbers.zip(&values) {
        assert!(found.is_none() || *found == Some(value(number)), "{number}");
    }
    values.iter().flatten().count()
}

/// Checks that there is exactly this warning and that it names the server.
#[track_caller]
fn warns(cache: &Cache, fake: &Fake, warning: &str) {
    let warnings = cache.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains(&fake.address.to_string()),
        "{warnings:?}"
    );
    assert!(warnings[0].contains(warning), "{warnings:?}");
}

#[tokio::test]
async fn entries_of_one_run_are_found_by_the_next_in_few_requests() {
    let fake = Fake::start(FakeBehavior::Works);
    let first = cache(&[&fake]);
    fill(&first, 0..1000).await;
    assert_eq!(fake.count(), 1000);
    let asked = fake.requests.load(Ordering::Relaxed);
    let second = cache(&[&fake]);
    assert_eq!(found(&second, 0..1010).await, 1000);
    assert_eq!(fake.requests.load(Ordering::Relaxed) - asked, 11);
    assert_eq!(fake.connections.load(Ordering::Relaxed), 2);
    // A request may contain a key twice.
    let twice = second.get(&[key(1), key(1)]).await;
    assert_eq!(twice, [Some(value(1)), Some(value(1))]);
    assert_eq!(first.warnings(), [""; 0]);
    assert_eq!(second.warnings(), [""; 0]);
}

#[tokio::test]
async fn images_never_expire_and_other_entries_expire_after_thirty_days() {
    let fake = Fake::start(FakeBehavior::Works);
    let cache = cache(&[&fake]);
    for kind in EntryKind::ALL {
        cache.put(CacheKey::new(kind, &[b"a"]), vec![]);
    }
    cache.flush().await;
    let items = fake.items.lock().expect("no panic before");
    for kind in EntryKind::ALL {
        let name = format!("{FORMAT}:{}", CacheKey::new(kind, &[b"a"]).hex());
        let days = if kind == EntryKind::Image { 0 } else { 30 };
        assert_eq!(items[&name].0, days * 24 * 60 * 60, "{kind}");
    }
}

#[tokio::test]
async fn no_connection_is_opened_before_the_first_lookup() {
    let fake = Fake::start(FakeBehavior::Works);
    let cache = cache(&[&fake]);
    cache.flush().await;
    assert_eq!(fake.connections.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn keys_are_spread_over_servers_and_removing_one_moves_only_its_keys() {
    let fakes: Vec<Fake> = (0..3).map(|_| Fake::start(FakeBehavior::Works)).collect();
    let all: Vec<&Fake> = fakes.iter().collect();
    fill(&cache(&all), 0..900).await;
    for fake in &fakes {
        assert!((200..400).contains(&fake.count()), "{}", fake.count());
    }
    // The order of the servers does not matter.
    let turned: Vec<&Fake> = fakes.iter().rev().collect();
    assert_eq!(found(&cache(&turned), 0..900).await, 900);
    let without_last = cache(&all[..2]);
    let left = fakes[0].count() + fakes[1].count();
    assert_eq!(found(&without_last, 0..900).await, left);
}

#[tokio::test]
async fn unreachable_server_loses_only_its_own_keys_and_warns_once() {
    let works = Fake::start(FakeBehavior::Works);
    let mut dead = Fake::start(FakeBehavior::Works);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    dead.address = listener.local_addr().expect("an address");
    drop(listener);
    let cache = cache(&[&works, &dead]);
    fill(&cache, 0..200).await;
    assert_eq!(found(&cache, 0..200).await, works.count());
    assert!((50..150).contains(&works.count()));
    warns(&cache, &dead, "refused");
    assert!(!cache.is_off());
}

#[tokio::test]
async fn hanging_server_is_given_up_after_a_quarter_of_a_second() {
    let works = Fake::start(FakeBehavior::Works);
    let hangs = [
        Fake::start(FakeBehavior::Hangs),
        Fake::start(FakeBehavior::Hangs),
    ];
    fill(&cache(&[&works]), 0..600).await;
    let cache = cache(&[&works, &hangs[0], &hangs[1]]);
    let since = Instant::now();
    let first = found(&cache, 0..600).await;
    let took = since.elapsed();
    assert!((100..300).contains(&first), "{first}");
    // Both hang at the same time; allow for a busy machine.
    let bounds = Duration::from_millis(240)..Duration::from_millis(1500);
    assert!(bounds.contains(&took), "{took:?}");
    let asked = hangs
        .each_ref()
        .map(|fake| fake.requests.load(Ordering::Relaxed));
    assert_eq!(found(&cache, 0..600).await, first);
    fill(&cache, 600..700).await;
    assert_eq!(
        hangs
            .each_ref()
            .map(|fake| fake.requests.load(Ordering::Relaxed)),
        asked
    );
    let warnings = cache.warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    for warning in warnings {
        assert!(warning.ends_with("no response within 250 ms"), "{warning}");
    }
}

#[tokio::test]
async fn server_that_is_always_slow_is_given_up() {
    let fake = Fake::start(FakeBehavior::Slow(150));
    let cache = cache(&[&fake]);
    let since = Instant::now();
    assert_eq!(found(&cache, 0..3000).await, 0);
    assert!(since.elapsed() < Duration::from_secs(4));
    assert!(fake.requests.load(Ordering::Relaxed) < 15);
    let warnings = cache.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(cache.is_off());
}

#[tokio::test]
async fn server_that_is_not_memcached_is_detected() {
    for (text, warning) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            "does not respond like memcached",
        ),
        (b"\0\xff\xfe\r\n", "does not respond like memcached"),
        (b"ERROR\r\n", "does not respond like memcached"),
        (b"END\n", "does not respond like memcached"),
        (&[b'x'; 5000], "does not respond like memcached"),
        (
            b"VALUE other 0 3\r\nabc\r\nEND\r\n",
            "does not respond like memcached",
        ),
        (b"VALUE \r\n", "does not respond like memcached"),
        (
            b"SERVER_ERROR \x1b[31mout of order\r\n",
            "responded \" [31mout of order\"",
        ),
        (b"EN", "no response within 250 ms"),
    ] {
        let fake = Fake::start(FakeBehavior::Says(text));
        let cache = cache(&[&fake]);
        let shown = String::from_utf8_lossy(&text[..text.len().min(40)]).into_owned();
        assert_eq!(found(&cache, 0..3).await, 0, "{shown}");
        assert!(cache.is_off(), "{shown}");
        warns(&cache, &fake, warning);
    }
}

#[tokio::test]
async fn no_memory_is_allocated_for_a_length_over_the_limit() {
    let name = format!("{FORMAT}:{}", key(0).hex());
    for length in ["1048577", "99999999999999", "-1", "1 2"] {
        let text = format!("VALUE {name} 0 {length}\r\n").into_bytes();
        let fake = Fake::start(FakeBehavior::Says(text.leak()));
        let cache = cache(&[&fake]);
        assert_eq!(found(&cache, 0..1).await, 0, "{length}");
        warns(&cache, &fake, "does not respond like memcached");
    }
}

#[tokio::test]
async fn server_that_closes_is_given_up_but_a_restarted_one_is_not() {
    let closes = Fake::start(FakeBehavior::Closes);
    let given_up = cache(&[&closes]);
    assert_eq!(found(&given_up, 0..1).await, 0);
    warns(&given_up, &closes, "it closed the connection");

    let works = Fake::start(FakeBehavior::Works);
    fill(&cache(&[&works]), 0..10).await;
    let restarts = Fake::start(FakeBehavior::ClosesAfterwards);
    let items = works.items.lock().expect("no panic before").clone();
    *restarts.items.lock().expect("no panic before") = items;
    let goes_on = cache(&[&restarts]);
    assert_eq!(found(&goes_on, 0..10).await, 10);
    assert_eq!(found(&goes_on, 0..10).await, 10);
    assert_eq!(found(&goes_on, 0..10).await, 10);
    assert_eq!(
        restarts.connections.load(Ordering::Relaxed),
        3,
        "one per request"
    );
    assert_eq!(goes_on.warnings(), [""; 0]);
}

#[tokio::test]
async fn values_of_other_programs_under_our_keys_are_misses() {
    let fake = Fake::start(FakeBehavior::Works);
    fill(&cache(&[&fake]), 0..4).await;
    {
        let mut items = fake.items.lock().expect("no panic before");
        let names: Vec<String> = (0..4)
            .map(|number| format!("{FORMAT}:{}", key(number).hex()))
            .collect();
        let other = items[&names[3]].clone();
        items.get_mut(&names[0]).expect("stored").1.pop();
        items.get_mut(&names[1]).expect("stored").1 = b"foreign".to_vec();
        items.insert(names[2].clone(), other);
    }
    let cache = cache(&[&fake]);
    assert_eq!(found(&cache, 0..4).await, 1);
    assert_eq!(cache.warnings(), [""; 0]);
}

#[tokio::test]
async fn values_that_are_too_large_are_skipped_with_a_warning() {
    let fake = Fake::start(FakeBehavior::Works);
    let cache = cache(&[&fake]);
    // The checksum takes 16 bytes.
    cache.put(key(1), vec![1; MAX_VALUE - 16]);
    cache.put(key(2), vec![2; MAX_VALUE - 15]);
    cache.put(key(3), vec![3; 2 << 20]);
    cache.flush().await;
    let values = cache.get(&[key(1), key(2), key(3)]).await;
    let lengths: Vec<_> = values.iter().map(|v| v.as_ref().map(Vec::len)).collect();
    assert_eq!(lengths, [Some(MAX_VALUE - 16), None, None]);
    let warnings = cache.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("larger than 1 MiB"), "{warnings:?}");
}

#[tokio::test]
async fn full_server_causes_a_warning_and_stays_in_use() {
    let fake = Fake::start(FakeBehavior::Refuses);
    let cache = cache(&[&fake]);
    fill(&cache, 0..10).await;
    assert_eq!(found(&cache, 0..10).await, 0);
    warns(&cache, &fake, "out of memory storing object");
    assert!(!cache.is_off());
}
