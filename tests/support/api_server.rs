//! A minimal API server or registry for tests of credentials. It records the heads
//! of its requests and returns configured responses.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use super::registry::server_thread::{ServerThread, listen};
use super::registry::tls::Certificate;

type Answer = dyn Fn(&Head) -> (u16, String) + Send + Sync;

/// The head of a request.
#[derive(Debug, Clone)]
pub struct Head(String);

impl Head {
    /// `GET /api/v1/pods?limit=500`.
    pub fn line(&self) -> &str {
        let line = self.0.lines().next().unwrap_or_default();
        line.trim_end_matches(" HTTP/1.1")
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// A server that runs until it is dropped.
pub struct ApiServer {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<Head>>>,
    _server: ServerThread,
}

impl ApiServer {
    /// Over plain HTTP.
    pub fn plain(answer: impl Fn(&Head) -> (u16, String) + Send + Sync + 'static) -> Self {
        Self::start(None, Arc::new(answer), "Basic realm=\"x\"")
    }

    /// Over TLS.
    pub fn tls(
        certificate: &Certificate,
        answer: impl Fn(&Head) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        Self::challenging(certificate, "Basic realm=\"x\"", answer)
    }

    /// Over TLS, with this challenge in each response.
    pub fn challenging(
        certificate: &Certificate,
        challenge: &'static str,
        answer: impl Fn(&Head) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        Self::start(Some(certificate.acceptor()), Arc::new(answer), challenge)
    }

    fn start(tls: Option<TlsAcceptor>, answer: Arc<Answer>, challenge: &'static str) -> Self {
        let (listener, address) = listen();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heads);
        let server = ServerThread::start(listener, async move |listener| {
            while let Ok((tcp, _)) = listener.accept().await {
                let (tls, log, answer) = (tls.clone(), log.clone(), answer.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => match tls.accept(tcp).await {
                            Ok(stream) => talk(stream, &log, &*answer, challenge).await,
                            Err(_) => Ok(()),
                        },
                        None => talk(tcp, &log, &*answer, challenge).await,
                    }
                });
            }
        });
        Self {
            address,
            heads,
            _server: server,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The heads since the last call.
    pub fn take_heads(&self) -> Vec<Head> {
        std::mem::take(&mut lock(&self.heads))
    }
}

fn lock(heads: &Mutex<Vec<Head>>) -> MutexGuard<'_, Vec<Head>> {
    heads.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn talk(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    log: &Mutex<Vec<Head>>,
    answer: &Answer,
    challenge: &str,
) -> std::io::Result<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = Head(String::from_utf8_lossy(&head).into_owned());
        let length = head.header("content-length").unwrap_or("0");
        let mut body = vec![0; length.parse().expect("a length")];
        stream.read_exact(&mut body).await?;
        let (status, body) = answer(&head);
        lock(log).push(head);
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n\
             location: http://elsewhere.invalid/\r\nwww-authenticate: {challenge}\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
    }
}
