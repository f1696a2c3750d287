//! What is reported, and what is not reported again.

use std::cell::RefCell;

use super::*;
use crate::workload::Workload;

#[test]
fn error_of_an_update_is_reported_again_only_after_a_success() {
    let workload = Workload::running("registry.example/org/app:1");
    let change = Change::of_images(workload.id.clone(), Vec::new());
    let with = |errors: &[&str]| Delivered {
        errors: errors.iter().map(ToString::to_string).collect(),
        ..Delivered::new(change.clone())
    };
    let reported = RefCell::new(Vec::new());
    let report = |event: ControllerEvent<'_>| {
        if let ControllerEvent::Unreadable(_, error) = event {
            reported.borrow_mut().push(error.to_owned());
        }
    };
    let limits = UpdateLimits {
        max_updates: 1,
        max_rollouts: 1,
        max_failures: 1,
        by: String::new(),
    };
    let mut progress = Progress::new(limits, &report);
    let mut index = WatchedWorkloads::default();
    for errors in [&["refused"][..], &["refused"], &["gone"], &[], &["gone"]] {
        progress.take_delivered(&with(errors), &mut index, Timestamp::UNIX_EPOCH);
    }
    assert_eq!(*reported.borrow(), ["refused", "gone", "gone"]);
    // Each is still a failure for the exit code of a single pass.
    assert_eq!(progress.summary(0).failed, 4);
}
