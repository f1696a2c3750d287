//! Why a kustomization cannot be built.

/// Why the objects of a kustomization are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// It uses a field, or a value of a field, that is not modelled here.
    #[error("needs kustomize: {field} at {file}:{line}")]
    NeedsKustomize {
        /// The field, with its value if only that is not modelled.
        field: String,
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// Kustomize refuses it, too.
    #[error("{file}:{line}: {message}")]
    Invalid {
        /// The file.
        file: String,
        /// The line, from 1.
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
            Self::NeedsKustomize { .. } => "NeedsKustomize",
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

    pub(crate) fn invalid(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self::Invalid {
            file: file.to_owned(),
            line,
            message: message.into(),
        }
    }
}
