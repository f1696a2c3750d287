//! The text of one file, up to a size limit.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::error::{FileError, MAX_BYTES};
use crate::workload::ManifestSource;

/// Reads a file the way [`read`](super::read()) does.
///
/// # Errors
///
/// The file cannot be read, is larger than [`MAX_BYTES`] or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    let name = path.display().to_string();
    let mut file = File::open(path).map_err(|source| FileError::Unreadable {
        file: name.clone(),
        source,
    })?;
    read_to_end(&name, &mut file)
}

/// Reads text to its end. `file` is the name that errors use.
pub(crate) fn read_to_end(file: &str, from: &mut dyn Read) -> Result<String, FileError> {
    let mut bytes = Vec::new();
    let file = file.to_owned();
    if let Err(source) = from.take(MAX_BYTES + 1).read_to_end(&mut bytes) {
        return Err(FileError::Unreadable { file, source });
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(FileError::TooLarge { file });
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        FileError::NotUtf8 {
            at: ManifestSource { file, line },
        }
    })
}
