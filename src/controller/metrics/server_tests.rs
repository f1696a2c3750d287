use std::io::{Read as _, Write as _};
use std::net::TcpStream as Socket;
use std::time::Instant;

use super::*;
use crate::controller::metrics::{RunFigures, WatchState};

const SYNCED: WatchState = WatchState {
    is_synced: true,
    is_failing: false,
};

struct Served {
    address: SocketAddr,
    metrics: ControllerMetrics,
    server: MetricsServer,
}

fn served() -> Served {
    let listener = listen(([127, 0, 0, 1], 0).into()).expect("a port");
    let address = listener.local_addr().expect("an address");
    let metrics = ControllerMetrics::new(None, Vec::new());
    let server = MetricsServer::start(listener, metrics.clone()).expect("a server");
    Served {
        address,
        metrics,
        server,
    }
}

/// Sends these bytes and returns everything until the connection ends.
fn exchange(address: SocketAddr, request: &str) -> String {
    let mut socket = Socket::connect(address).expect("a connection");
    socket.write_all(request.as_bytes()).expect("sent");
    let mut text = String::new();
    socket.read_to_string(&mut text).expect("an answer");
    text
}

/// The status and the body of an answer.
fn request(address: SocketAddr, method: &str, path: &str) -> (String, String) {
    let text = exchange(
        address,
        &format!("{method} {path} HTTP/1.1\r\nhost: test\r\n\r\n"),
    );
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status");
    (status.to_owned(), body.to_owned())
}

#[test]
fn each_path_has_its_answer() {
    let served = served();
    let address = served.address;
    assert_eq!(request(address, "GET", "/metrics").0, "200");
    assert_eq!(request(address, "GET", "/metrics?name=x").0, "200");
    assert_eq!(request(address, "GET", "/healthz").0, "200");
    assert_eq!(request(address, "GET", "/").0, "404");
    assert_eq!(request(address, "GET", "/metrics/").0, "404");
    assert_eq!(request(address, "POST", "/anything").0, "404");
    for method in ["POST", "PUT", "DELETE", "HEAD"] {
        assert_eq!(request(address, method, "/metrics").0, "405", "{method}");
    }
    let answer = exchange(address, "GET /metrics HTTP/1.1\r\nhost: test\r\n\r\n");
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(
        answer.contains(&format!("content-type: {media_type}\r\n")),
        "{answer}"
    );
    let answer = exchange(address, "PUT /healthz HTTP/1.1\r\nhost: test\r\n\r\n");
    assert!(answer.contains("allow: GET\r\n"), "{answer}");
}

#[test]
fn loop_is_ready_once_the_workloads_were_listed() {
    let served = served();
    let (status, why) = request(served.address, "GET", "/readyz");
    assert_eq!(status, "503");
    assert_eq!(why, "the workloads in scope have not all been listed yet\n");
    served.metrics.turn_with(SYNCED, RunFigures::default);
    assert_eq!(request(served.address, "GET", "/readyz").0, "200");
    // An outage of the API server does not end it.
    served
        .metrics
        .turn_with(WatchState::default(), RunFigures::default);
    assert_eq!(request(served.address, "GET", "/readyz").0, "200");
}

#[test]
fn workloads_are_synced_only_while_they_can_be_watched() {
    let metrics = ControllerMetrics::new(None, Vec::new());
    for (watches, expected) in [
        (WatchState::default(), 0),
        (SYNCED, 1),
        (
            WatchState {
                is_failing: true,
                ..SYNCED
            },
            0,
        ),
    ] {
        metrics.turn_with(watches, RunFigures::default);
        let line = format!("imgpolicy_watch_synced {expected}");
        let text = metrics.text();
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn loop_that_does_not_turn_is_not_healthy() {
    let metrics = ControllerMetrics::new(None, Vec::new());
    sleep(Duration::from_secs(30)).await;
    assert_eq!(metrics.health(), Ok(()));
    sleep(Duration::from_secs(1)).await;
    assert!(metrics.health().is_err());
    metrics.turn();
    assert_eq!(metrics.health(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn figures_are_counted_at_most_every_two_seconds() {
    let metrics = ControllerMetrics::new(None, Vec::new());
    let mut counted = 0;
    for _ in 0..10 {
        metrics.turn_with(SYNCED, || {
            counted += 1;
            RunFigures::default()
        });
        sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(counted, 3);
}

#[test]
fn connection_serves_one_request() {
    let served = served();
    let twice = "GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n".repeat(2);
    let answers = exchange(served.address, &twice);
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 1, "{answers}");
    assert!(answers.contains("connection: close"), "{answers}");
}

#[test]
fn slow_and_idle_clients_do_not_keep_others_out() {
    let served = served();
    let started = Instant::now();
    let idle: Vec<Socket> = (0..MAX_CONNECTIONS + 8)
        .map(|_| Socket::connect(served.address).expect("a connection"))
        .collect();
    assert_eq!(request(served.address, "GET", "/healthz").0, "200");
    assert!(
        started.elapsed() < HEADER_TIME + Duration::from_secs(3),
        "{:?}",
        started.elapsed()
    );
    drop(idle);
}

#[test]
fn server_ends_when_it_is_dropped() {
    let served = served();
    let open = Socket::connect(served.address).expect("a connection");
    let started = Instant::now();
    drop(served.server);
    assert!(started.elapsed() < Duration::from_secs(2));
    assert!(Socket::connect(served.address).is_err());
    drop(open);
}

#[test]
fn port_that_is_taken_is_an_error() {
    let first = listen(([127, 0, 0, 1], 0).into()).expect("a port");
    let address = first.local_addr().expect("an address");
    let error = listen(address).expect_err("taken");
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}
