//! Results that are fetched once per run, no matter how often they are requested.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::image::FetchFailure;

type AnswerCell<T> = Arc<OnceCell<Result<T, FetchFailure>>>;

/// Results by key. A request for a result that is being fetched waits for it. A
/// failure is also kept.
#[derive(Debug)]
pub(crate) struct FetchOnce<K, T>(Mutex<HashMap<K, AnswerCell<T>>>);

// Not derived because a derive would require `K: Default`.
impl<K, T> Default for FetchOnce<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone, T: Clone> FetchOnce<K, T> {
    /// Returns the result for a key, fetching it if that has not been done yet.
    pub(crate) async fn get_or_fetch<F, Fut>(&self, key: &K, fetch: F) -> Result<T, FetchFailure>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, FetchFailure>>,
    {
        let cell = {
            let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match cells.get(key) {
                Some(cell) => Arc::clone(cell),
                None => Arc::clone(cells.entry(key.clone()).or_default()),
            }
        };
        cell.get_or_init(fetch).await.clone()
    }

    /// Drops a result, so that its memory is freed. If it is needed again, it is fetched
    /// again.
    pub(crate) fn forget(&self, key: &K) {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cells.remove(key);
    }

    /// Stores a value that was fetched under another key, unless there is a result.
    pub(crate) fn put(&self, key: K, value: T) {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cells
            .entry(key)
            .or_insert_with(|| Arc::new(OnceCell::new_with(Some(Ok(value)))));
    }
}
