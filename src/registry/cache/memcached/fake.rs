//! A fake server for failures that a real memcached cannot produce on demand.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How a fake server reacts to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FakeBehavior {
    /// Responds.
    Works,
    /// Responds, then closes the connection.
    ClosesAfterwards,
    /// Closes the connection.
    Closes,
    /// Never responds.
    Hangs,
    /// Responds after this many milliseconds.
    Slow(u64),
    /// Responds with this text to every request.
    Says(&'static [u8]),
    /// Reports that it is out of memory.
    Refuses,
}

/// Values with the number of seconds until they expire.
type Items = Arc<Mutex<HashMap<String, (u32, Vec<u8>)>>>;

pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    pub(crate) items: Items,
    pub(crate) requests: Arc<AtomicUsize>,
    pub(crate) connections: Arc<AtomicUsize>,
}

impl Fake {
    pub(crate) fn start(behavior: FakeBehavior) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let fake = Self {
            address: listener.local_addr().expect("an address"),
            items: Items::default(),
            requests: Arc::default(),
            connections: Arc::default(),
        };
        let (items, requests) = (Arc::clone(&fake.items), Arc::clone(&fake.requests));
        let connections = Arc::clone(&fake.connections);
        // Both threads end with the test program.
        thread::spawn(move || {
            for stream in listener.incoming() {
                connections.fetch_add(1, Ordering::Relaxed);
                let (items, requests) = (Arc::clone(&items), Arc::clone(&requests));
                thread::spawn(move || serve(stream.expect("a peer"), behavior, &items, &requests));
            }
        });
        fake
    }

    /// The number of items it holds.
    pub(crate) fn count(&self) -> usize {
        self.items.lock().expect("no panic before").len()
    }
}

/// Serves one connection until the client closes it.
fn serve(stream: TcpStream, behavior: FakeBehavior, items: &Items, requests: &AtomicUsize) {
    let mut answers = stream.try_clone().expect("a socket");
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        requests.fetch_add(1, Ordering::Relaxed);
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut answer = Vec::new();
        match words.as_slice() {
            ["get", keys @ ..] => {
                let items = items.lock().expect("no panic before");
                for key in keys {
                    if let Some((_, value)) = items.get(*key) {
                        let head = format!("VALUE {key} 0 {}\r\n", value.len());
                        answer.extend_from_slice(head.as_bytes());
                        answer.extend_from_slice(value);
                        answer.extend_from_slice(b"\r\n");
                    }
                }
                answer.extend_from_slice(b"END\r\n");
            }
            ["set", key, "0", seconds, length] => {
                let mut value = vec![0; length.parse::<usize>().expect("a length") + 2];
                reader.read_exact(&mut value).expect("a value");
                assert_eq!(value.split_off(value.len() - 2), b"\r\n");
                if behavior == FakeBehavior::Refuses {
                    answer.extend_from_slice(b"SERVER_ERROR out of memory storing object\r\n");
                } else {
                    let item = (seconds.parse().expect("seconds"), value);
                    let mut items = items.lock().expect("no panic before");
                    items.insert((*key).to_owned(), item);
                    answer.extend_from_slice(b"STORED\r\n");
                }
            }
            ["flush_all"] => {
                items.lock().expect("no panic before").clear();
                answer.extend_from_slice(b"OK\r\n");
            }
            _ => answer.extend_from_slice(b"ERROR\r\n"),
        }
        match behavior {
            FakeBehavior::Closes => return,
            FakeBehavior::Hangs => continue,
            FakeBehavior::Slow(milliseconds) => thread::sleep(Duration::from_millis(milliseconds)),
            FakeBehavior::Says(text) => answer = text.to_owned(),
            FakeBehavior::Works | FakeBehavior::Refuses | FakeBehavior::ClosesAfterwards => {}
        }
        if answers.write_all(&answer).is_err() || behavior == FakeBehavior::ClosesAfterwards {
            return;
        }
    }
}
