//! A server for the faults that a real memcached does not have on demand.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What a server does with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FakeBehavior {
    /// Answers.
    Works,
    /// Answers, and then ends the connection.
    ClosesAfterwards,
    /// Ends the connection.
    Closes,
    /// Says nothing.
    Hangs,
    /// Answers after so many milliseconds.
    Slow(u64),
    /// Answers this to everything, and then says nothing.
    Says(&'static [u8]),
    /// Says that it has no room.
    Refuses,
}

/// A value with the seconds for which it is kept.
type Items = Arc<Mutex<HashMap<String, (u32, Vec<u8>)>>>;

pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    pub(crate) items: Items,
    pub(crate) questions: Arc<AtomicUsize>,
    pub(crate) connections: Arc<AtomicUsize>,
}

impl Fake {
    pub(crate) fn start(behavior: FakeBehavior) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let fake = Self {
            address: listener.local_addr().expect("an address"),
            items: Items::default(),
            questions: Arc::default(),
            connections: Arc::default(),
        };
        let (items, questions) = (Arc::clone(&fake.items), Arc::clone(&fake.questions));
        let connections = Arc::clone(&fake.connections);
        // Both threads end with the test program.
        thread::spawn(move || {
            for stream in listener.incoming() {
                connections.fetch_add(1, Ordering::Relaxed);
                let (items, questions) = (Arc::clone(&items), Arc::clone(&questions));
                thread::spawn(move || serve(stream.expect("a peer"), behavior, &items, &questions));
            }
        });
        fake
    }

    /// How many items it holds.
    pub(crate) fn count(&self) -> usize {
        self.items.lock().expect("no panic before").len()
    }
}

/// Ends where the peer does.
fn serve(stream: TcpStream, behavior: FakeBehavior, items: &Items, questions: &AtomicUsize) {
    let mut answers = stream.try_clone().expect("a socket");
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        questions.fetch_add(1, Ordering::Relaxed);
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
