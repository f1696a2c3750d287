//! How the user stops a write.

use tokio::sync::watch;

/// Whether the user wants to stop, and how often they have said so. The first time,
/// nothing new is started, and what has been sent is awaited for a short time. The second
/// time, nothing is awaited.
#[derive(Debug, Clone)]
pub struct StopSignal(watch::Receiver<u32>);

impl StopSignal {
    /// Takes the number of requests to stop.
    #[must_use]
    pub fn new(requests: watch::Receiver<u32>) -> Self {
        Self(requests)
    }

    /// A write that nobody stops.
    #[must_use]
    pub fn never() -> Self {
        Self(watch::channel(0).1)
    }

    /// Whether the user wants to stop.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Completes when the user wants to stop.
    pub(crate) async fn requested(&self) {
        self.wait_for(1).await;
    }

    /// Completes when the user wants to stop at once.
    pub(crate) async fn repeated(&self) {
        self.wait_for(2).await;
    }

    async fn wait_for(&self, times: u32) {
        let mut requests = self.0.clone();
        if requests.wait_for(|count| *count >= times).await.is_err() {
            // Nobody can ask any more.
            std::future::pending::<()>().await;
        }
    }
}
