//! Images that were confirmed more than a minute before they are written.

use std::time::Duration;

use jiff::Timestamp;
use kubectl_imgpolicy::collect::{FreshLook, PullSecretUse};
use kubectl_imgpolicy::plan::{Authorship, Plan};
use kubectl_imgpolicy::registry::{Registries, RegistryOptions};
use kubectl_imgpolicy::write::{DryRun, FileWriter, Recheck, StopSignal, WriteContext, Writer};
use tokio::time::Instant;

use super::files::{folder, images, in_folder, read};
use crate::support::content::Image;
use crate::support::registry::TestRegistry;

const MANIFEST: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: app
        image: org/app:1
";

/// What happens to the tag between its confirmation and the write.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Meanwhile {
    Nothing,
    Moved,
    Deleted,
}

/// The result of a write, and whether the registry was asked.
async fn write(confirmed: Duration, meanwhile: Meanwhile) -> (String, bool) {
    let registry = TestRegistry::start();
    let digest = registry.push("org/app", "2", Image::built("2024-01-01T00:00:00Z"));
    let folder = folder(&[("web.yaml", MANIFEST)]);
    let mut plan: Plan = images(&in_folder(folder.path()), &registry.image("org/app:2"));
    plan.changes[0].images[0].digest = digest.parse().ok();
    match meanwhile {
        Meanwhile::Nothing => {}
        Meanwhile::Moved => {
            registry.push("org/app", "2", Image::built("2024-02-02T00:00:00Z"));
        }
        Meanwhile::Deleted => registry.remove("org/app", &digest),
    }
    let registries = Registries::new(RegistryOptions::default()).expect("options");
    let recheck = Recheck {
        look: FreshLook {
            as_user: &registries,
            as_workload: &registries,
            pull_secrets: PullSecretUse::Off,
            accepts_unconfirmed: false,
        },
        confirmed_at: Instant::now() - confirmed,
    };
    let authorship = Authorship {
        by: "ada".to_owned(),
        at: Timestamp::UNIX_EPOCH,
        overrides: Vec::new(),
        is_recorded: true,
    };
    let writer = Writer::Files(FileWriter {
        dry_run: DryRun::None,
        authorship: &authorship,
        default_namespace: "shop",
        stdin: None,
        policy_files: &[],
        locks: None,
        journal: None,
    });
    let context = WriteContext {
        observed: &[],
        recheck: Some(&recheck),
        wait: None,
        stop: &StopSignal::never(),
    };
    let written = writer.write(&plan, &context, &|_| {}).await;
    let result = match &written.applied[0].result {
        Ok(done) => format!("{done:?}"),
        Err(error) => error.to_string(),
    };
    let is_written = read(&folder, "web.yaml").contains("/org/app:2");
    assert_eq!(is_written, result == "Written", "{result}");
    (result, !registry.requests().is_empty())
}

#[tokio::test]
async fn image_that_was_confirmed_within_a_minute_is_written_without_another_request() {
    let recently = Duration::from_secs(50);
    let (result, asked) = write(recently, Meanwhile::Moved).await;
    assert_eq!((result.as_str(), asked), ("Written", false));
}

#[tokio::test]
async fn image_that_was_confirmed_earlier_is_looked_up_again() {
    let earlier = Duration::from_secs(61);
    for (meanwhile, expected) in [
        (Meanwhile::Nothing, "Written"),
        (Meanwhile::Moved, "container app: the tag has moved from "),
        (Meanwhile::Deleted, "container app: "),
    ] {
        let (result, asked) = write(earlier, meanwhile).await;
        assert!(result.starts_with(expected), "{meanwhile:?}: {result}");
        assert!(asked, "{meanwhile:?}");
    }
}
