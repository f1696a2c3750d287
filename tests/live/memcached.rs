//! memcached, one instance per test, so that a test can end it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::process::{Process, free_ports};

const READY_WITHIN: Duration = Duration::from_secs(10);

/// A memcached on loopback that ends when it is dropped.
pub(crate) struct Memcached {
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    process: Process,
}

impl Memcached {
    /// Starts an empty memcached with 64 MiB.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more arguments, for example `-I 512k` for a small item limit.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = find(&path).unwrap_or_else(|error| panic!("{error}"));
        let [port] = free_ports();
        let process = Process::start(&program.display().to_string(), |_| {
            let port = port.to_string();
            // memcached refuses to run as root; other users can ignore `-u`.
            let own = ["-l", "127.0.0.1", "-p", &port, "-U", "0", "-m", "64"];
            let user = ["-u", "nobody"];
            let all = own.iter().chain(&user).chain(arguments);
            all.map(|&argument| argument.to_owned()).collect()
        });
        let memcached = Self {
            address: format!("127.0.0.1:{port}"),
            process,
        };
        memcached.wait_until_ready();
        memcached
    }

    /// Its statistics, such as `curr_items` and `get_hits`.
    pub(crate) fn stats(&self) -> BTreeMap<String, String> {
        let lines = self.ask("stats\r\n").expect("memcached answers");
        let pair = |line: &String| {
            let (name, value) = line.strip_prefix("STAT ")?.split_once(' ')?;
            Some((name.to_owned(), value.to_owned()))
        };
        lines.iter().filter_map(pair).collect()
    }

    /// One number from `stats`.
    pub(crate) fn stat(&self, name: &str) -> u64 {
        let stats = self.stats();
        let number = stats.get(name).and_then(|value| value.parse().ok());
        number.unwrap_or_else(|| panic!("no statistic {name}: {stats:?}"))
    }

    /// Sends a command and returns the lines of the answer, including its end.
    fn ask(&self, command: &str) -> std::io::Result<Vec<String>> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(READY_WITHIN))?;
        (&stream).write_all(command.as_bytes())?;
        let mut lines = Vec::new();
        for line in BufReader::new(&stream).lines() {
            let line = line?;
            let ends = ["END", "STORED", "OK"].contains(&line.as_str())
                || ["ERROR", "SERVER_ERROR", "CLIENT_ERROR"]
                    .iter()
                    .any(|word| line.starts_with(word));
            lines.push(line);
            if ends {
                break;
            }
        }
        Ok(lines)
    }

    fn wait_until_ready(&self) {
        let started = Instant::now();
        while let Err(error) = self.ask("stats\r\n") {
            assert!(
                self.process.runs() && started.elapsed() < READY_WITHIN,
                "memcached is not ready: {error}\n{}",
                self.process.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Finds the program in a `PATH`.
fn find(path: &OsStr) -> Result<PathBuf, String> {
    std::env::split_paths(path)
        .map(|folder| folder.join("memcached"))
        .find(|program| program.is_file())
        .ok_or_else(|| {
            "memcached is not on PATH, and the end-to-end tests of the shared cache need a real \
             one; install the package memcached (Debian, Ubuntu: apt-get install memcached)"
                .to_owned()
        })
}

#[test]
fn memcached_stores_values_and_ends_with_the_test() {
    let memcached = Memcached::start();
    let stored = memcached.ask("set key 0 0 5\r\nvalue\r\n").expect("stored");
    assert_eq!(stored, ["STORED"]);
    let got = memcached.ask("get key\r\n").expect("got");
    assert_eq!(got, ["VALUE key 0 5", "value", "END"]);
    assert_eq!(memcached.stat("curr_items"), 1);
    assert_eq!(memcached.stat("limit_maxbytes"), 64 << 20);
    let address = memcached.address.clone();
    drop(memcached);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn arguments_are_passed_to_memcached() {
    let memcached = Memcached::start_with(&["-I", "512k"]);
    let value = "x".repeat(600 << 10);
    let command = format!("set key 0 0 {}\r\n{value}\r\n", value.len());
    let answer = memcached.ask(&command).expect("an answer");
    assert_eq!(answer, ["SERVER_ERROR object too large for cache"]);
}

#[test]
fn missing_memcached_error_names_the_package() {
    let empty = tempfile::tempdir().expect("a folder");
    let error = find(empty.path().as_os_str()).expect_err("it is not there");
    assert!(error.contains("apt-get install memcached"), "{error}");
    let program = empty.path().join("memcached");
    std::fs::write(&program, "").expect("written");
    assert_eq!(find(empty.path().as_os_str()), Ok(program));
}
