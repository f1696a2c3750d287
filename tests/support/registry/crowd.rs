//! Resets connections if too many are open, as some front ends do.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// The number of open connections, and the limit.
#[derive(Debug)]
pub(super) struct Crowd {
    most: AtomicUsize,
    open: AtomicUsize,
    reset: AtomicUsize,
}

impl Default for Crowd {
    fn default() -> Self {
        Self {
            most: AtomicUsize::new(usize::MAX),
            open: AtomicUsize::default(),
            reset: AtomicUsize::default(),
        }
    }
}

impl Crowd {
    pub(super) fn allow(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// The number of connections that were reset.
    pub(super) fn reset(&self) -> usize {
        self.reset.load(Ordering::Relaxed)
    }
}

/// A listener that resets connections if too many are open.
pub(super) struct CrowdListener {
    tcp: TcpListener,
    crowd: Arc<Crowd>,
}

/// An accepted connection, which is counted until it is dropped.
pub(super) struct Counted {
    tcp: TcpStream,
    crowd: Arc<Crowd>,
}

impl CrowdListener {
    pub(super) fn new(tcp: TcpListener, crowd: Arc<Crowd>) -> Self {
        Self { tcp, crowd }
    }
}

impl axum::serve::Listener for CrowdListener {
    type Io = Counted;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (tcp, address) = self.tcp.accept().await.expect("a connection");
            let crowd = Arc::clone(&self.crowd);
            if crowd.open.fetch_add(1, Ordering::Relaxed) < crowd.most.load(Ordering::Relaxed) {
                return (Counted { tcp, crowd }, address);
            }
            crowd.open.fetch_sub(1, Ordering::Relaxed);
            crowd.reset.fetch_add(1, Ordering::Relaxed);
            tcp.set_zero_linger().expect("a connection");
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.crowd.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
