//! How long a decision takes, by policy type and by the number of tags.
//!
//! `cargo bench --bench evaluate -- --quick`. Every fact is known, so this measures only
//! the evaluator: dividing, ranking, electing. The time should grow almost linearly.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jiff::{SignedDuration, Timestamp};
use kubectl_imgpolicy::evaluator::Snapshot;
use kubectl_imgpolicy::image::{
    BuildTimes, Content, ImageMetadata, Known, RepositoryMetadata, Tag, TagOrDigest,
};
use kubectl_imgpolicy::workload::decode;
use serde_json::{Value, json};

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("a time")
}

/// The name of the nth tag.
fn tag_name(n: usize) -> String {
    match n % 5 {
        0 => format!("{}.{}.{}", n / 5000, n / 50 % 100, n / 5 % 10 + n / 500),
        1 => format!(
            "{}.{}.{}-alpine",
            n / 5000,
            n / 50 % 100,
            n / 5 % 10 + n / 500
        ),
        2 => format!("v{}.{}.0-rc.{n}", n / 5000, n / 50 % 100),
        3 => format!("{}", 100_000 + n),
        _ => format!(
            "dev-{:07x}-{n}",
            n.wrapping_mul(2_654_435_761) % 0x0fff_ffff
        ),
    }
}

/// The nth image, built some time ago.
fn image(at: usize) -> ImageMetadata {
    let age = i64::try_from(at * 7919 % 100_000).expect("small") + 100;
    let created = now().checked_sub(SignedDuration::from_hours(age / 10));
    ImageMetadata {
        created: Known::Value(BuildTimes::from_config(created.ok())),
        content: Known::Value(Content::Image),
        platforms: Known::Value(Vec::new()),
        ..ImageMetadata::default()
    }
}

/// A repository like those of busy teams: versions, variants, pre-releases, build
/// numbers and branches, each tag with its time.
fn repository(tags: usize) -> RepositoryMetadata {
    let mut all: Vec<Tag> = (0..tags)
        .map(|n| tag_name(n).parse().expect("a tag"))
        .collect();
    all.sort();
    all.dedup();
    let tagged = all.iter().enumerate();
    RepositoryMetadata {
        images: tagged
            .map(|(at, tag)| (TagOrDigest::Tag(tag.clone()), image(at)))
            .collect(),
        tags: Known::Value(all),
        asked_at: Some(now()),
        ..RepositoryMetadata::default()
    }
}

/// A workload whose container follows a policy, with further annotations.
fn following(policy: &str, image: &str, extra: &[(&str, &str)]) -> Snapshot {
    let mut annotations = json!({"fluxcd.io/automated": "true", "fluxcd.io/tag.app": policy});
    for (key, value) in extra {
        annotations[*key] = json!(value);
    }
    snapshot(json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "annotations": annotations},
        "spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}}))
}

fn snapshot(object: Value) -> Snapshot {
    let mut snapshot = Snapshot::new(now());
    let workload = decode(&object, "default").expect("decodes");
    snapshot.workloads.extend(workload);
    snapshot
}

/// A workload that follows an entry like the one of seed 000.
fn governed() -> Snapshot {
    let mut snapshot = snapshot(json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"kustomize.toolkit.fluxcd.io/name": "apps",
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}},
        "spec": {"template": {"spec": {"containers": [{"name": "app", "image": "org/app:0.0.1"}]}}}}));
    snapshot.policy_objects.push(json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": "flux-system"},
        "spec": {"imagePolicies": [{"name": "app", "policy": {"semver": {"range": ">=0.0.1 <2.0.0"}},
            "aws": {"image": "org/app", "policy": {"tags": {"regex": "^[0-9]+\\.[0-9]+\\.[0-9]+$"}}},
            "allowTags": ["^v1.*-rc", "^v0.9"], "ignoreTags": ["[.]13$", "beta"]}]}}));
    snapshot
}

fn by_policy(c: &mut Criterion) {
    let alpine = [
        ("imgpolicy.dev/filter-tags.app", "^(?P<v>.*)-alpine$"),
        ("imgpolicy.dev/extract.app", "$v"),
    ];
    let cases = [
        ("semver", following("semver:^0.1", "org/app:0.1.0", &[])),
        ("glob", following("glob:dev-*", "org/app:latest", &[])),
        ("glob-all", following("glob:*", "org/app:latest", &[])),
        (
            "regex",
            following("regex:^dev-[0-9a-f]+", "org/app:latest", &[]),
        ),
        (
            "alphabetical",
            following("alphabetical", "org/app:latest", &[]),
        ),
        ("numerical", following("numerical", "org/app:1", &[])),
        (
            "extract",
            following("semver:*", "org/app:0.1.0-alpine", &alpine),
        ),
        ("image-policies", governed()),
    ];
    let metadata = repository(10_000);
    let mut group = c.benchmark_group("10000-tags");
    for (name, snapshot) in &cases {
        let subjects = snapshot.subjects().expect("subjects");
        assert!(subjects[0].is_decided(&metadata), "{name}");
        group.bench_function(*name, |b| {
            b.iter(|| subjects[0].decide(black_box(&metadata)));
        });
    }
    group.finish();
}

fn by_size(c: &mut Criterion) {
    for (name, policy) in [("semver", "semver:*"), ("created", "glob:*")] {
        let snapshot = following(policy, "org/app:latest", &[]);
        let subjects = snapshot.subjects().expect("subjects");
        let mut group = c.benchmark_group(name);
        for size in [100, 1_000, 10_000, 100_000] {
            let metadata = repository(size);
            group.throughput(Throughput::Elements(size as u64));
            group.bench_with_input(
                BenchmarkId::from_parameter(size),
                &metadata,
                |b, metadata| {
                    b.iter(|| subjects[0].decide(black_box(metadata)));
                },
            );
        }
        group.finish();
    }
}

/// A registry that reports push times, and no creation time is known yet: the cost of
/// one round of a scan.
fn by_pushes(c: &mut Criterion) {
    let snapshot = following("glob:*", "org/app:latest", &[]);
    let subjects = snapshot.subjects().expect("subjects");
    let mut group = c.benchmark_group("pushed");
    for size in [1_000, 10_000, 100_000] {
        let mut metadata = repository(size);
        for image in metadata.images.values_mut() {
            let created = std::mem::take(&mut image.created);
            image.pushed = Known::Value(created.value().and_then(|times| times.config));
        }
        assert!(!subjects[0].needs(&metadata).is_empty());
        group.throughput(Throughput::Elements(size as u64));
        group.bench_with_input(
            BenchmarkId::from_parameter(size),
            &metadata,
            |b, metadata| {
                b.iter(|| subjects[0].needs(black_box(metadata)));
            },
        );
    }
    group.finish();
}

/// All tags with their verdicts, as `explain` lists them.
fn examined(c: &mut Criterion) {
    let metadata = repository(10_000);
    let snapshot = following("semver:*", "org/app:latest", &[]);
    let subjects = snapshot.subjects().expect("subjects");
    c.bench_function("examine/10000", |b| {
        b.iter(|| subjects[0].examine(black_box(&metadata)));
    });
}

criterion_group!(benches, by_policy, by_size, by_pushes, examined);
criterion_main!(benches);
