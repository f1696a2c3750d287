//! The pages that `controller run --metrics-address` serves.

use std::path::Path;
use std::time::{Duration, Instant};

use kubectl_imgpolicy::controller::metrics::Metric;

use super::controller::SHORT_LEASE;
use crate::controller_process::ControllerProcess;
use crate::cut_line::CutLine;
use crate::kubeconfigs::{self, User};
use crate::process::free_ports;
use crate::registry::Registry;
use crate::shop::Shop;

const WITHIN: Duration = Duration::from_secs(60);

/// A controller and its pages.
struct Served {
    process: ControllerProcess,
    address: String,
}

impl Served {
    fn start(shop: &Shop) -> Self {
        Self::start_as(&shop.kubeconfig)
    }

    fn start_as(kubeconfig: &Path) -> Self {
        let [port] = free_ports();
        let address = format!("127.0.0.1:{port}");
        let arguments = [&SHORT_LEASE[..], &["--metrics-address", &address]].concat();
        Self {
            process: ControllerProcess::start_as(kubeconfig, &arguments),
            address,
        }
    }

    /// The status and the text of a page; `None`: there is no answer.
    async fn page(&self, path: &str) -> Option<(u16, String)> {
        let client = reqwest::Client::builder().no_proxy().build();
        let url = format!("http://{}{path}", self.address);
        let response = client.expect("a client").get(url).send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.text().await.ok()?))
    }

    async fn status(&self, path: &str) -> Option<u16> {
        self.page(path).await.map(|(status, _)| status)
    }

    /// The value of a series. A series that is not there is 0.
    async fn value(&self, series: &str) -> f64 {
        let (_, text) = self.page("/metrics").await.expect("an answer");
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().expect("a number"))
    }

    /// Waits until a series has this value at least.
    async fn reaches(&self, series: &str, value: f64) {
        let started = Instant::now();
        while self.value(series).await < value {
            let log = self.process.log();
            let text = self.page("/metrics").await;
            assert!(started.elapsed() < WITHIN, "{series}: {text:?}\n{log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until it is ready. Returns the other answers that it gave before.
    async fn is_ready(&self) -> Vec<u16> {
        let started = Instant::now();
        let mut before = Vec::new();
        loop {
            match self.status("/readyz").await {
                Some(200) => return before,
                Some(other) => before.push(other),
                None => {}
            }
            assert!(started.elapsed() < WITHIN, "{}", self.process.log());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

#[tokio::test]
async fn metrics_show_updates_leaders_and_a_registry_that_is_down() {
    let mut shop = Shop::open_rolling("controller-metrics").await;
    let registry = Registry::of_its_own().await;
    for (tag, created) in [
        ("1.0.0", "2026-01-01T00:00:00Z"),
        ("1.0.1", "2026-02-01T00:00:00Z"),
    ] {
        let platforms = ["linux/amd64"];
        registry
            .push("controller-metrics/app", tag, created, &platforms)
            .await;
    }
    let host = registry.host.clone();
    shop.image = format!("{host}/controller-metrics/app");
    shop.deployed(&[shop.workload("Deployment", "web")]).await;

    let mut first = Served::start(&shop);
    let before = first.is_ready().await;
    assert!(before.iter().all(|status| *status == 503), "{before:?}");
    first.process.says("deployment/web: rolled out").await;
    let written = "imgpolicy_updates_total{result=\"written\"}";
    first.reaches(written, 1.0).await;
    let kept = "imgpolicy_containers{state=\"automated\",outcome=\"keep\"}";
    first.reaches(kept, 1.0).await;
    assert!(first.value(written).await < 1.5);
    let answered = format!("imgpolicy_scans_total{{host=\"{host}\",result=\"answered\"}}");
    assert!(first.value(&answered).await >= 1.0);
    let requests = format!("imgpolicy_registry_requests_total{{host=\"{host}\",code=\"200\"}}");
    assert!(first.value(&requests).await >= 1.0);
    let now = jiff::Timestamp::now().as_second() as f64;
    let last = format!("imgpolicy_last_successful_scan_timestamp_seconds{{host=\"{host}\"}}");
    assert!((now - first.value(&last).await).abs() < 60.0);
    let (_, text) = first.page("/metrics").await.expect("an answer");
    for metric in Metric::ALL {
        let has_sample = text.lines().any(|line| line.starts_with(metric.as_str()));
        assert!(has_sample, "{metric}: {text}");
    }

    // A standby serves the same pages.
    let second = Served::start(&shop);
    second.is_ready().await;
    assert!(first.value("imgpolicy_leader").await > 0.5);
    assert!(second.value("imgpolicy_leader").await < 0.5);
    assert!(second.value(kept).await < 0.5);

    // The registry stops.
    drop(registry);
    let unreachable = format!("imgpolicy_scans_total{{host=\"{host}\",result=\"unreachable\"}}");
    first.reaches(&unreachable, 1.0).await;
    for served in [&first, &second] {
        assert_eq!(served.status("/healthz").await, Some(200));
        assert_eq!(served.status("/readyz").await, Some(200));
    }

    // The other one leads after SIGTERM, and the pages end with the loop.
    let Served { process, address } = first;
    let (end, _, log) = process.stop();
    assert_eq!(end.code(), Some(0), "{log}");
    assert!(std::net::TcpStream::connect(&address).is_err());
    second.reaches("imgpolicy_leader", 1.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leader_that_is_cut_off_says_so_before_another_one_leads() {
    let shop = Shop::open_rolling("controller-metrics-cut").await;
    let line = CutLine::to(shop.plane.url.trim_start_matches("https://"));
    let user = User::Replica(0);
    let through = kubeconfigs::of_user_through(shop.plane, user, &line.address, shop.namespace);
    let first = Served::start_as(&through);
    first.reaches("imgpolicy_leader", 1.0).await;
    let second = Served::start(&shop);
    second.is_ready().await;

    line.cut(true);
    let cut = Instant::now();
    let mut led = None;
    loop {
        let leader = "imgpolicy_leader";
        let (one, other) = tokio::join!(first.value(leader), second.value(leader));
        assert!(one + other < 1.5, "both lead after {:?}", cut.elapsed());
        if one < 0.5 {
            led.get_or_insert(cut.elapsed());
        }
        if other > 0.5 {
            break;
        }
        assert!(cut.elapsed() < WITHIN, "{}", second.process.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The deadline is two seconds after the last renewal.
    let limit = Duration::from_millis(2500);
    assert!(led.is_some_and(|led| led < limit), "{led:?}");
    // The loop turns without the API server.
    assert_eq!(first.status("/healthz").await, Some(200));
    assert_eq!(first.status("/readyz").await, Some(200));
    line.cut(false);
}
