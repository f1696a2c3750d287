use proptest::prelude::*;

use super::*;
use crate::plan::{ImageChange, PolicyEdit};
use crate::workload::{ContainerType, WorkloadKind};

const NOW: &str = "2026-11-21T12:00:00Z";

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// Minutes before now.
fn ago(minutes: i64) -> Timestamp {
    time(NOW) - SignedDuration::from_mins(minutes)
}

fn id(name: &str) -> WorkloadId {
    let (namespace, name) = name.split_once('/').expect("namespace/name");
    WorkloadId {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        kind: WorkloadKind::Deployment,
        api_version: "apps/v1".to_owned(),
    }
}

/// `org/app:1@a`: an image, and the digit of the digest that its tag served.
fn image(text: &str) -> (crate::image::ImageReference, Option<crate::image::Digest>) {
    let (name, digit) = text.split_once('@').unwrap_or((text, ""));
    let digest = format!("sha256:{}", digit.repeat(64));
    (name.parse().expect("an image"), digest.parse().ok())
}

fn failure(workload: &str, of: &str, at: Timestamp) -> FailureSeen {
    let (image, digest) = image(of);
    FailureSeen {
        workload: id(workload),
        failed: FailedRollout::new("app", &image, digest.as_ref(), at, "no Pod started"),
    }
}

fn update(workload: &str, of: &str) -> Change {
    let (to, digest) = image(of);
    let image = ImageChange {
        digest,
        ..ImageChange::new("app", ContainerType::Container, "org/app:0", to)
    };
    Change::of_images(id(workload), vec![image])
}

fn breakers(failures: &[FailureSeen], resumed: &Resumed) -> Breakers {
    Breakers::derive(&BreakerFacts {
        failures,
        resumed,
        updates: 0,
        max_failures: 10,
        now: time(NOW),
    })
}

/// The scopes of the open breakers.
fn open(failures: &[FailureSeen], resumed: &Resumed) -> String {
    let breakers = breakers(failures, resumed);
    let scopes: Vec<String> = breakers
        .open()
        .iter()
        .map(|b| b.scope.to_string())
        .collect();
    scopes.join(", ").replace(&"a".repeat(64), "aa")
}

#[test]
fn two_workloads_with_one_digest_stop_that_digest_only() {
    let none = Resumed::default();
    let one = failure("shop/a", "org/app:1@a", ago(30));
    let again = failure("shop/a", "org/app:1@a", ago(20));
    assert_eq!(open(&[one.clone(), again], &none), "");
    let other_digest = failure("cart/b", "org/app:1@b", ago(20));
    assert_eq!(open(&[one.clone(), other_digest], &none), "");
    let other_repository = failure("cart/b", "org/other:1@a", ago(20));
    assert_eq!(open(&[one.clone(), other_repository], &none), "");
    let same = failure("cart/b", "docker.io/org/app:latest-1@a", ago(20));
    let both = [one, same];
    assert_eq!(open(&both, &none), "docker.io/org/app@sha256:aa");

    let breakers = breakers(&both, &none);
    let [breaker] = breakers.open() else {
        panic!("one: {breakers:?}");
    };
    assert_eq!((breaker.since, breaker.until), (ago(20), ago(30) + HORIZON));
    assert_eq!(breaker.scope.kind(), BreakerKind::Image);
    let digest = format!("docker.io/org/app@sha256:{}", "a".repeat(64));
    assert_eq!(
        breaker.to_string(),
        format!(
            "rollouts of {digest} failed in 2 workloads within an hour; to resume: kubectl \
             imgpolicy controller resume --image {digest}"
        )
    );
    for (change, is_stopped) in [
        (update("any/c", "org/app:1@a"), true),
        (update("any/c", "org/app:2@a"), true),
        (update("any/c", "org/app:1@b"), false),
        (update("any/c", "org/app:1"), true),
        (update("any/c", "org/app:2"), false),
        (update("any/c", "org/other:1@a"), false),
    ] {
        let found = breakers.is_open_for(&change).is_some();
        assert_eq!(found, is_stopped, "{:?}", change.images);
    }
}

#[test]
fn three_workloads_of_a_namespace_stop_that_namespace_only() {
    let none = Resumed::default();
    let mut failures = vec![
        failure("shop/a", "org/a:1", ago(50)),
        failure("shop/b", "org/b:1", ago(40)),
        failure("shop/b", "org/b:2", ago(30)),
        failure("cart/c", "org/c:1", ago(30)),
    ];
    assert_eq!(open(&failures, &none), "");
    failures.push(failure("shop/c", "org/c:2", ago(10)));
    assert_eq!(open(&failures, &none), "namespace shop");
    let breakers = breakers(&failures, &none);
    let breaker = &breakers.open()[0];
    assert_eq!((breaker.since, breaker.until), (ago(10), ago(50) + HORIZON));
    assert_eq!(
        breaker.scope.resume_command(),
        "kubectl imgpolicy controller resume -n shop"
    );
    assert!(breakers.is_open_for(&update("shop/x", "org/x:1")).is_some());
    assert_eq!(breakers.is_open_for(&update("cart/x", "org/x:1")), None);
}

#[test]
fn everything_stops_at_the_larger_of_the_number_and_a_fifth_of_the_updates() {
    // Each in its own namespace and with its own image.
    let failures: Vec<FailureSeen> = (0..20)
        .map(|n| failure(&format!("n{n}/w"), &format!("org/app{n}:1"), ago(1)))
        .collect();
    for (count, updates, max_failures, is_open) in [
        (9, 0, 10, false),
        (10, 0, 10, true),
        (10, 50, 10, true),
        (10, 51, 10, false),
        (11, 51, 10, true),
        (19, 100, 10, false),
        (20, 100, 10, true),
        (0, 0, 0, false),
        (1, 0, 0, true),
    ] {
        let found = Breakers::derive(&BreakerFacts {
            failures: &failures[..count],
            resumed: &Resumed::default(),
            updates,
            max_failures,
            now: time(NOW),
        });
        let scopes: Vec<&BreakerScope> = found.open().iter().map(|b| &b.scope).collect();
        let expected = if is_open {
            vec![&BreakerScope::All]
        } else {
            vec![]
        };
        assert_eq!(
            scopes, expected,
            "{count} of {updates}, at most {max_failures}"
        );
    }
    // Two containers of one rollout are one failure.
    let twice: Vec<FailureSeen> = (0..9)
        .flat_map(|n| {
            ["a", "b"]
                .map(|image| failure(&format!("n{n}/w"), &format!("org/{image}{n}:1"), ago(1)))
        })
        .collect();
    assert_eq!(open(&twice, &Resumed::default()), "");
}

#[test]
fn failure_counts_for_an_hour() {
    let recent = failure("shop/b", "org/app:1@a", ago(1));
    let second = SignedDuration::from_secs(1);
    for (at, is_open) in [
        (ago(60), false),
        (ago(60) + second, true),
        (ago(0), true),
        // The clock of the one that wrote it is ahead.
        (ago(-5), true),
    ] {
        let both = [recent.clone(), failure("shop/a", "org/app:1@a", at)];
        assert_eq!(
            !open(&both, &Resumed::default()).is_empty(),
            is_open,
            "{at}"
        );
    }
}

#[test]
fn failures_before_the_mark_of_their_scope_do_not_count() {
    let mut failures = vec![
        failure("shop/a", "org/app:1@a", ago(30)),
        failure("shop/b", "org/app:1@a", ago(20)),
        failure("shop/c", "org/other:1", ago(20)),
    ];
    let both = "namespace shop, docker.io/org/app@sha256:aa";
    assert_eq!(open(&failures, &Resumed::default()), both);
    let mut resumed = Resumed::default();
    resumed.namespaces.insert("shop".to_owned(), ago(25));
    resumed.namespaces.insert("cart".to_owned(), ago(0));
    assert_eq!(open(&failures, &resumed), "docker.io/org/app@sha256:aa");
    let digest = format!("org/app@sha256:{}", "a".repeat(64));
    resumed.resume_image(&digest.parse().expect("an image"), ago(20));
    assert_eq!(open(&failures, &resumed), "");
    // The failure at the time of the mark counts.
    failures.push(failure("cart/d", "org/app:1@a", ago(19)));
    assert_eq!(open(&failures, &resumed), "docker.io/org/app@sha256:aa");
    let everything = Resumed {
        all: Some(ago(10)),
        ..Resumed::default()
    };
    assert_eq!(open(&failures, &everything), "");
    let lost = Resumed::default();
    assert_eq!(
        open(&failures, &lost),
        both,
        "a lost mark stops the updates again"
    );
}

#[test]
fn rollback_and_a_record_are_never_stopped() {
    let failures: Vec<FailureSeen> = (0..10)
        .map(|n| failure(&format!("shop/w{n}"), "org/app:1@a", ago(1)))
        .collect();
    let breakers = breakers(&failures, &Resumed::default());
    assert_eq!(breakers.open().len(), 3);
    let mut change = update("shop/w0", "org/app:1@a");
    let found = breakers.is_open_for(&change).expect("stopped");
    assert_eq!(found.scope, BreakerScope::All, "the widest");
    change.is_rollback = true;
    assert_eq!(breakers.is_open_for(&change), None);
    change.is_rollback = false;
    change.images.clear();
    change.policy = Some(PolicyEdit::RecordFailure {
        failures: Vec::new(),
    });
    assert_eq!(breakers.is_open_for(&change), None);
}

proptest! {
    #[test]
    fn failure_that_is_added_never_closes_a_breaker(
        raw in prop::collection::vec((0..3usize, 0..4usize, 0..3usize, 0..90i64), 1..30),
        marks in prop::collection::vec(0..90i64, 3),
        updates in 0..100usize,
        max_failures in 0..12usize,
    ) {
        let failures: Vec<FailureSeen> = raw
            .iter()
            .map(|(namespace, name, image, minutes)| {
                let image = ["org/app:1@a", "org/app:1", "org/app:2@b"][*image];
                failure(&format!("n{namespace}/w{name}"), image, ago(*minutes))
            })
            .collect();
        let mut resumed = Resumed { all: Some(ago(marks[0])), ..Resumed::default() };
        resumed.namespaces.insert("n0".to_owned(), ago(marks[1]));
        resumed.resume_image(&"org/app:1".parse().expect("an image"), ago(marks[2]));
        let facts = BreakerFacts {
            failures: &failures, resumed: &resumed, updates, max_failures, now: time(NOW),
        };
        let fewer = BreakerFacts { failures: &failures[..failures.len() - 1], ..facts };
        let [before, after] = [fewer, facts].map(|facts| {
            let found = Breakers::derive(&facts);
            let scopes = found.open().iter().map(|breaker| breaker.scope.clone());
            scopes.collect::<BTreeSet<_>>()
        });
        prop_assert!(before.is_subset(&after), "{:?} {:?}", before, after);
    }
}
