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

/// How long a server may take for an answer. Bytes may take longer: a
/// millisecond for each KiB.
pub(crate) const PATIENCE: Duration = Duration::from_millis(250);

/// The largest value, so that an item with its key and header stays below the
/// 1 MiB that memcached takes unless it is told otherwise.
pub(crate) const LARGEST: usize = (1 << 20) - 1024;

/// The longest line of an answer.
const LONGEST_LINE: u64 = 1024;

/// The most lines of `stats`.
const MOST_STATISTICS: usize = 1000;

/// Why a server is of no use. The texts end a sentence that names it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Its name has no address.
    #[error("its name cannot be resolved")]
    Name,
    /// No answer in time.
    #[error("no answer within {} ms", PATIENCE.as_millis())]
    Slow,
    /// Many answers that were late, though each in time.
    #[error("it is too slow")]
    Tardy,
    /// It ended the connection.
    #[error("it closed the connection")]
    Closed,
    /// What the system says.
    #[error("{0}")]
    System(io::Error),
    /// What no memcached answers.
    #[error("it does not answer as memcached does")]
    Nonsense,
    /// What it says is wrong, with itself or with the question.
    #[error("it answers {0:?}")]
    Refused(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::Slow,
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::System(error),
        }
    }
}

/// A socket whose reads and writes all end at one time.
struct Bounded {
    stream: TcpStream,
    until: Instant,
}

impl Bounded {
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

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer)
    }
}

impl Write for Bounded {
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
pub(crate) enum Stored {
    Yes,
    /// The server has no room for it, and says so.
    No(String),
}

/// A connection. After an error it is of no use any more.
pub(crate) struct Connection {
    socket: BufReader<Bounded>,
}

impl Connection {
    /// Resolves the name and connects.
    pub(crate) fn open(server: &Server) -> Result<Self, Trouble> {
        let until = Instant::now() + PATIENCE;
        let stream = connect(addresses(server, until)?, until)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            socket: BufReader::new(Bounded { stream, until }),
        })
    }

    /// Sends a question; the time for its answer begins.
    fn send(&mut self, question: &[u8]) -> Result<(), Trouble> {
        let socket = self.socket.get_mut();
        socket.until = Instant::now() + PATIENCE;
        socket.allow(question.len());
        Ok(socket.write_all(question)?)
    }

    /// A line of the answer without its end.
    fn line(&mut self) -> Result<String, Trouble> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.socket).take(LONGEST_LINE);
        let length = bounded.read_until(b'\n', &mut line)?;
        if length == 0 {
            return Err(Trouble::Closed);
        }
        let Some(line) = line.strip_suffix(b"\r\n") else {
            return Err(match length as u64 {
                LONGEST_LINE => Trouble::Nonsense,
                _ if line.ends_with(b"\n") => Trouble::Nonsense,
                _ => Trouble::Closed,
            });
        };
        let line = String::from_utf8(line.to_vec()).map_err(|_| Trouble::Nonsense)?;
        match line.strip_prefix("SERVER_ERROR ") {
            Some(text) => Err(Trouble::Refused(super::clean(text))),
            None => Ok(line),
        }
    }

    /// The values of these keys that there are.
    pub(crate) fn get(&mut self, keys: &[String]) -> Result<HashMap<String, Vec<u8>>, Trouble> {
        self.send(format!("get {}\r\n", keys.join(" ")).as_bytes())?;
        let mut values = HashMap::new();
        // One value for each key and the end: no server can go on for ever.
        for _ in 0..=keys.len() {
            let line = self.line()?;
            if line == "END" {
                return Ok(values);
            }
            let (key, length) = item(&line).ok_or(Trouble::Nonsense)?;
            let is_asked = keys.iter().any(|asked| asked == key);
            if length > LARGEST || !is_asked {
                return Err(Trouble::Nonsense);
            }
            self.socket.get_mut().allow(length);
            let mut value = vec![0; length + 2];
            self.socket.read_exact(&mut value)?;
            if value.split_off(length) != b"\r\n" {
                return Err(Trouble::Nonsense);
            }
            values.insert(key.to_owned(), value);
        }
        Err(Trouble::Nonsense)
    }

    /// Stores values, each for so many seconds, or for ever where that is 0.
    pub(crate) fn set(
        &mut self,
        values: &[(String, u32, Vec<u8>)],
    ) -> Result<Vec<Stored>, Trouble> {
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
                Ok(line) if line == "STORED" => Ok(Stored::Yes),
                Ok(_) => Err(Trouble::Nonsense),
                Err(Trouble::Refused(text)) => Ok(Stored::No(text)),
                Err(trouble) => Err(trouble),
            })
            .collect()
    }

    /// What the server tells of itself.
    pub(crate) fn statistics(&mut self) -> Result<HashMap<String, String>, Trouble> {
        self.send(b"stats\r\n")?;
        let mut statistics = HashMap::new();
        for _ in 0..MOST_STATISTICS {
            let line = self.line()?;
            if line == "END" {
                return Ok(statistics);
            }
            let rest = line.strip_prefix("STAT ").ok_or(Trouble::Nonsense)?;
            let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
            statistics.insert(name.to_owned(), super::clean(value));
        }
        Err(Trouble::Nonsense)
    }

    /// Takes all entries away, those of others too.
    pub(crate) fn flush_all(&mut self) -> Result<(), Trouble> {
        self.send(b"flush_all\r\n")?;
        match self.line()?.as_str() {
            "OK" => Ok(()),
            _ => Err(Trouble::Nonsense),
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
fn addresses(server: &Server, until: Instant) -> Result<Vec<SocketAddr>, Trouble> {
    let (sender, receiver) = mpsc::channel();
    let name = (server.host.clone(), server.port);
    let resolve = move || {
        let found = name.to_socket_addrs().map(Iterator::collect);
        // Nobody listens any more where it took too long.
        let _ = sender.send(found);
    };
    thread::Builder::new()
        .spawn(resolve)
        .map_err(Trouble::System)?;
    match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(_)) => Err(Trouble::Name),
        Err(_) => Err(Trouble::Slow),
    }
}

/// Connects to the first address that answers.
fn connect(addresses: Vec<SocketAddr>, until: Instant) -> Result<TcpStream, Trouble> {
    let mut last = Trouble::Name;
    for address in addresses {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Trouble::Slow);
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}
