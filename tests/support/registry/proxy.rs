//! An HTTP proxy that leads every host to one registry, or refuses.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;

use super::TestRegistry;
use super::server_thread::{ServerThread, listen};

/// The end of a request's head.
const END: &[u8] = b"\r\n\r\n";

type Log = Arc<Mutex<Vec<String>>>;

/// What a proxy does with whoever comes.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// Leads here.
    To(SocketAddr),
    /// Answers this status.
    Refuse(u16),
}

/// A proxy on a free port of 127.0.0.1.
#[derive(Debug)]
pub struct TestProxy {
    address: SocketAddr,
    heads: Log,
    _server: ServerThread,
}

impl TestProxy {
    /// Leads every host to this registry.
    pub fn to(registry: &TestRegistry) -> Self {
        Self::start(Manner::To(registry.shared.address))
    }

    /// Leads every host to this address.
    pub fn to_address(address: SocketAddr) -> Self {
        Self::start(Manner::To(address))
    }

    /// Lets nobody through.
    pub fn refusing(status: u16) -> Self {
        Self::start(Manner::Refuse(status))
    }

    fn start(manner: Manner) -> Self {
        let (listener, address) = listen();
        let heads = Log::default();
        let log = Arc::clone(&heads);
        let server = ServerThread::start(listener, async move |listener| {
            while let Ok((client, _)) = listener.accept().await {
                // A client may go at any time.
                tokio::spawn(pass(client, manner, Arc::clone(&log)));
            }
        });
        Self {
            address,
            heads,
            _server: server,
        }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The heads of what came: one for each CONNECT, and the first of each
    /// connection over plain HTTP.
    pub fn heads(&self) -> Vec<String> {
        lock(&self.heads).clone()
    }
}

fn lock(heads: &Log) -> MutexGuard<'_, Vec<String>> {
    heads.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pass(mut client: TcpStream, manner: Manner, log: Log) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(END) {
        head.push(client.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let connect = text.starts_with("CONNECT ");
    lock(&log).push(text);
    match manner {
        Manner::Refuse(status) => {
            let answer = format!("HTTP/1.1 {status} No\r\ncontent-length: 0\r\n\r\n");
            client.write_all(answer.as_bytes()).await
        }
        Manner::To(address) => {
            let mut server = TcpStream::connect(address).await?;
            if connect {
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            } else {
                server.write_all(&head).await?;
            }
            copy_bidirectional(&mut client, &mut server).await.map(drop)
        }
    }
}
