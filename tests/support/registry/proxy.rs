//! An HTTP proxy that connects to one registry for every host, or refuses.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;

use super::TestRegistry;
use super::server_thread::{ServerThread, listen};

/// The end of a request's head.
const END: &[u8] = b"\r\n\r\n";

type Log = Arc<Mutex<Vec<String>>>;

/// What a proxy does with a connection.
#[derive(Debug, Clone, Copy)]
enum ProxyBehaviour {
    /// Connects to this address.
    To(SocketAddr),
    /// Responds with this status.
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
    /// Connects to this registry for every host.
    pub fn to(registry: &TestRegistry) -> Self {
        Self::start(ProxyBehaviour::To(registry.shared.address))
    }

    /// Connects to this address for every host.
    pub fn to_address(address: SocketAddr) -> Self {
        Self::start(ProxyBehaviour::To(address))
    }

    /// Refuses every connection with this status.
    pub fn refusing(status: u16) -> Self {
        Self::start(ProxyBehaviour::Refuse(status))
    }

    fn start(behaviour: ProxyBehaviour) -> Self {
        let (listener, address) = listen();
        let heads = Log::default();
        let log = Arc::clone(&heads);
        let server = ServerThread::start(listener, async move |listener| {
            while let Ok((client, _)) = listener.accept().await {
                // A client may disconnect at any time.
                tokio::spawn(pass(client, behaviour, Arc::clone(&log)));
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

    /// The heads of the requests: one for each CONNECT, and the first of each
    /// connection over plain HTTP.
    pub fn heads(&self) -> Vec<String> {
        lock(&self.heads).clone()
    }
}

fn lock(heads: &Log) -> MutexGuard<'_, Vec<String>> {
    heads.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pass(mut client: TcpStream, behaviour: ProxyBehaviour, log: Log) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(END) {
        head.push(client.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let connect = text.starts_with("CONNECT ");
    lock(&log).push(text);
    match behaviour {
        ProxyBehaviour::Refuse(status) => {
            let answer = format!("HTTP/1.1 {status} No\r\ncontent-length: 0\r\n\r\n");
            client.write_all(answer.as_bytes()).await
        }
        ProxyBehaviour::To(address) => {
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
