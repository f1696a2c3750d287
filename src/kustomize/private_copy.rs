//! A private copy of the files that the program may read.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use tempfile::TempDir;

use crate::manifest::ProgramInput;

/// The copy, in a folder that only this user can read. It is removed at the end.
pub(crate) struct PrivateCopy {
    _folder: TempDir,
    /// The folder without links, as programs show it.
    real: PathBuf,
    /// What was written.
    files: BTreeMap<String, Vec<u8>>,
}

impl PrivateCopy {
    pub(crate) fn new() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("imgpolicy-").tempdir()?;
        let real = fs::canonicalize(folder.path())?;
        for name in ["tree", "home", "bin"] {
            fs::create_dir(real.join(name))?;
        }
        Ok(Self {
            _folder: folder,
            real,
            files: BTreeMap::new(),
        })
    }

    /// Makes the files those of the input. Only what differs is written.
    pub(crate) fn write(&mut self, input: &ProgramInput) -> io::Result<()> {
        for (path, bytes) in &input.files {
            if self.files.get(path) == Some(bytes) {
                continue;
            }
            let copy = self.place(path);
            if let Some(folder) = copy.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(copy, bytes)?;
            self.files.insert(path.clone(), bytes.clone());
        }
        Ok(())
    }

    /// Where a file or a folder is in the copy.
    pub(crate) fn place(&self, path: &str) -> PathBuf {
        let parts = Path::new(path).components();
        let parts = parts.filter(|part| matches!(part, Component::Normal(_)));
        self.tree().join(parts.collect::<PathBuf>())
    }

    /// An empty home, for the settings and the caches of the program.
    pub(crate) fn home(&self) -> PathBuf {
        self.real.join("home")
    }

    /// An empty folder that is the search path, so that the program finds no other one.
    pub(crate) fn no_programs(&self) -> PathBuf {
        self.real.join("bin")
    }

    /// A text of the program with the paths of the originals.
    pub(crate) fn with_own_paths(&self, text: &str) -> String {
        text.replace(&self.tree().display().to_string(), "")
    }

    fn tree(&self) -> PathBuf {
        self.real.join("tree")
    }
}
