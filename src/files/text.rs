//! The text of one file, up to a size limit.

use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::error::{FileError, MAX_BYTES};
use crate::user_file;
use crate::workload::ManifestSource;

/// Reads a file the way [`read`](super::read()) does.
///
/// # Errors
///
/// The file cannot be read, is larger than [`MAX_BYTES`] or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    let name = path.display().to_string();
    to_text(name, user_file::read(path, MAX_BYTES))
}

/// Reads text to its end. `file` is the name that errors use.
pub(crate) fn read_to_end(file: &str, from: &mut dyn Read) -> Result<String, FileError> {
    to_text(file.to_owned(), user_file::read_to_end(from, MAX_BYTES))
}

fn to_text(file: String, bytes: io::Result<Vec<u8>>) -> Result<String, FileError> {
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::FileTooLarge => {
            return Err(FileError::TooLarge { file });
        }
        Err(source) => return Err(FileError::Unreadable { file, source }),
    };
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        FileError::NotUtf8 {
            at: ManifestSource { file, line },
        }
    })
}
