//! Replies of a memcached server.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use crate::registry::memcached::{CacheStream, Connection, MAX_VALUE};

/// The keys that are requested.
const KEYS: [&str; 3] = ["k:1", "k:2", "k:3"];

/// A value comes back complete and under a key that was requested, or not at all. What
/// arrives in pieces means the same, and a text of the server is one plain line.
pub fn memcached(input: &[u8]) {
    values(input);
    statistics(input);
    stored(input);
}

fn values(input: &[u8]) {
    let mut reply = SentBytes::in_pieces(input, 1);
    let found = get(&mut reply);
    let used = &input[..reply.next];
    assert_eq!(get(&mut SentBytes::whole(input)), found, "in one piece");
    let found = match found {
        Ok(found) => found,
        Err(error) => return is_plain(&error),
    };
    for (key, value) in &found {
        assert!(KEYS.contains(&key.as_str()), "{key} was not requested");
        assert!(value.len() <= MAX_VALUE, "{key}: {} bytes", value.len());
    }
    let written = written(&found);
    assert_eq!(
        get(&mut SentBytes::whole(&written)),
        Ok(found),
        "written again"
    );
    for cut in 1..used.len().min(100) {
        let part = &used[..used.len() - cut];
        let found = get(&mut SentBytes::whole(part));
        assert!(found.is_err(), "{cut} bytes are missing: {found:?}");
    }
}

/// What the server replies to a request for the keys.
fn get(reply: &mut SentBytes<'_>) -> Result<HashMap<String, Vec<u8>>, String> {
    let keys = KEYS.map(str::to_owned);
    let found = Connection::on(reply).get(&keys);
    found.map_err(|error| error.to_string())
}

/// The plainest reply with these values.
fn written(values: &HashMap<String, Vec<u8>>) -> Vec<u8> {
    let mut written = Vec::new();
    for (key, value) in values {
        written.extend_from_slice(format!("VALUE {key} 0 {}\r\n", value.len()).as_bytes());
        written.extend_from_slice(value);
        written.extend_from_slice(b"\r\n");
    }
    written.extend_from_slice(b"END\r\n");
    written
}

fn statistics(input: &[u8]) {
    match Connection::on(&mut SentBytes::whole(input)).statistics() {
        Err(error) => is_plain(&error.to_string()),
        Ok(found) => {
            let mut values = found.values().flat_map(|value| value.chars());
            assert!(!values.any(char::is_control), "{found:?}");
        }
    }
}

fn stored(input: &[u8]) {
    let values = KEYS.map(|key| (key.to_owned(), 0, b"value".to_vec()));
    match Connection::on(&mut SentBytes::whole(input)).set(&values) {
        Err(error) => is_plain(&error.to_string()),
        Ok(outcomes) => assert_eq!(outcomes.len(), values.len(), "one outcome per value"),
    }
}

fn is_plain(error: &str) {
    let is_plain = !error.is_empty() && !error.chars().any(char::is_control);
    assert!(is_plain && error.len() < 2_000, "{error:?}");
}

/// A server that sends these bytes whatever it is asked, and then closes the connection.
struct SentBytes<'i> {
    input: &'i [u8],
    next: usize,
    /// The most bytes that arrive at once.
    piece: usize,
}

impl<'i> SentBytes<'i> {
    fn in_pieces(input: &'i [u8], piece: usize) -> Self {
        Self {
            input,
            next: 0,
            piece,
        }
    }

    fn whole(input: &'i [u8]) -> Self {
        Self::in_pieces(input, usize::MAX)
    }
}

impl Read for SentBytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.piece);
        let read = (&self.input[self.next..]).read(&mut buffer[..length])?;
        self.next += read;
        Ok(read)
    }
}

impl Write for SentBytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl CacheStream for &mut SentBytes<'_> {
    fn begin(&mut self, _bytes: usize) {}

    fn allow(&mut self, _bytes: usize) {}
}
