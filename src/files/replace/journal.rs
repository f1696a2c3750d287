//! What a run has written that it has not committed yet.
//!
//! A run that is killed between a write and its commit leaves files behind that the next run
//! would take for changes of the user. The journal tells them apart: before a file is replaced,
//! the hash of its new text is added. It is locked as long as its run lives, and removed at its
//! end, so a journal without a lock belongs to a run that was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// How the name of a journal begins.
const PREFIX: &str = "imgpolicy-";
/// What a line about a temporary file begins with, instead of a hash.
const TEMPORARY: &str = "temporary";
/// How it ends.
const SUFFIX: &str = ".journal";

/// The journal of this run. Dropping it removes it.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    _lock: File,
}

impl Journal {
    /// The path of the journal of this run in a folder.
    #[must_use]
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(format!("{PREFIX}{}{SUFFIX}", std::process::id()))
    }

    /// Begins the journal. `head`: where the branch was before.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn begin(path: &Path, head: &str) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let mut file = options.create(true).truncate(true).write(true).open(path)?;
        file.lock()?;
        writeln!(file, "{head}")?;
        let path = path.to_owned();
        Ok(Self { path, _lock: file })
    }

    /// Notes a temporary file.
    pub(crate) fn note_temporary(path: &Path, file: &Path) -> io::Result<()> {
        Self::add(path, TEMPORARY, file)
    }

    /// Notes the text that a file is about to get.
    pub(crate) fn note_text(path: &Path, file: &Path, text: &str) -> io::Result<()> {
        Self::add(path, &hash(text.as_bytes()), file)
    }

    /// Adds a line, if the run has begun its journal.
    fn add(path: &Path, word: &str, file: &Path) -> io::Result<()> {
        let Some(name) = file.to_str().filter(|name| !name.contains('\n')) else {
            return Ok(());
        };
        let mut journal = match OpenOptions::new().append(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            journal => journal?,
        };
        journal.write_all(format!("{word} {name}\n").as_bytes())
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The journal of a run that was killed.
#[derive(Debug)]
pub struct UnfinishedWrites {
    /// Where the branch was before.
    pub head: String,
    path: PathBuf,
    /// The hashes of the texts that each file was given.
    texts: BTreeMap<PathBuf, BTreeSet<String>>,
    temporaries: Vec<PathBuf>,
    _lock: File,
}

impl UnfinishedWrites {
    /// Those in a folder.
    #[must_use]
    pub fn find(folder: &Path) -> Vec<Self> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let names = entries.filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(PREFIX) && name.ends_with(SUFFIX)
        });
        names
            .filter_map(|entry| Self::read(&entry.path()))
            .collect()
    }

    /// `None`: the run still lives, or has written nothing that can be read.
    fn read(path: &Path) -> Option<Self> {
        let lock = OpenOptions::new().read(true).write(true).open(path).ok()?;
        lock.try_lock().ok()?;
        let text = fs::read_to_string(path).ok()?;
        let (head, lines) = text.split_once('\n').unwrap_or((&text, ""));
        let mut texts: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
        let mut temporaries = Vec::new();
        for (word, name) in lines.lines().filter_map(|line| line.split_once(' ')) {
            if word == TEMPORARY {
                temporaries.push(PathBuf::from(name));
            } else {
                let hashes = texts.entry(PathBuf::from(name)).or_default();
                hashes.insert(word.to_owned());
            }
        }
        Some(Self {
            head: head.to_owned(),
            path: path.to_owned(),
            texts,
            temporaries,
            _lock: lock,
        })
    }

    /// The files that still have a text that the run has written.
    #[must_use]
    pub fn files(&self) -> Vec<&Path> {
        let texts = self.texts.iter().filter(|(file, hashes)| {
            fs::read(file).is_ok_and(|bytes| hashes.contains(&hash(&bytes)))
        });
        texts.map(|(file, _)| file.as_path()).collect()
    }

    /// Removes the temporary files, and the journal: what it names was dealt with.
    pub fn forget(self) {
        for file in &self.temporaries {
            let _ = fs::remove_file(file);
        }
        let _ = fs::remove_file(&self.path);
    }
}

fn hash(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in &Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
