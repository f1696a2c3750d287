//! Why a kustomization cannot be built.

/// Why the objects of a kustomization are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// It uses a field, or a value of a field, that is not modelled here.
    #[error("needs kustomize: {field} at {}", place(file, *line))]
    NeedsKustomize {
        /// The field, with its value if only that is not modelled.
        field: String,
        /// The file, or an object of the cluster.
        file: String,
        /// The line, from 1; 0 in the cluster.
        line: usize,
    },
    /// The same, and the program is not there.
    #[error("needs kustomize: {field} at {}, but {problem}", place(file, *line))]
    NoProgram {
        /// The field.
        field: String,
        /// The file, or an object of the cluster.
        file: String,
        /// The line, from 1; 0 in the cluster.
        line: usize,
        /// Why the program cannot be started, and what to do.
        problem: String,
    },
    /// A path that kustomize might read outside the tree, so it was not started.
    #[error("{}: {field} {path:?}: {message}; kustomize was not started", place(file, *line))]
    NotLocal {
        /// The field.
        field: String,
        /// The path.
        path: String,
        /// The file with the field.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what to do.
        message: String,
    },
    /// The kustomize program failed.
    #[error("{program} cannot build {root}: {message}")]
    Program {
        /// The program and its version.
        program: String,
        /// The folder that was to be built.
        root: String,
        /// What it said.
        message: String,
    },
    /// Kustomize refuses it, too.
    #[error("{}: {message}", place(file, *line))]
    Invalid {
        /// The file, or an object of the cluster.
        file: String,
        /// The line, from 1; 0 in the cluster.
        line: usize,
        /// What is wrong, and what to do.
        message: String,
    },
    /// The folder has no kustomization, or several.
    #[error("{folder}: {message}")]
    Folder {
        /// The folder.
        folder: String,
        /// What is wrong.
        message: String,
    },
}

impl BuildError {
    /// The kind of the error in one word.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NeedsKustomize { .. } | Self::NoProgram { .. } => "NeedsKustomize",
            Self::NotLocal { .. } => "NotLocal",
            Self::Program { .. } => "KustomizeFailed",
            Self::Invalid { .. } | Self::Folder { .. } => "InvalidKustomization",
        }
    }

    pub(crate) fn needs_kustomize(field: impl Into<String>, file: &str, line: usize) -> Self {
        Self::NeedsKustomize {
            field: field.into(),
            file: file.to_owned(),
            line,
        }
    }

    /// The object that applies a folder has moved or changed while the command ran.
    pub(crate) fn owner_is_gone(file: &str, line: usize) -> Self {
        let message =
            "the object that applies this folder is no longer here; run the command again";
        Self::invalid(file, line, message)
    }

    pub(crate) fn invalid(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self::Invalid {
            file: file.to_owned(),
            line,
            message: message.into(),
        }
    }
}

/// A place as it is shown. An object of the cluster has no lines.
pub(crate) fn place(file: &str, line: usize) -> String {
    match line {
        0 => file.to_owned(),
        line => format!("{file}:{line}"),
    }
}
