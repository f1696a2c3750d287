//! The text protocol of memcached, as much of it as a cache needs.
//!
//! Its rules are memcached's `doc/protocol.txt`. Every line and every value is
//! bounded, so a peer that is no memcached costs little and is found out.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::super::option::Server;
use crate::registry::client::failure::clean;

/// How long a server may take for an answer. Bytes may take longer: a
/// millisecond for each KiB.
pub(crate) const SERVER_TIMEOUT: Duration = Duration::from_millis(250);

/// The largest value, so that an item with its key and header stays below the
/// 1 MiB that memcached takes unless it is told otherwise.
pub(crate) const LARGEST: usize = (1 << 20) - 1024;

/// The longest line of an answer.
const LONGEST_LINE: u64 = 1024;

/// The most lines of `stats`.
const MOST_STATISTICS: usize = 1000;

/// Why a server is of no use. The texts end a sentence that names it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CacheServerError {
    /// Its name has no address.
    #[error("its name cannot be resolved")]
    Name,
    /// No answer in time.
    #[error("no answer within {} ms", SERVER_TIMEOUT.as_millis())]
    Timeout,
    /// Many answers that were late, though each in time.
    #[error("it is too slow")]
    TooSlow,
    /// It ended the connection.
    #[error("it closed the connection")]
    Closed,
    /// What the system says.
    #[error("{0}")]
    System(io::Error),
    /// What no memcached answers.
    #[error("it does not answer as memcached does")]
    Protocol,
    /// What it says is wrong, with itself or with the question.
    #[error("it answers {0:?}")]
    Refused(String),
}

impl From<io::Error> for CacheServerError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::Timeout,
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::System(error),
        }
    }
}

/// A socket whose reads and writes all end at one time.
struct TimedStream {
    stream: TcpStream,
    until: Instant,
}

impl TimedStream {
    fn left(&self) -> io::Result<Option<Duration>> {
        match self.until.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
            left => Ok(Some(left)),
        }
    }

    /// Gives the bytes that come or go their time.
    fn allow(&mut self, bytes: usize) {
        self.until += Duration::from_millis(bytes as u64 / 1024);
    }
}

impl Read for TimedStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer)
    }
}

impl Write for TimedStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// What became of a value that was sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SetOutcome {
    Yes,
    /// The server has no room for it, and says so.
    No(String),
}

/// A connection. After an error it is of no use any more.
pub(crate) struct Connection {
    socket: BufReader<TimedStream>,
}

impl Connection {
    /// Resolves the name and connects.
    pub(crate) fn open(server: &Server) -> Result<Self, CacheServerError> {
        let until = Instant::now() + SERVER_TIMEOUT;
        let stream = connect(addresses(server, until)?, until)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            socket: BufReader::new(TimedStream { stream, until }),
        })
    }

    /// Sends a question; the time for its answer begins.
    fn send(&mut self, question: &[u8]) -> Result<(), CacheServerError> {
        let socket = self.socket.get_mut();
        socket.until = Instant::now() + SERVER_TIMEOUT;
        socket.allow(question.len());
        Ok(socket.write_all(question)?)
    }

    /// A line of the answer without its end.
    fn line(&mut self) -> Result<String, CacheServerError> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.socket).take(LONGEST_LINE);
        let length = bounded.read_until(b'\n', &mut line)?;
        if length == 0 {
            return Err(CacheServerError::Closed);
        }
        let Some(line) = line.strip_suffix(b"\r\n") else {
            return Err(match length as u64 {
                LONGEST_LINE => CacheServerError::Protocol,
                _ if line.ends_with(b"\n") => CacheServerError::Protocol,
                _ => CacheServerError::Closed,
            });
        };
        let line = String::from_utf8(line.to_vec()).map_err(|_| CacheServerError::Protocol)?;
        match line.strip_prefix("SERVER_ERROR ") {
            Some(text) => Err(CacheServerError::Refused(clean(text))),
            None => Ok(line),
        }
    }

    /// The values of these keys that there are.
    pub(crate) fn get(
        &mut self,
        keys: &[String],
    ) -> Result<HashMap<String, Vec<u8>>, CacheServerError> {
        self.send(format!("get {}\r\n", keys.join(" ")).as_bytes())?;
        let mut values = HashMap::new();
        // One value for each key and the end: no server can go on for ever.
        for _ in 0..=keys.len() {
            let line = self.line()?;
            if line == "END" {
                return Ok(values);
            }
            let (key, length) = item(&line).ok_or(CacheServerError::Protocol)?;
            let is_asked = keys.iter().any(|asked| asked == key);
            if length > LARGEST || !is_asked {
                return Err(CacheServerError::Protocol);
            }
            self.socket.get_mut().allow(length);
            let mut value = vec![0; length + 2];
            self.socket.read_exact(&mut value)?;
            if value.split_off(length) != b"\r\n" {
                return Err(CacheServerError::Protocol);
            }
            values.insert(key.to_owned(), value);
        }
        Err(CacheServerError::Protocol)
    }

    /// Stores values, each for so many seconds, or for ever where that is 0.
    pub(crate) fn set(
        &mut self,
        values: &[(String, u32, Vec<u8>)],
    ) -> Result<Vec<SetOutcome>, CacheServerError> {
        let mut question = Vec::new();
        for (key, seconds, value) in values {
            // Writing to memory cannot fail.
            let _ = write!(question, "set {key} 0 {seconds} {}\r\n", value.len());
            question.extend_from_slice(value);
            question.extend_from_slice(b"\r\n");
        }
        self.send(&question)?;
        values
            .iter()
            .map(|_| match self.line() {
                Ok(line) if line == "STORED" => Ok(SetOutcome::Yes),
                Ok(_) => Err(CacheServerError::Protocol),
                Err(CacheServerError::Refused(text)) => Ok(SetOutcome::No(text)),
                Err(error) => Err(error),
            })
            .collect()
    }

    /// What the server tells of itself.
    pub(crate) fn statistics(&mut self) -> Result<HashMap<String, String>, CacheServerError> {
        self.send(b"stats\r\n")?;
        let mut statistics = HashMap::new();
        for _ in 0..MOST_STATISTICS {
            let line = self.line()?;
            if line == "END" {
                return Ok(statistics);
            }
            let rest = line
                .strip_prefix("STAT ")
                .ok_or(CacheServerError::Protocol)?;
            let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
            statistics.insert(name.to_owned(), clean(value));
        }
        Err(CacheServerError::Protocol)
    }

    /// Takes all entries away, those of others too.
    pub(crate) fn flush_all(&mut self) -> Result<(), CacheServerError> {
        self.send(b"flush_all\r\n")?;
        match self.line()?.as_str() {
            "OK" => Ok(()),
            _ => Err(CacheServerError::Protocol),
        }
    }
}

/// The key and the length of `VALUE KEY FLAGS LENGTH`.
fn item(line: &str) -> Option<(&str, usize)> {
    let mut words = line.strip_prefix("VALUE ")?.split(' ');
    let (key, _flags) = (words.next()?, words.next()?.parse::<u32>().ok()?);
    let length = words.next()?.parse().ok()?;
    words.next().is_none().then_some((key, length))
}

/// The addresses of a server. The system may take as long as it likes to find
/// them, so it is asked on a thread of its own, which is not waited for.
fn addresses(server: &Server, until: Instant) -> Result<Vec<SocketAddr>, CacheServerError> {
    let (sender, receiver) = mpsc::channel();
    let name = (server.host.clone(), server.port);
    let resolve = move || {
        let found = name.to_socket_addrs().map(Iterator::collect);
        // Nobody listens any more where it took too long.
        let _ = sender.send(found);
    };
    thread::Builder::new()
        .spawn(resolve)
        .map_err(CacheServerError::System)?;
    match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(_)) => Err(CacheServerError::Name),
        Err(_) => Err(CacheServerError::Timeout),
    }
}

/// Connects to the first address that answers.
fn connect(addresses: Vec<SocketAddr>, until: Instant) -> Result<TcpStream, CacheServerError> {
    let mut last = CacheServerError::Name;
    for address in addresses {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(CacheServerError::Timeout);
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}
