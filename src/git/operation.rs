//! What the user has begun in a work tree and not yet finished.

use std::path::Path;

/// A multi-step command of git.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// The command that ends it.
    pub(crate) abort: &'static str,
    /// What exists in the git folder of the work tree meanwhile.
    mark: &'static str,
}

const OPERATIONS: [Operation; 7] = [
    Operation {
        name: "rebase",
        abort: "rebase --abort",
        mark: "rebase-merge",
    },
    // `git am` uses the same folder, and tells the command itself.
    Operation {
        name: "rebase",
        abort: "rebase --abort",
        mark: "rebase-apply",
    },
    Operation {
        name: "merge",
        abort: "merge --abort",
        mark: "MERGE_HEAD",
    },
    Operation {
        name: "cherry-pick",
        abort: "cherry-pick --abort",
        mark: "CHERRY_PICK_HEAD",
    },
    Operation {
        name: "revert",
        abort: "revert --abort",
        mark: "REVERT_HEAD",
    },
    // Between two commits of a longer cherry-pick or revert.
    Operation {
        name: "cherry-pick or revert",
        abort: "cherry-pick --abort",
        mark: "sequencer",
    },
    Operation {
        name: "bisect",
        abort: "bisect reset",
        mark: "BISECT_LOG",
    },
];

/// The operation that is under way, given the git folder of the work tree.
pub(crate) fn under_way(git_folder: &Path) -> Option<Operation> {
    let mut operations = OPERATIONS.into_iter();
    operations.find(|operation| git_folder.join(operation.mark).exists())
}
