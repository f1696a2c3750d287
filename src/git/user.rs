//! The user, as git knows them.

use std::path::Path;

use super::program::{Git, GitQuestions};

/// The name that git would write into a commit in this folder, if one is configured.
pub(crate) async fn user_name(folder: &Path) -> Option<String> {
    let git = Git::in_folder(folder, GitQuestions::Never);
    git.line(&["config", "--get", "user.name"]).await.ok()?
}
