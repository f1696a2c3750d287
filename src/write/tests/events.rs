//! The Events about failed rollouts.

use jiff::Timestamp;

use crate::cluster::Cluster;
use crate::plan::{Plan, PolicyEdit};
use crate::policy::FailedRollout;
use crate::workload::Observed;
use crate::write::fake::{authorship, change, observed, server, writer};
use crate::write::{Done, StopSignal, WriteContext, write_live};

/// Writes a plan of one change.
async fn write(cluster: &Cluster, plan: &Plan, observed: &[Observed]) {
    let authorship = authorship();
    let writer = writer(cluster, &authorship);
    let context = WriteContext {
        observed,
        recheck: None,
        wait: None,
        stop: &StopSignal::never(),
    };
    let applied = write_live(plan, &context, &writer, &|_| {}).await;
    assert_eq!(applied[0].result.as_ref().ok(), Some(&Done::Written));
}

#[tokio::test]
async fn failure_and_its_rollback_are_one_patch_with_two_events() {
    let mut change = change("web");
    change.policy = Some(PolicyEdit::RecordFailure {
        failures: vec![FailedRollout::new(
            "app",
            &"org/app:1".parse().expect("an image"),
            None,
            Timestamp::UNIX_EPOCH,
            "no Pod started",
        )],
    });
    let mut record = change.clone();
    record.images.clear();
    change.is_rollback = true;
    for (change, expected) in [
        (
            record,
            vec!["RolloutFailed Warning container app: org/app:1 failed: no Pod started"],
        ),
        (
            change,
            vec![
                "RolloutFailed Warning container app: org/app:1 failed: no Pod started",
                "RolledBack Normal container app: org/app:1 -> org/app:2",
            ],
        ),
    ] {
        let is_rollback = change.is_rollback;
        let (cluster, asked) = server(Box::new(|_, _, _| None));
        let plan = Plan {
            changes: vec![change],
            ..Plan::default()
        };
        write(&cluster, &plan, &[observed("web", 7)]).await;
        let mut sent = asked.sent();
        sent.retain(|sent| !sent.uri.contains("dryRun"));
        let (patches, rest): (Vec<_>, Vec<_>) =
            sent.iter().partition(|sent| sent.method == "PATCH");
        assert_eq!(patches.len(), 1);
        let body = &patches[0].body;
        assert_eq!(body["metadata"]["resourceVersion"], "7");
        let failed = body["metadata"]["annotations"]["imgpolicy.dev/failed"].as_str();
        assert!(
            failed.is_some_and(|text| text.contains("org/app:1")),
            "{body}"
        );
        assert_eq!(body["spec"].is_object(), is_rollback);
        let events = rest.iter().filter(|sent| sent.method == "POST");
        let events: Vec<String> = events
            .map(|event| {
                let text = |key: &str| event.body[key].as_str().unwrap_or_default();
                format!("{} {} {}", text("reason"), text("type"), text("note"))
            })
            .collect();
        assert_eq!(events, expected);
    }
}
