//! Where changes are committed and pushed.

use std::path::{Component, Path, PathBuf};

use clap::{Args, ValueEnum};

use super::scope::PlaceFlags;
use crate::cli::error::CommandError;
use crate::files::PathOrStdin;
use crate::plan::{CommitPer, MessageTemplate};
use crate::secrets;
use crate::user_file;
use crate::write::DryRun;

/// The heading of these flags in the help.
const GIT: &str = "Git";

/// The maximum size of a template, in bytes.
const MAX_TEMPLATE_BYTES: u64 = 64 << 10;

/// Where changes are committed.
#[derive(Debug, Clone, Args)]
pub(crate) struct GitFlag {
    /// Commit the changed files to this Git repository. In a folder, git uses the user's hooks,
    /// signature and identity, and pushes nothing without --push. A URL is cloned into a temporary
    /// folder, where no hook and no filter runs; it needs --push, --push-branch or --dry-run. With
    /// auto, the chosen workloads are looked up in the cluster: the URL, the branch and the paths are
    /// those of the Flux Kustomization or the Argo CD Application that applies them
    #[arg(long, help_heading = GIT, value_name = "DIR|URL|auto", value_parser = git_place)]
    git: Option<GitPlace>,

    /// File or folder of the repository to read, with its subfolders; repeatable
    #[arg(long, help_heading = GIT, value_name = "PATH", requires = "git", value_parser = path_in_repository,
        conflicts_with_all = ["all_namespaces", "selector"])]
    path: Vec<PathBuf>,

    /// With a URL or auto, the branch to clone [default: the repository's default branch, or with
    /// auto the one that is applied]
    #[arg(long, help_heading = GIT, value_name = "NAME", requires = "git")]
    branch: Option<String>,

    /// Push the commit to the upstream of the branch, never with force; if others push first,
    /// decide again on their state, at most three times
    #[arg(long, help_heading = GIT, requires = "git")]
    push: bool,

    /// With a URL or auto, push to this branch; if it exists, the commit is made on top of it
    #[arg(long, help_heading = GIT, value_name = "NAME", requires = "git")]
    push_branch: Option<String>,

    /// What gets a commit of its own; workloads that share a line are in one commit, and all commits
    /// are pushed together [default: run]
    #[arg(long, help_heading = GIT, value_name = "run|workload|image", requires = "git",
        default_value = "run", hide_default_value = true, hide_possible_values = true)]
    commit_per: CommitPerWord,

    /// File with the beginning of the commit message: a subject and, if you like, more lines, with
    /// {{.Workload}}, {{.Namespace}}, {{.Container}}, {{.Image}}, {{.Old}}, {{.New}}, {{.Policy}},
    /// {{.Compare}}, {{.Count}} and {{.Date}}
    #[arg(long, help_heading = GIT, value_name = "FILE", requires = "git")]
    message_template: Option<PathBuf>,

    /// Pass this text to the server, like --push-option of git push; repeatable
    #[arg(long, help_heading = GIT, value_name = "OPTION", requires = "git")]
    push_option: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CommitPerWord {
    Run,
    Workload,
    Image,
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GitPlace {
    /// A local folder.
    Folder(PathBuf),
    /// The address of a repository to clone.
    Url(String),
    /// The repository from which Flux or Argo CD takes the workloads of the cluster. It has to be
    /// looked up.
    Auto,
}

impl GitFlag {
    /// The repository.
    pub(crate) fn place(&self) -> Option<&GitPlace> {
        self.git.as_ref()
    }

    /// The local folder.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match &self.git {
            Some(GitPlace::Folder(folder)) => Some(folder),
            Some(GitPlace::Url(_) | GitPlace::Auto) | None => None,
        }
    }

    /// Whether the repository has to be cloned.
    pub(crate) fn is_url(&self) -> bool {
        matches!(self.git, Some(GitPlace::Url(_)))
    }

    /// Whether the repository has to be looked up in the cluster.
    pub(crate) fn is_auto(&self) -> bool {
        self.git == Some(GitPlace::Auto)
    }

    /// The same flags with the repository that was looked up. What the user has named stays.
    pub(crate) fn found(
        mut self,
        url: String,
        branch: Option<String>,
        paths: Vec<PathBuf>,
    ) -> Self {
        self.git = Some(GitPlace::Url(url));
        self.branch = self.branch.or(branch);
        if self.path.is_empty() {
            self.path = paths;
        }
        self
    }

    /// Checks that a clone is of use: it is removed at the end.
    ///
    /// # Errors
    ///
    /// Nothing is pushed, and it is not a dry run.
    pub(crate) fn check_pushes(&self, dry_run: DryRun) -> Result<(), CommandError> {
        if self.pushes() || dry_run != DryRun::None {
            return Ok(());
        }
        Err(CommandError::usage(
            "a clone is removed at the end; add --push, --push-branch NAME or --dry-run",
        ))
    }

    /// The branch to clone.
    pub(crate) fn branch(&self) -> Option<&str> {
        self.branch.as_deref()
    }

    /// The branch to push to.
    pub(crate) fn push_branch(&self) -> Option<&str> {
        self.push_branch.as_deref()
    }

    /// Whether to push the commit.
    pub(crate) fn pushes(&self) -> bool {
        self.push || self.push_branch.is_some()
    }

    /// What gets a commit of its own.
    pub(crate) fn commit_per(&self) -> CommitPer {
        match self.commit_per {
            CommitPerWord::Run => CommitPer::Run,
            CommitPerWord::Workload => CommitPer::Workload,
            CommitPerWord::Image => CommitPer::Image,
        }
    }

    /// The texts for the server of a push.
    pub(crate) fn push_options(&self) -> &[String] {
        &self.push_option
    }

    /// The user's words for the message.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not a template.
    pub(crate) fn message_template(&self) -> Result<Option<MessageTemplate>, CommandError> {
        let Some(file) = &self.message_template else {
            return Ok(None);
        };
        let shown = file.display();
        let text = user_file::read_text(file, MAX_TEMPLATE_BYTES).map_err(|error| {
            let why = user_file::describe(&error);
            CommandError::failed(format!("--message-template {shown}: {why}"))
        })?;
        let template = MessageTemplate::parse(&text);
        template
            .map(Some)
            .map_err(|error| CommandError::failed(format!("--message-template {shown}: {error}")))
    }

    /// The files and folders of the repository to read, as they are found from the current
    /// folder, which is the root of a clone.
    pub(crate) fn paths(&self) -> impl Iterator<Item = PathOrStdin> {
        let folder = self.folder().filter(|folder| *folder != Path::new("."));
        self.path.iter().map(move |path| {
            PathOrStdin::Path(match folder {
                Some(folder) => folder.join(path),
                None => path.clone(),
            })
        })
    }

    /// Checks the flags against each other and against the place of the workloads, which
    /// includes the paths of the repository.
    ///
    /// # Errors
    ///
    /// There are no files that could be committed, or nowhere to push.
    pub(crate) fn check(
        &self,
        place: &PlaceFlags,
        kustomization: Option<&Path>,
        dry_run: DryRun,
    ) -> Result<(), CommandError> {
        if self.git.is_none() {
            return Ok(());
        }
        if place.filename.is_empty() && kustomization.is_none() {
            return Err(CommandError::usage(
                "--git commits files; name those of the repository with --path, -f or -k",
            ));
        }
        if kustomization.is_some() && !self.path.is_empty() {
            return Err(CommandError::usage(
                "-k names the kustomization to build; it cannot be used with --path",
            ));
        }
        if place.filename.contains(&PathOrStdin::Stdin) {
            return Err(CommandError::usage(
                "--git cannot be used with -f -, which writes to standard output; name the files of \
                 the repository with --path or -f",
            ));
        }
        if !self.push_option.is_empty() && !self.pushes() {
            return Err(CommandError::usage("--push-option needs --push"));
        }
        if self.is_url() {
            return self.check_url(place, kustomization, dry_run);
        }
        let for_urls = [
            (self.branch.is_some(), "--branch"),
            (self.push_branch.is_some(), "--push-branch"),
        ];
        match for_urls.into_iter().find(|(is_given, _)| *is_given) {
            Some((_, flag)) => Err(CommandError::usage(format!(
                "{flag} needs the URL of a repository; in a folder, the branch that is checked out \
                 gets the commit"
            ))),
            None => Ok(()),
        }
    }

    fn check_url(
        &self,
        place: &PlaceFlags,
        kustomization: Option<&Path>,
        dry_run: DryRun,
    ) -> Result<(), CommandError> {
        self.check_pushes(dry_run)?;
        let paths = place.filename.iter().filter_map(|path| match path {
            PathOrStdin::Path(path) => Some(path.as_path()),
            PathOrStdin::Stdin => None,
        });
        let excluded = place.exclude.iter().map(PathBuf::as_path);
        for path in paths.chain(excluded).chain(kustomization) {
            if !path.is_absolute() && leaves_folder(path) {
                return Err(CommandError::usage(format!(
                    "{} is outside the clone; write local files as absolute paths",
                    path.display()
                )));
            }
        }
        Ok(())
    }
}

fn leaves_folder(path: &Path) -> bool {
    path.components().any(|part| part == Component::ParentDir)
}

/// A path that stays in the repository.
pub(crate) fn path_in_repository(text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text);
    if text.is_empty() || path.is_absolute() || leaves_folder(path) {
        return Err("not a path within the repository; write it as in --path apps/web".to_owned());
    }
    if text.starts_with('-') {
        return Err("write ./ in front of a name that begins with -".to_owned());
    }
    Ok(path.to_owned())
}

/// The schemes of URLs that git itself understands.
const SCHEMES: [&str; 7] = ["https", "http", "ssh", "git", "file", "git+ssh", "ssh+git"];

/// A local folder, or a URL. Nothing that would start a program of the address's choice.
pub(crate) fn git_place(text: &str) -> Result<GitPlace, String> {
    secrets::learn_url(text);
    if text.is_empty() || text.starts_with('-') {
        return Err("not a folder; write ./ in front of a name that begins with -".to_owned());
    }
    if text == "auto" {
        return Ok(GitPlace::Auto);
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        return if !SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) {
            Err(format!("the scheme is not one of {}", SCHEMES.join(", ")))
        } else if rest.starts_with('-') {
            Err("the host begins with -".to_owned())
        } else {
            Ok(GitPlace::Url(text.to_owned()))
        };
    }
    if text.contains("::") {
        return Err(
            "remote helpers (NAME::ADDRESS) are not supported; use an https or ssh URL".to_owned(),
        );
    }
    if is_scp(text) {
        return Ok(GitPlace::Url(text.to_owned()));
    }
    Ok(GitPlace::Folder(PathBuf::from(text)))
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
    fn folders_and_urls_are_distinguished() {
        assert_eq!(git_place("auto"), Ok(GitPlace::Auto));
        for text in [".", "./-x", "./auto", "/a b", "a/b:c", "C:\\x"] {
            assert_eq!(git_place(text), Ok(GitPlace::Folder(PathBuf::from(text))));
        }
        for text in [
            "https://git.example/a.git",
            "git@git.example:a.git",
            "ssh://git@git.example:22/a.git",
            "file:///srv/a.git",
        ] {
            assert_eq!(git_place(text), Ok(GitPlace::Url(text.to_owned())));
        }
    }

    #[test]
    fn addresses_that_choose_a_program_or_a_flag_are_refused() {
        for (text, said) in [
            ("ext::sh -c x", "not supported"),
            ("ext://sh", "the scheme"),
            ("fd::17", "not supported"),
            ("transport::https://git.example/a", "the scheme"),
            ("ssh://-oProxyCommand=x/a", "begins with -"),
            ("-x", "write ./ in front"),
            ("", "not a folder"),
        ] {
            let error = git_place(text).expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn paths_stay_in_the_repository() {
        for text in ["apps", ".", "./-x", "a/b.yaml"] {
            assert_eq!(path_in_repository(text), Ok(PathBuf::from(text)));
        }
        for text in ["", "/etc", "..", "a/../../b", "-x"] {
            path_in_repository(text).expect_err(text);
        }
    }
}
