//! The server of the metrics: a few short connections at a time, on a thread of its own.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};

use super::answer::answer;
use super::controller_metrics::ControllerMetrics;

/// How many connections there may be. Further ones wait in the queue of the system.
const MAX_CONNECTIONS: usize = 64;

/// How long the head of a request may take to arrive.
const HEADER_TIME: Duration = Duration::from_secs(5);

/// How long a connection may take from its beginning to its end.
const CONNECTION_TIME: Duration = Duration::from_secs(15);

/// How many bytes of a request are read at once.
const BUFFER: usize = 16 * 1024;

/// The pause after a connection could not be accepted: there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct MetricsServer {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Opens a port. `[::]` is every address; that of IPv4 if the machine has no IPv6.
///
/// # Errors
///
/// The port is taken, or the address is not one of this machine.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = match TcpListener::bind(address) {
        Err(_) if address.is_ipv6() && address.ip().is_unspecified() && !has_ipv6() => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port()))?
        }
        bound => bound?,
    };
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Whether the machine has IPv6.
fn has_ipv6() -> bool {
    TcpListener::bind(("::1", 0)).is_ok()
}

impl MetricsServer {
    /// Serves these metrics.
    ///
    /// # Errors
    ///
    /// There can be no thread.
    pub fn start(listener: TcpListener, metrics: ControllerMetrics) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("metrics".to_owned());
        let thread = thread.spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, metrics) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has ended, or it has panicked and has ended too.
            let _ = thread.join();
        }
    }
}

/// Accepts connections for as long as it is polled.
async fn serve(listener: TcpListener, metrics: ControllerMetrics) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!("metrics cannot be served: {error}"),
    };
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let metrics = metrics.clone();
        tokio::spawn(async move {
            // A client that is too slow gets no more.
            let _ = timeout(CONNECTION_TIME, connection(stream, &metrics)).await;
            drop(permit);
        });
    }
}

/// Answers the one request of a connection.
async fn connection(stream: TcpStream, metrics: &ControllerMetrics) {
    let service = service_fn(async |request: Request<Incoming>| {
        Ok::<_, Infallible>(answer(request.method(), request.uri().path(), metrics))
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .keep_alive(false)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!("a connection to the metrics ended: {error}");
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
