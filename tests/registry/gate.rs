//! A repository in which most tags are not images: none of a thousand policies elects
//! anything but an image.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};

use kubectl_imgpolicy::collect;
use kubectl_imgpolicy::evaluator::{Decision, Outcome};
use kubectl_imgpolicy::image::{Known, RepositoryMetadata};
use kubectl_imgpolicy::registry::Registries;
use serde_json::json;

use super::{block_on, options};
use crate::support::content::{Content, Image, Index};
use crate::support::registry::TestRegistry;
use crate::support::scenario::Scenario;

const POLICIES: usize = 1000;
const RELEASES: usize = 6;

/// Returns a different seed for each run.
fn seed() -> u64 {
    RandomState::new().hash_one(0) | 1
}

/// Random numbers from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        // Marsaglia's xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).expect("small")
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }
}

/// Releases and the other artifacts of a pipeline. Each is signed when it is
/// released, and again after each later release.
struct Repository {
    registry: TestRegistry,
    /// The tags of images for linux/amd64.
    images: BTreeSet<String>,
}

impl Repository {
    fn new() -> Self {
        let mut repository = Self {
            registry: TestRegistry::start(),
            images: BTreeSet::new(),
        };
        for release in 0..RELEASES {
            repository.release(release);
        }
        repository
    }

    fn release(&mut self, release: usize) {
        let at = |hour: usize| format!("2024-{:02}-01T{hour:02}:00:00Z", release + 1);
        let image = |hour| Image::built(&at(hour)).label(&format!("{release} {hour}"));
        let other = |hour, config: &str| image(hour).config_type(config);
        let push = |tag: &str, content: Content| self.registry.push("org/app", tag, content);
        let both = ["linux/amd64", "linux/arm64"].map(|p| image(0).platform(p));
        let digest = push(&format!("1.{release}.0"), Index::of(both).into());
        push(&format!("build-{release}"), image(1).content());
        for tag in [format!("1.{release}.0"), format!("build-{release}")] {
            self.images.insert(tag);
        }
        push(
            &format!("1.{release}.1"),
            other(2, "application/vnd.cncf.helm.config.v1+json").content(),
        );
        push(
            &format!("1.{release}.2"),
            other(3, "application/vnd.cncf.flux.config.v1+json").content(),
        );
        push(
            &format!("1.{release}.3"),
            image(4).platform("linux/arm64").content(),
        );
        push(&format!("cache-{release}"), Content::build_cache());
        push(
            &format!("sbom-{release}"),
            image(5)
                .field("artifactType", json!("application/spdx+json"))
                .content(),
        );
        push(
            &format!("{}", 2000 + release),
            Content::artifact_index([other(6, "application/vnd.oci.empty.v1+json")]),
        );
        // Sign this release, and all earlier ones again.
        let layer = "application/vnd.dev.cosign.simplesigning.v1+json";
        let signature = || image(7).layer(layer).without_platform();
        let referred = digest.replace(':', "-");
        push(&format!("{referred}.sig"), signature().content());
        push(&format!("{referred}.att"), signature().content());
        push(&referred, Content::artifact_index([signature()]));
        push(&format!("signed-{release}"), signature().content());
    }
}

/// Returns a plausible policy and the running tag.
fn policy(random: &mut Random) -> (String, String) {
    let release = random.below(RELEASES);
    let policy = match random.below(8) {
        0 => format!(
            "semver:{}",
            random.of(&["*", "~1", "^1.2", ">=1.0.0", "1.x || 2000"])
        ),
        1 => format!("semver:~1.{release}"),
        2 => format!(
            "glob:{}",
            random.of(&[
                "*", "1.*", "*-*", "build-*", "s*", "cache-*", "sha256-*", "*.sig"
            ])
        ),
        3 => format!(
            "regex:{}",
            random.of(&[
                ".*",
                "^[a-z]+-[0-9]$",
                "^1\\.",
                "[0-9]$",
                "sig$",
                "^sha256-",
                "^s"
            ])
        ),
        4 => random.of(&["alphabetical", "alphabetical:desc"]).to_owned(),
        5 => random.of(&["numerical", "numerical:desc"]).to_owned(),
        6 => {
            let kind = random.of(&["build-", "cache-", "sbom-", "signed-", "200"]);
            format!("digest:{kind}{release}")
        }
        _ => format!("semver:>=1.{release}.1 <=1.{release}.3"),
    };
    let running = match random.below(5) {
        0 => ":latest".to_owned(),
        1 => String::new(),
        2 => format!(":build-{}", random.below(2)),
        _ => format!(":1.{}.0", random.below(2)),
    };
    (policy, running)
}

/// Returns the elected tag if it is not the running one.
fn elected(decision: &Decision) -> Option<String> {
    let latest = decision.latest.as_ref()?;
    (decision.outcome == Outcome::Update).then(|| latest.tag().map(ToString::to_string))?
}

/// Returns the metadata without the facts that the gate needs.
fn without_gate(metadata: &RepositoryMetadata) -> RepositoryMetadata {
    let mut metadata = metadata.clone();
    metadata.is_closed = true;
    for image in metadata.images.values_mut() {
        image.content = Known::NotAsked;
        image.platforms = Known::NotAsked;
    }
    metadata
}

#[test]
fn no_policy_elects_what_is_not_an_image() {
    let seed = seed();
    println!("seed {seed}");
    let mut random = Random(seed);
    let repository = Repository::new();
    let registries = Registries::new(options()).expect("options");
    let (mut elections, mut faults) = (0, 0);
    block_on(async {
        for _ in 0..POLICIES {
            let (policy, running) = policy(&mut random);
            let image = repository.registry.image(&format!("org/app{running}"));
            let mut scenario = Scenario::following(&policy, &image);
            if random.below(2) == 0 {
                scenario = scenario.nodes(&["linux/amd64"]);
            }
            let snapshot = scenario.snapshot();
            let subjects = snapshot.subjects().expect("subjects");
            let name = subjects[0].repository().expect("a repository");
            let metadata = collect::fetch_until_decidable(name, &[&subjects[0]], &registries).await;
            let decision = subjects[0].decide(&metadata);
            let case = format!("seed {seed}: {policy} on {running:?}: {}", decision.message);
            if let Some(tag) = elected(&decision) {
                // Without a running platform and a node, an image for arm64 may be right.
                let is_foreign = tag.ends_with(".3") && tag.starts_with("1.");
                let demands =
                    !matches!(running.as_str(), "" | ":latest") || snapshot.nodes.is_some();
                assert!(
                    repository.images.contains(&tag) || (is_foreign && !demands),
                    "{tag}: {case}"
                );
                elections += 1;
            }
            let ungated = subjects[0].decide(&without_gate(&metadata));
            faults +=
                usize::from(elected(&ungated).is_some_and(|t| !repository.images.contains(&t)));
        }
    });
    assert!(elections >= 200, "seed {seed}: {elections}");
    assert!(faults >= 300, "seed {seed}: {faults}");
    println!("{elections} elections; {faults} would be wrong without the gate");
}
