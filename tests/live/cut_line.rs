//! A connection to a server that can be cut without a word, as by a firewall.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often a cut line looks whether it works again.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) struct CutLine {
    /// `127.0.0.1:PORT`; it works until the tests end.
    pub(crate) address: String,
    is_cut: Arc<AtomicBool>,
}

impl CutLine {
    /// Forwards to `127.0.0.1:PORT` of a server.
    pub(crate) fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let is_cut = Arc::new(AtomicBool::new(false));
        let (server, cut) = (server.to_owned(), Arc::clone(&is_cut));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client?, TcpStream::connect(&server)?);
                let (back, forth) = (client.try_clone()?, server.try_clone()?);
                for (from, to) in [(client, forth), (server, back)] {
                    let cut = Arc::clone(&cut);
                    std::thread::spawn(move || forward(from, to, &cut));
                }
            }
            std::io::Result::Ok(())
        });
        Self { address, is_cut }
    }

    /// Holds back everything from now on, or lets it pass, also what was held back.
    pub(crate) fn cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::SeqCst);
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, cut: &AtomicBool) -> std::io::Result<()> {
    let mut piece = vec![0; 1 << 16];
    while let length @ 1.. = from.read(&mut piece)? {
        while cut.load(Ordering::SeqCst) {
            std::thread::sleep(LOOK);
        }
        to.write_all(&piece[..length])?;
    }
    to.shutdown(std::net::Shutdown::Both)
}
