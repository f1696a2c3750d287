//! The files of a kustomization, in memory.

use std::collections::BTreeMap;

use crate::workload::{AppliedBy, ApplierPlace};

/// The files and folders that a kustomization reaches, by their paths as they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceTree {
    /// The folder that is built.
    pub root: String,
    /// What applies it, if that is known.
    pub applied_by: Option<AppliedBy>,
    /// What was found at each path.
    pub paths: BTreeMap<String, SourcePath>,
}

/// What was found at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourcePath {
    /// A file.
    File {
        /// Its text.
        text: String,
        /// The folder that contains it, after following links.
        folder: String,
    },
    /// A file that is not text. Only the kustomize program reads it.
    Bytes {
        /// Its content.
        bytes: Vec<u8>,
        /// The folder that contains it, after following links.
        folder: String,
    },
    /// A folder.
    Folder {
        /// The names of its kustomization files.
        kustomizations: Vec<String>,
        /// Its path, after following links.
        real: String,
    },
    /// It does not exist, may not be read, or cannot be read; the reason as a sentence.
    Unusable(String),
}

impl SourcePath {
    /// The reason of a path that does not exist.
    pub const MISSING: &str = "it does not exist";

    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Unusable(reason) if reason == Self::MISSING)
    }
}

impl SourceTree {
    /// The text of a file.
    #[must_use]
    pub fn text(&self, file: &str) -> Option<&str> {
        match self.paths.get(file) {
            Some(SourcePath::File { text, .. }) => Some(text),
            _ => None,
        }
    }

    /// The file of the object that applies the folder.
    pub(crate) fn owner_file(&self) -> Option<&str> {
        match &self.applied_by.as_ref()?.place {
            ApplierPlace::File(at) => Some(&at.file),
            ApplierPlace::Cluster { .. } | ApplierPlace::Elsewhere => None,
        }
    }

    /// Whether what is built depends on a file; that of the owner does not count, unless it is in
    /// the folder.
    #[must_use]
    pub fn builds(&self, file: &str) -> bool {
        let file = &join_path(file, "");
        let is_owner = self.owner_file() == Some(file);
        self.text(file).is_some() && (!is_owner || is_inside(file, &self.root))
    }

    /// The same tree with other texts.
    #[must_use]
    pub fn with_texts(&self, texts: &BTreeMap<String, String>) -> Self {
        let mut tree = self.clone();
        for (file, new) in texts {
            if let Some(SourcePath::File { text, .. }) = tree.paths.get_mut(file) {
                text.clone_from(new);
            }
        }
        tree
    }
}

/// Whether a path is below a folder, by the paths that are shown.
pub(crate) fn is_inside(file: &str, folder: &str) -> bool {
    let below = file.strip_prefix(folder);
    match folder {
        "." => !file.starts_with("../") && !file.starts_with('/'),
        _ => below.is_some_and(|below| below.starts_with('/')),
    }
}

/// The path of a reference from a folder, without `.` and without avoidable `..`.
#[must_use]
pub fn join_path(folder: &str, reference: &str) -> String {
    let absolute = folder.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(reference.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shown_without_detours() {
        for (folder, reference, expected) in [
            (".", "deploy.yaml", "deploy.yaml"),
            ("prod", "../base", "base"),
            ("apps/prod", "../../base/./web", "base/web"),
            (".", "../base", "../base"),
            ("../prod", "../../base", "../../base"),
            ("/repo/prod", "../base", "/repo/base"),
            ("/", "../base", "/base"),
            ("base", "..", "."),
        ] {
            assert_eq!(join_path(folder, reference), expected);
        }
    }
}
