//! Answers that are fetched once a run, whoever asks and however often.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::image::FetchFailure;

type AnswerCell<T> = Arc<OnceCell<Result<T, FetchFailure>>>;

/// Answers by key. Who asks for one that is being fetched waits for it; a
/// failure is an answer too.
#[derive(Debug)]
pub(crate) struct FetchOnce<K, T>(Mutex<HashMap<K, AnswerCell<T>>>);

// Not derived: a derive would ask for `K: Default`.
impl<K, T> Default for FetchOnce<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone, T: Clone> FetchOnce<K, T> {
    /// The answer for a key, fetched if nobody did so yet.
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

    /// Puts an answer that was found under another key, unless there is one.
    pub(crate) fn put(&self, key: K, answer: T) {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cells
            .entry(key)
            .or_insert_with(|| Arc::new(OnceCell::new_with(Some(Ok(answer)))));
    }
}
