//! Where an update is committed.

use std::path::{Path, PathBuf};

use clap::Args;

use super::scope::PlaceFlags;
use crate::cli::error::CommandError;
use crate::files::PathOrStdin;

/// Where an update is committed.
#[derive(Debug, Clone, Args)]
pub(crate) struct GitFlag {
    /// Commit the changed files of -f to the Git repository in this folder, with the user's hooks,
    /// signature and identity; nothing is pushed without --push
    #[arg(long, value_name = "DIR", value_parser = folder)]
    git: Option<PathBuf>,

    /// Push the commit to the upstream of the branch, never with force; if others push first,
    /// decide again on their state, at most three times
    #[arg(long, requires = "git")]
    push: bool,

    /// Pass this text to the server, as 'git push --push-option' does; repeatable
    #[arg(long, value_name = "OPTION", requires = "push")]
    push_option: Vec<String>,
}

impl GitFlag {
    /// The folder.
    pub(crate) fn folder(&self) -> Option<&PathBuf> {
        self.git.as_ref()
    }

    /// Whether to push the commit.
    pub(crate) fn pushes(&self) -> bool {
        self.push
    }

    /// The texts for the server of a push.
    pub(crate) fn push_options(&self) -> &[String] {
        &self.push_option
    }

    /// Checks the flag against the place of the workloads.
    ///
    /// # Errors
    ///
    /// There are no files that could be committed.
    pub(crate) fn check(
        &self,
        place: &PlaceFlags,
        kustomization: Option<&Path>,
    ) -> Result<(), CommandError> {
        if self.git.is_none() {
            return Ok(());
        }
        if kustomization.is_some() {
            return Err(CommandError::usage(
                "--git cannot be used with -k yet; run update -k without it, and commit the files \
                 that it names",
            ));
        }
        if place.filename.is_empty() {
            return Err(CommandError::usage(
                "--git commits files; name those of the repository with -f",
            ));
        }
        if place.filename.contains(&PathOrStdin::Stdin) {
            return Err(CommandError::usage(
                "--git cannot be used with -f -, which writes to standard output; name the files of \
                 the repository with -f",
            ));
        }
        Ok(())
    }
}

/// A local folder.
fn folder(text: &str) -> Result<PathBuf, String> {
    const LOCAL: &str = "clone the repository, and name its folder, as in --git .";
    let is_remote = text.contains("://") || text.contains("::") || is_scp(text);
    if is_remote {
        return Err(format!("URLs are not supported yet; {LOCAL}"));
    }
    if text == "auto" {
        return Err(format!(
            "'auto' is not supported yet; {LOCAL} (./auto for a folder of this name)"
        ));
    }
    if text.is_empty() || text.starts_with('-') {
        return Err("not a folder; write ./ in front of a name that begins with -".to_owned());
    }
    Ok(PathBuf::from(text))
}

/// Whether git would read it as `host:path`, which is not a drive of Windows.
fn is_scp(text: &str) -> bool {
    text.split_once(':')
        .is_some_and(|(host, _)| host.len() > 1 && !host.contains(['/', '\\']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_folders_are_accepted() {
        for text in [".", "./-x", "./auto", "/a b", "a/b:c", "C:\\x"] {
            assert_eq!(folder(text), Ok(PathBuf::from(text)));
        }
        for (text, said) in [
            ("https://example.com/a.git", "clone the repository"),
            ("git@example.com:a.git", "clone the repository"),
            ("ext::sh -c x", "clone the repository"),
            ("auto", "./auto"),
            ("-x", "write ./ in front"),
            ("", "not a folder"),
        ] {
            let error = folder(text).expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
