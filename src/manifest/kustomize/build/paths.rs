//! Finds the files and folders that a kustomization names.

use crate::manifest::kustomize::error::BuildError;
use crate::manifest::kustomize::owner::OwnerLayer;
use crate::manifest::kustomize::source::{SourcePath, SourceTree, join_path};
use crate::manifest::kustomize::spec::{
    KustomizationSpec, PathReference, is_remote, kustomization_object,
};
use crate::manifest::kustomize::traced::TracedObject;

/// Finds them in a tree that was read.
#[derive(Clone, Copy)]
pub(crate) struct PathFinder<'a>(pub(crate) &'a SourceTree);

impl<'a> PathFinder<'a> {
    /// The kustomization of a folder.
    pub(crate) fn spec(self, folder: &str) -> Result<KustomizationSpec, BuildError> {
        let (file, object) = self.kustomization_object(folder)?;
        KustomizationSpec::read_object(&file, &object)
    }

    /// The kustomization of a folder, as its owner changes it.
    pub(crate) fn kustomization_object(
        self,
        folder: &str,
    ) -> Result<(String, TracedObject), BuildError> {
        let (file, text) = self.kustomization(folder)?;
        let mut object = kustomization_object(&file, text)?;
        if folder == self.0.root
            && let Some(layer) = OwnerLayer::find(self.0)?
        {
            layer.merge_into(&mut object.value, self.0)?;
        }
        Ok((file, object))
    }

    /// The kustomization file of a folder, and its text.
    pub(crate) fn kustomization(self, folder: &str) -> Result<(String, &'a str), BuildError> {
        let problem = |message: String| BuildError::Folder {
            folder: folder.to_owned(),
            message,
        };
        let names = match self.0.paths.get(folder) {
            Some(SourcePath::Folder { kustomizations, .. }) => kustomizations,
            Some(SourcePath::Unusable(reason)) => return Err(problem(reason.clone())),
            _ => return Err(problem("it is not a folder".to_owned())),
        };
        match names.as_slice() {
            [name] => {
                let file = join_path(folder, name);
                let text = self.0.text(&file).unwrap_or_default();
                Ok((file, text))
            }
            [] => Err(problem(
                "the folder has no kustomization.yaml, kustomization.yml or Kustomization"
                    .to_owned(),
            )),
            several => Err(problem(format!(
                "the folder has several kustomization files ({}); keep one of them",
                several.join(", ")
            ))),
        }
    }

    /// The text of a file that a kustomization names. Kustomize reads only files in its own
    /// folder and below.
    pub(crate) fn file(
        self,
        folder: &str,
        reference: &PathReference,
    ) -> Result<&'a str, BuildError> {
        let invalid =
            |message: String| BuildError::invalid(&reference.file, reference.line, message);
        let path = local_path(folder, reference)?;
        match self.0.paths.get(&path) {
            Some(SourcePath::File { text, folder: real }) => {
                if is_below(real, self.real(folder)) {
                    Ok(text)
                } else {
                    Err(invalid(format!(
                        "{path} is not in or below the folder of this kustomization, so kustomize \
                         refuses it"
                    )))
                }
            }
            Some(SourcePath::Bytes { .. }) => Err(invalid(format!("{path} is not UTF-8"))),
            Some(SourcePath::Folder { .. }) => Err(invalid(format!("{path} is a folder"))),
            Some(SourcePath::Unusable(reason)) => Err(invalid(format!("{path}: {reason}"))),
            None => Err(invalid(format!("{path} was not read"))),
        }
    }

    /// The path of a folder that a kustomization names. `open` are the folders that are being
    /// built.
    pub(crate) fn folder(
        self,
        folder: &str,
        reference: &PathReference,
        open: &[String],
    ) -> Result<String, BuildError> {
        let invalid =
            |message: String| BuildError::invalid(&reference.file, reference.line, message);
        let path = local_path(folder, reference)?;
        match self.0.paths.get(&path) {
            Some(SourcePath::Folder { .. }) => {}
            Some(SourcePath::File { .. } | SourcePath::Bytes { .. }) => {
                return Err(invalid(format!("{path} is a file")));
            }
            Some(SourcePath::Unusable(reason)) => {
                return Err(invalid(format!("{path}: {reason}")));
            }
            None => return Err(invalid(format!("{path} was not read"))),
        }
        let mut open = open.iter();
        if open.any(|open| is_below(self.real(open), self.real(&path))) {
            return Err(invalid(format!(
                "{path} contains this kustomization: a cycle"
            )));
        }
        Ok(path)
    }

    /// The path of a folder after following links.
    pub(crate) fn real<'p>(self, folder: &'p str) -> &'p str
    where
        'a: 'p,
    {
        match self.0.paths.get(folder) {
            Some(SourcePath::Folder { real, .. }) => real,
            _ => folder,
        }
    }
}

/// The path that a kustomization names; an error if it is on another machine.
fn local_path(folder: &str, reference: &PathReference) -> Result<String, BuildError> {
    if is_remote(&reference.path) {
        let field = format!("{} {:?}", reference.field, reference.path);
        return Err(BuildError::needs_kustomize(
            field,
            &reference.file,
            reference.line,
        ));
    }
    Ok(join_path(folder, &reference.path))
}

/// Whether a path is another one, or below it.
fn is_below(path: &str, folder: &str) -> bool {
    path == folder
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/') || folder.ends_with('/'))
}
