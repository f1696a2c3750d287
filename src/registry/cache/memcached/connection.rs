//! The part of memcached's text protocol that a cache needs.
//!
//! The protocol is specified in memcached's `doc/protocol.txt`. The size of every
//! line and value is limited, so a server that is not memcached is detected at
//! little cost.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::super::option::Server;
use crate::secrets::quote as clean;

/// How long a server may take to respond, plus one millisecond per KiB
/// transferred.
pub(crate) const SERVER_TIMEOUT: Duration = Duration::from_millis(250);

/// The largest value in bytes, so that an item with its key and header stays
/// below memcached's default limit of 1 MiB.
pub(crate) const MAX_VALUE: usize = (1 << 20) - 1024;

/// The longest line of a response, in bytes.
const MAX_LINE: u64 = 1024;

/// The most lines in the response to `stats`.
const MAX_STATISTICS: usize = 1000;

/// Why a server cannot be used. Each message follows the name of the server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CacheServerError {
    /// Its name has no address.
    #[error("its name cannot be resolved")]
    Name,
    /// It did not respond in time.
    #[error("no response within {} ms", SERVER_TIMEOUT.as_millis())]
    Timeout,
    /// Its responses were within the timeout, but took too long in total.
    #[error("it is too slow")]
    TooSlow,
    /// It closed the connection.
    #[error("it closed the connection")]
    Closed,
    /// An error of the operating system.
    #[error("{0}")]
    System(io::Error),
    /// The response does not follow the protocol.
    #[error("it does not respond like memcached")]
    Protocol,
    /// It reported an error of its own.
    #[error("it responded {0:?}")]
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

/// What a connection reads from and writes to.
pub(crate) trait CacheStream: Read + Write {
    /// Sets the deadline for the response to a request of this many bytes.
    fn begin(&mut self, bytes: usize);

    /// Extends the deadline for this many bytes.
    fn allow(&mut self, bytes: usize);
}

/// A socket whose reads and writes share one deadline.
pub(crate) struct TimedStream {
    stream: TcpStream,
    deadline: Instant,
}

impl TimedStream {
    fn left(&self) -> io::Result<Option<Duration>> {
        match self.deadline.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
            left => Ok(Some(left)),
        }
    }
}

impl CacheStream for TimedStream {
    fn begin(&mut self, bytes: usize) {
        self.deadline = Instant::now() + SERVER_TIMEOUT;
        self.allow(bytes);
    }

    fn allow(&mut self, bytes: usize) {
        self.deadline += Duration::from_millis(bytes as u64 / 1024);
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

/// The result of storing one value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SetOutcome {
    Stored,
    /// The server did not store it; the text is its reason.
    Refused(String),
}

/// A connection. It cannot be used again after an error.
pub(crate) struct Connection<S = TimedStream> {
    socket: BufReader<S>,
}

impl Connection {
    /// Resolves the name and connects.
    pub(crate) fn open(server: &Server) -> Result<Self, CacheServerError> {
        let deadline = Instant::now() + SERVER_TIMEOUT;
        let stream = connect(addresses(server, deadline)?, deadline)?;
        stream.set_nodelay(true)?;
        Ok(Self::on(TimedStream { stream, deadline }))
    }
}

impl<S: CacheStream> Connection<S> {
    /// A connection on an open stream.
    pub(crate) fn on(stream: S) -> Self {
        Self {
            socket: BufReader::new(stream),
        }
    }

    /// Sends a request and sets the deadline for its response.
    fn send(&mut self, request: &[u8]) -> Result<(), CacheServerError> {
        let socket = self.socket.get_mut();
        socket.begin(request.len());
        Ok(socket.write_all(request)?)
    }

    /// Reads a line of the response, without its line ending.
    fn line(&mut self) -> Result<String, CacheServerError> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.socket).take(MAX_LINE);
        let length = bounded.read_until(b'\n', &mut line)?;
        if length == 0 {
            return Err(CacheServerError::Closed);
        }
        let Some(line) = line.strip_suffix(b"\r\n") else {
            return Err(match length as u64 {
                MAX_LINE => CacheServerError::Protocol,
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

    /// Returns the values of those of these keys that the server has.
    pub(crate) fn get(
        &mut self,
        keys: &[String],
    ) -> Result<HashMap<String, Vec<u8>>, CacheServerError> {
        self.send(format!("get {}\r\n", keys.join(" ")).as_bytes())?;
        let mut values = HashMap::new();
        // One value per key, then `END`: a server cannot keep us reading.
        for _ in 0..=keys.len() {
            let line = self.line()?;
            if line == "END" {
                return Ok(values);
            }
            let (key, length) = parse_item(&line).ok_or(CacheServerError::Protocol)?;
            let is_requested = keys.iter().any(|requested| requested == key);
            if length > MAX_VALUE || !is_requested {
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

    /// Stores values, each with the number of seconds until it expires; 0 means
    /// never.
    pub(crate) fn set(
        &mut self,
        values: &[(String, u32, Vec<u8>)],
    ) -> Result<Vec<SetOutcome>, CacheServerError> {
        let mut request = Vec::new();
        for (key, seconds, value) in values {
            // Writing to memory cannot fail.
            let _ = write!(request, "set {key} 0 {seconds} {}\r\n", value.len());
            request.extend_from_slice(value);
            request.extend_from_slice(b"\r\n");
        }
        self.send(&request)?;
        values
            .iter()
            .map(|_| match self.line() {
                Ok(line) if line == "STORED" => Ok(SetOutcome::Stored),
                Ok(_) => Err(CacheServerError::Protocol),
                Err(CacheServerError::Refused(text)) => Ok(SetOutcome::Refused(text)),
                Err(error) => Err(error),
            })
            .collect()
    }

    /// Returns the statistics of the server.
    pub(crate) fn statistics(&mut self) -> Result<HashMap<String, String>, CacheServerError> {
        self.send(b"stats\r\n")?;
        let mut statistics = HashMap::new();
        for _ in 0..MAX_STATISTICS {
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

    /// Removes all entries, including those of other programs.
    pub(crate) fn flush_all(&mut self) -> Result<(), CacheServerError> {
        self.send(b"flush_all\r\n")?;
        match self.line()?.as_str() {
            "OK" => Ok(()),
            _ => Err(CacheServerError::Protocol),
        }
    }
}

/// Parses the key and the length from `VALUE KEY FLAGS LENGTH`.
fn parse_item(line: &str) -> Option<(&str, usize)> {
    let mut words = line.strip_prefix("VALUE ")?.split(' ');
    let (key, _flags) = (words.next()?, words.next()?.parse::<u32>().ok()?);
    let length = words.next()?.parse().ok()?;
    words.next().is_none().then_some((key, length))
}

/// Resolves the addresses of a server. The system resolver has no time limit, so
/// it runs on its own thread, which is abandoned after the deadline.
fn addresses(server: &Server, deadline: Instant) -> Result<Vec<SocketAddr>, CacheServerError> {
    let (sender, receiver) = mpsc::channel();
    let name = (server.host.clone(), server.port);
    thread::Builder::new()
        .spawn(move || {
            let found = name.to_socket_addrs().map(Iterator::collect);
            // The receiver is gone if this took too long.
            let _ = sender.send(found);
        })
        .map_err(CacheServerError::System)?;
    match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(_)) => Err(CacheServerError::Name),
        Err(_) => Err(CacheServerError::Timeout),
    }
}

/// Connects to the first address that accepts the connection.
fn connect(addresses: Vec<SocketAddr>, deadline: Instant) -> Result<TcpStream, CacheServerError> {
    let mut last = CacheServerError::Name;
    for address in addresses {
        let left = deadline.saturating_duration_since(Instant::now());
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
