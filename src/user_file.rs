//! Reads the user's own files, up to a size limit.
//!
//! A name may also be that of a pipe, such as `<(…)` of a shell, or of a device, such as
//! `/dev/null`. Neither may make a run endless: `/dev/zero` has no end, and the system
//! waits for the other end of a pipe.

use std::fs::File;
use std::io::{self, Chain, Cursor, ErrorKind, Read};
use std::path::Path;

/// How long to wait until another program opens a named pipe for writing.
#[cfg(unix)]
const WRITER: rustix::event::Timespec = rustix::event::Timespec {
    tv_sec: 5,
    tv_nsec: 0,
};

/// What was read while the file was opened, and the rest of it.
type OpenFile = Chain<Cursor<Vec<u8>>, File>;

/// Reads a file to its end.
///
/// # Errors
///
/// The file cannot be read, it is larger than `limit` bytes ([`ErrorKind::FileTooLarge`]), or it
/// is a named pipe that no program writes to ([`ErrorKind::TimedOut`]).
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_to_end(open(path)?, limit)
}

/// Reads a file like [`read`]; it must be UTF-8.
///
/// # Errors
///
/// Those of [`read`], or the file is not UTF-8 ([`ErrorKind::InvalidData`]).
pub(crate) fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    to_text(read(path, limit)?)
}

/// Reads a stream to its end.
///
/// # Errors
///
/// The stream cannot be read, or has more than `limit` bytes ([`ErrorKind::FileTooLarge`]).
pub(crate) fn read_to_end(from: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let message = format!("it is larger than {}", size(limit));
        return Err(io::Error::new(ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// Decodes UTF-8.
///
/// # Errors
///
/// The bytes are not UTF-8 ([`ErrorKind::InvalidData`]).
pub(crate) fn to_text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// Checks that a file can be opened. A pipe is not opened: it can be read only once.
///
/// # Errors
///
/// The file does not exist, or may not be read.
pub(crate) fn check(path: &Path) -> io::Result<()> {
    if is_pipe(path)? {
        return Ok(());
    }
    File::open(path).map(drop)
}

/// An error for a message: the words of this module, or only the kind of the system's
/// error.
pub(crate) fn describe(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(_) => error.kind().to_string(),
        None => error.to_string(),
    }
}

/// A limit in bytes, in the largest unit in which it is a whole number.
fn size(limit: u64) -> String {
    match limit {
        _ if limit > 0 && limit.is_multiple_of(1 << 20) => format!("{} MiB", limit >> 20),
        _ if limit > 0 && limit.is_multiple_of(1 << 10) => format!("{} KiB", limit >> 10),
        _ => format!("{limit} bytes"),
    }
}

#[cfg(unix)]
fn is_pipe(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::FileTypeExt as _;

    Ok(path.metadata()?.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe(path: &Path) -> io::Result<bool> {
    path.metadata().map(|_| false)
}

fn open(path: &Path) -> io::Result<OpenFile> {
    #[cfg(unix)]
    if is_pipe(path)? {
        return open_pipe(path, &WRITER);
    }
    File::open(path).map(|file| Cursor::new(Vec::new()).chain(file))
}

/// Opens a named pipe as soon as a program has opened it for writing. A plain `open` would
/// wait forever.
#[cfg(unix)]
fn open_pipe(path: &Path, patience: &rustix::event::Timespec) -> io::Result<OpenFile> {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

    let flag = OFlags::NONBLOCK.bits().cast_signed();
    let mut pipe = File::options().read(true).custom_flags(flag).open(path)?;
    let mut first = Vec::new();
    if poll(&mut [PollFd::new(&pipe, PollFlags::IN)], Some(patience))? == 0 {
        // Without a writer, this is the end of the file. A writer may be slow.
        let mut byte = [0];
        match pipe.read(&mut byte) {
            Ok(0) => {
                let seconds = patience.tv_sec;
                let message =
                    format!("it is a pipe, and no program opened it within {seconds} s to write");
                return Err(io::Error::new(ErrorKind::TimedOut, message));
            }
            Ok(_) => first.extend(byte),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    // From here on, a read waits for the program.
    fcntl_setfl(&pipe, fcntl_getfl(&pipe)? - OFlags::NONBLOCK)?;
    Ok(Cursor::new(first).chain(pipe))
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::process::Command;
    use std::thread;
    use std::time::Duration;

    use super::*;

    const SHORT: rustix::event::Timespec = rustix::event::Timespec {
        tv_sec: 0,
        tv_nsec: 50_000_000,
    };

    fn pipe() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
        assert!(made.success());
        (folder, pipe)
    }

    #[test]
    fn file_is_read_up_to_the_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "12345").expect("a file");
        assert_eq!(read(&file, 5).expect("read"), b"12345");
        let error = read(&file, 4).expect_err("too large");
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
        assert_eq!(error.to_string(), "it is larger than 4 bytes");
        assert_eq!(read(Path::new("/dev/null"), 0).expect("read"), b"");
        let error = read(Path::new("/dev/zero"), 2 << 20).expect_err("endless");
        assert_eq!(describe(&error), "it is larger than 2 MiB");
        let error = read(Path::new("/dev/zero"), 64 << 10).expect_err("endless");
        assert_eq!(describe(&error), "it is larger than 64 KiB");
        let error = read(folder.path(), 5).expect_err("a folder");
        assert_eq!(describe(&error), "is a directory");
        fs::write(&file, b"\xff").expect("a file");
        let error = read_text(&file, 4).expect_err("not text");
        assert_eq!(error.to_string(), "it is not UTF-8 text");
    }

    #[test]
    fn pipe_that_nobody_writes_to_is_an_error_and_is_not_opened_by_a_check() {
        let (_folder, pipe) = pipe();
        check(&pipe).expect("readable");
        let error = open_pipe(&pipe, &SHORT).map(drop).expect_err("nobody");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().starts_with("it is a pipe"), "{error}");
    }

    #[test]
    fn pipe_is_read_to_its_end_even_if_its_writer_is_slow() {
        let (_folder, path) = pipe();
        let writer = thread::spawn({
            let path = path.clone();
            move || {
                let mut pipe = File::options().write(true).open(path).expect("opened");
                thread::sleep(Duration::from_millis(300));
                io::Write::write_all(&mut pipe, b"text").expect("written");
            }
        });
        // Wait until the writer is there, so that the short time limit is for it alone.
        let both = File::options().read(true).write(true).open(&path);
        let pipe = open_pipe(&path, &SHORT).expect("opened");
        drop(both);
        assert_eq!(read_to_end(pipe, 4).expect("read"), b"text");
        writer.join().expect("ended");
    }

    #[test]
    fn endless_pipe_is_an_error() {
        let (_folder, path) = pipe();
        let mut endless = Command::new("/bin/sh")
            .args(["-c", "exec cat /dev/zero > \"$0\""])
            .arg(&path)
            .spawn()
            .expect("a program");
        let error = read(&path, 1 << 20).expect_err("endless");
        assert_eq!(error.to_string(), "it is larger than 1 MiB");
        // Without a reader, the program ends.
        endless.wait().expect("ended");
    }
}
