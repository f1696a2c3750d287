//! Snapshots, as JSON.

use crate::evaluator::{Snapshot, assess};

/// A snapshot that is read, written and read again is equal, and leads to the same
/// decisions.
pub fn snapshot(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let snapshot = match Snapshot::parse(text) {
        Ok(snapshot) => snapshot,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let written = serde_json::to_string_pretty(&snapshot).expect("JSON");
    let again = Snapshot::parse(&written).expect("what was written can be read");
    assert_eq!(again, snapshot, "read, written and read again");
    let rewritten = serde_json::to_string_pretty(&again).expect("JSON");
    assert_eq!(rewritten, written, "written twice");
    match (assess(&snapshot), assess(&again)) {
        (Ok(first), Ok(second)) => {
            assert_eq!(second, first);
            let containers: usize = snapshot.workloads.iter().map(|w| w.containers.len()).sum();
            assert!(
                snapshot.partial || first.rows.len() == containers,
                "a row each"
            );
        }
        (Err(first), Err(second)) => assert_eq!(second.to_string(), first.to_string()),
        (first, second) => panic!("{first:?} and {second:?}"),
    }
}
