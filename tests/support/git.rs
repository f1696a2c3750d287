//! A repository of the real git program, without any configuration of this machine.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::program::{Run, TestEnvironment};

/// An environment with a repository in its folder `repo`.
#[derive(Debug)]
pub struct TestRepository {
    pub environment: TestEnvironment,
}

impl TestRepository {
    /// A repository on the branch `main` with one commit of these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let repository = Self {
            environment: TestEnvironment::new(),
        };
        fs::create_dir(repository.folder()).expect("a folder");
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.git(&["config", "user.name", "Ada"]);
        repository.git(&["config", "user.email", "ada@example.com"]);
        for (file, text) in files {
            repository.write(file, text);
        }
        repository.git(&["add", "--all"]);
        repository.git(&["commit", "--quiet", "--message=first"]);
        repository
    }

    /// The same, with a bare repository `remote.git` next to it, where `main` was pushed.
    pub fn with_remote(files: &[(&str, &str)]) -> Self {
        let repository = Self::with(files);
        repository.git(&[
            "init",
            "--quiet",
            "--bare",
            "--initial-branch=main",
            "../remote.git",
        ]);
        repository.git(&["remote", "add", "origin", "../remote.git"]);
        repository.git(&["push", "--quiet", "--set-upstream", "origin", "main"]);
        repository
    }

    /// Another clone of the remote repository, of somebody else.
    pub fn clone_of_remote(&self, name: &str) -> PathBuf {
        self.git(&["clone", "--quiet", "../remote.git", &format!("../{name}")]);
        for (key, value) in [("user.name", "Grace"), ("user.email", "grace@example.com")] {
            self.git(&["-C", &format!("../{name}"), "config", key, value]);
        }
        self.environment.home().join(name)
    }

    /// Somebody else changes a file in the remote repository.
    pub fn push_of_others(&self, file: &str, text: &str) {
        let name = format!("clone-{}", file.replace('/', "-"));
        let clone = self.clone_of_remote(&name);
        fs::write(clone.join(file), text).expect("a file");
        let folder = format!("../{name}");
        self.git(&["-C", &folder, "add", "--all"]);
        self.git(&["-C", &folder, "commit", "--quiet", "--message=theirs"]);
        self.git(&["-C", &folder, "push", "--quiet"]);
    }

    /// Runs git in the remote repository.
    #[track_caller]
    pub fn remote(&self, words: &[&str]) -> String {
        self.git(&[&["-C", "../remote.git"], words].concat())
    }

    pub fn folder(&self) -> PathBuf {
        self.environment.home().join("repo")
    }

    /// Writes a file in the work tree.
    pub fn write(&self, file: &str, text: &str) -> PathBuf {
        self.environment.write(&format!("repo/{file}"), text)
    }

    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder().join(file)).expect("a file")
    }

    /// Runs git, which has to succeed, and returns its output without the last line end.
    #[track_caller]
    pub fn git(&self, words: &[&str]) -> String {
        let output = self.try_git(words).expect("git succeeds");
        output.trim_end().to_owned()
    }

    /// Runs git; an error is what it printed.
    pub fn try_git(&self, words: &[&str]) -> Result<String, String> {
        let output = Command::new("git")
            .args(words)
            .current_dir(self.folder())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.environment.home())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .expect("git is installed");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            Ok(text)
        } else {
            Err(text + &String::from_utf8_lossy(&output.stderr))
        }
    }

    /// The hash of the last commit.
    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Adds a hook.
    #[cfg(unix)]
    pub fn hook(&self, name: &str, script: &str) {
        self.script(&format!("repo/.git/hooks/{name}"), script);
    }

    /// Adds a hook to the remote repository.
    #[cfg(unix)]
    pub fn remote_hook(&self, name: &str, script: &str) {
        self.script(&format!("remote.git/hooks/{name}"), script);
    }

    #[cfg(unix)]
    fn script(&self, file: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;

        let text = format!("#!/bin/sh\n{script}\n");
        let path = self.environment.write(file, text);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
    }

    /// A run of the program in the work tree.
    pub fn program(&self, words: &[&str]) -> Run {
        let run = self.environment.program(words).dir(&self.folder());
        run.env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
    }
}
