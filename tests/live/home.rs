//! A user's home directory with logins and files, where the binary runs.

use std::path::Path;

use serde_json::{Value, json};

use crate::binary::{Run, command, path};
use crate::token_server::basic;

/// A home directory with the files of a test.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    /// The home of a user without any login.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// After `docker login`.
    pub(crate) fn with_password(host: &str, user: &str, password: &str) -> Self {
        let pair = basic(user, password).replace("Basic ", "");
        Self::with_login(host, json!({"auth": pair}))
    }

    /// After `docker login` at a registry that gives identity tokens.
    pub(crate) fn with_identity(host: &str, token: &str) -> Self {
        // Docker writes the user into `auth`, without a password.
        let user = basic("00000000-0000-0000-0000-000000000000", "").replace("Basic ", "");
        Self::with_login(host, json!({"auth": user, "identitytoken": token}))
    }

    fn with_login(host: &str, entry: Value) -> Self {
        let home = Self::new();
        let config = json!({"auths": {host: entry}});
        home.write(".docker/config.json", &config.to_string());
        home
    }

    /// Writes a file and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    }

    /// Writes a manifest with one automated Deployment per image, named `web-0`,
    /// `web-1` …, and returns its path.
    pub(crate) fn workloads(&self, images: &[&str], policy: &str) -> String {
        let workload = |(n, image): (usize, &&str)| {
            let name = format!("web-{n}");
            let workload = crate::objects::workload("Deployment", "default", &name, image);
            crate::objects::automated(workload, policy)
        };
        let items: Vec<Value> = images.iter().enumerate().map(workload).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        self.write("workloads.yaml", &list.to_string())
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the binary here; there is no cluster.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let output = command(&path(), self.folder.path(), Path::new("/nonexistent"))
            .args(arguments)
            .output();
        output.expect("the binary runs").into()
    }
}

impl Run {
    /// Returns the run after asserting that it shows none of these secrets.
    #[track_caller]
    pub(crate) fn hides(self, secrets: &[&str]) -> Self {
        for secret in secrets {
            for said in [&self.stdout, &self.stderr] {
                assert!(!said.contains(secret), "a secret is shown: {said}");
            }
        }
        self
    }
}
