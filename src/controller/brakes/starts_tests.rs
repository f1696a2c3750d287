use super::*;
use crate::controller::brakes::{
    BreakerFacts, CanaryMember, CanaryStage, CanaryTarget, FailureSeen, Resumed, RolloutSize,
};
use crate::plan::ImageChange;
use crate::policy::FailedRollout;
use crate::workload::{ContainerType, WorkloadKind};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn id(name: &str) -> WorkloadId {
    WorkloadId {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        kind: WorkloadKind::Deployment,
        api_version: "apps/v1".to_owned(),
    }
}

#[test]
fn each_brake_holds_the_update_with_its_own_cause() {
    let to = "org/app:2".parse().expect("an image");
    let change = Change::of_images(
        id("web"),
        vec![ImageChange::new(
            "app",
            ContainerType::Container,
            "org/app:1",
            to,
        )],
    );
    let target = CanaryTarget::of(&change.images[0].to);
    let members = ["a", "b", "web"].map(|name| CanaryMember {
        workload: id(name),
        target: target.clone(),
        wave: 0,
        size: RolloutSize::Pods(1),
        stage: CanaryStage::Due,
    });
    let failures = ["a", "b"].map(|name| FailureSeen {
        workload: id(name),
        failed: FailedRollout::new("app", &change.images[0].to, None, NOW, ""),
    });
    let breakers = Breakers::derive(&BreakerFacts {
        failures: &failures,
        resumed: &Resumed::default(),
        updates: 0,
        max_failures: 10,
        now: NOW,
    });
    let closure = Closure {
        until: Some(Timestamp::MAX),
        message: "frozen".to_owned(),
    };
    let mut full = UpdateRate::after(1, &[]);
    full.end(NOW);
    let (none, free) = (BTreeSet::new(), UpdateRate::after(1, &[]));
    let (own, other) = (BTreeSet::from([id("web")]), BTreeSet::from([id("other")]));
    let (no_breakers, no_canary) = (Breakers::default(), CanaryHolds::default());
    let canary = CanaryHolds::new(&members);
    let open = Brakes {
        in_progress: &none,
        max_rollouts: 1,
        breakers: &no_breakers,
        canary: &no_canary,
        rate: &free,
    };
    assert_eq!(open.may_start(&change, None, NOW), Ok(()));
    // Each line has one brake more than the one above it.
    let mut brakes = open;
    let mut found = Vec::new();
    brakes.rate = &full;
    found.push(brakes.may_start(&change, None, NOW));
    brakes.in_progress = &other;
    found.push(brakes.may_start(&change, None, NOW));
    brakes.canary = &canary;
    found.push(brakes.may_start(&change, None, NOW));
    brakes.breakers = &breakers;
    found.push(brakes.may_start(&change, None, NOW));
    found.push(brakes.may_start(&change, Some(&closure), NOW));
    brakes.in_progress = &own;
    found.push(brakes.may_start(&change, Some(&closure), NOW));
    let causes: Vec<WaitCause> = found
        .iter()
        .rev()
        .map(|found| found.as_ref().expect_err("it waits").cause)
        .collect();
    assert_eq!(causes, WaitCause::ALL);
    let minute = Timestamp::from_second(60).ok();
    assert_eq!(found[0].as_ref().expect_err("it waits").until, minute);
    // A limit of 0 would stop every update for good.
    brakes = Brakes {
        max_rollouts: 0,
        ..open
    };
    assert_eq!(brakes.may_start(&change, None, NOW), Ok(()));
}
