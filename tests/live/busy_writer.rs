//! Another client that writes an object all the time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

/// The pause between two writes. They run one after the other, so a slow machine gets
/// fewer writes, not overlapping ones.
const INTERVAL: Duration = Duration::from_millis(10);

/// The number of annotations that the writer cycles through.
const KEYS: u64 = 20;

/// Writes the status and annotations alternately until stopped. Returns the last value
/// of each annotation, and the number of writes.
pub(crate) async fn keep_writing(
    client: kube::Client,
    path: String,
    stop: Arc<AtomicBool>,
) -> (BTreeMap<String, String>, u64) {
    let mut ticks = tokio::time::interval(INTERVAL);
    let mut last = BTreeMap::new();
    let mut written = 0;
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        written += 1;
        let (path, body) = match written % 2 {
            0 => (
                format!("{path}/status"),
                json!({"status": {"replicas": written}}),
            ),
            _ => {
                let key = format!("foreign-{}", written / 2 % KEYS);
                let value = written.to_string();
                last.insert(key.clone(), value.clone());
                let body = json!({"metadata": {"annotations": {key: value}}});
                (path.clone(), body)
            }
        };
        let request = http::Request::patch(format!("{path}?fieldManager=foreign"))
            .header("Content-Type", "application/merge-patch+json")
            .body(body.to_string().into_bytes())
            .expect("a request");
        let answer = client.request_text(request).await;
        answer.expect("foreign writes are never refused");
    }
    (last, written)
}
