//! A minimal API server or registry for tests of credentials. It records the heads
//! of its requests and returns configured responses.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::registry::server_thread::{ServerThread, listen};
use super::registry::tls::Certificate;

type TlsStream = tokio_rustls::server::TlsStream<TcpStream>;

type Answers = dyn Fn(&Head) -> Answer + Send + Sync;

/// How the server answers a request.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    body: String,
    retry_after: Option<u32>,
    cut: Option<Cut>,
}

/// How a connection ends instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// With a TCP reset.
    Reset,
    /// Before the answer.
    Closed,
    /// In the middle of the answer.
    Truncated,
}

impl From<(u16, String)> for Answer {
    fn from((status, body): (u16, String)) -> Self {
        Self {
            status,
            body,
            retry_after: None,
            cut: None,
        }
    }
}

impl Answer {
    /// With this `Retry-After`, in seconds.
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The connection ends in this way instead.
    pub fn cut(mut self, cut: Cut) -> Self {
        self.cut = Some(cut);
        self
    }
}

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
    pub fn plain<A: Into<Answer>>(answer: impl Fn(&Head) -> A + Send + Sync + 'static) -> Self {
        let answer = Arc::new(move |head: &Head| answer(head).into());
        Self::start(None, answer, "Basic realm=\"x\"")
    }

    /// Over TLS.
    pub fn tls<A: Into<Answer>>(
        certificate: &Certificate,
        answer: impl Fn(&Head) -> A + Send + Sync + 'static,
    ) -> Self {
        Self::challenging(certificate, "Basic realm=\"x\"", answer)
    }

    /// Over TLS, with this challenge in each response.
    pub fn challenging<A: Into<Answer>>(
        certificate: &Certificate,
        challenge: &'static str,
        answer: impl Fn(&Head) -> A + Send + Sync + 'static,
    ) -> Self {
        let answer = Arc::new(move |head: &Head| answer(head).into());
        Self::start(Some(certificate.acceptor()), answer, challenge)
    }

    fn start(tls: Option<TlsAcceptor>, answer: Arc<Answers>, challenge: &'static str) -> Self {
        let (listener, address) = listen();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heads);
        let server = ServerThread::start(listener, async move |listener| {
            while let Ok((tcp, _)) = listener.accept().await {
                let (tls, log, answer) = (tls.clone(), log.clone(), answer.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => match tls.accept(tcp).await {
                            Ok(stream) => {
                                let reset = |tls: &TlsStream| tls.get_ref().0.set_zero_linger();
                                talk(stream, &log, &*answer, challenge, reset).await
                            }
                            Err(_) => Ok(()),
                        },
                        None => {
                            let reset = TcpStream::set_zero_linger;
                            talk(tcp, &log, &*answer, challenge, reset).await
                        }
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

/// Answers the requests of a connection. After `reset`, dropping it resets it.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    log: &Mutex<Vec<Head>>,
    answer: &Answers,
    challenge: &str,
    reset: impl Fn(&S) -> std::io::Result<()>,
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
        let answer = answer(&head);
        lock(log).push(head);
        let Answer { status, body, .. } = &answer;
        let delay = answer.retry_after.map(|s| format!("retry-after: {s}\r\n"));
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n\
             location: http://elsewhere.invalid/\r\nwww-authenticate: {challenge}\r\n\
             {}content-length: {}\r\n\r\n",
            delay.unwrap_or_default(),
            body.len()
        );
        match answer.cut {
            None => {
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(body.as_bytes()).await?;
            }
            Some(Cut::Truncated) => {
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(&body.as_bytes()[..body.len() / 2]).await?;
                return stream.flush().await;
            }
            Some(Cut::Closed) => return Ok(()),
            Some(Cut::Reset) => {
                reset(&stream)?;
                return Ok(());
            }
        }
    }
}
