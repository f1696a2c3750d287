//! A progress line on standard error while registries are queried, only on a terminal.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::streams::Terminal;
use crate::collect::ScanProgress;

/// How long a run may take before the progress line appears. A line that only flickers is
/// useless.
const PROGRESS_DELAY: Duration = Duration::from_millis(300);

/// How many registries the line lists, starting with those that have the most work left.
const REGISTRIES: usize = 3;

/// The progress line. It disappears on drop.
pub(crate) struct ProgressLine {
    bar: ProgressBar,
    /// The progress per registry, and the number of requests.
    shown: RefCell<(ScanProgress, u64)>,
}

impl ProgressLine {
    pub(crate) fn new(terminal: &Terminal) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_message("reading workloads");
        if terminal.shows_progress() {
            let late = bar.clone();
            thread::spawn(move || {
                thread::sleep(PROGRESS_DELAY);
                if !late.is_finished() {
                    late.set_draw_target(ProgressDrawTarget::stderr());
                    late.enable_steady_tick(Duration::from_millis(120));
                }
            });
        }
        Self {
            bar,
            shown: RefCell::default(),
        }
    }

    /// Shows how far the scan is.
    pub(crate) fn report(&self, progress: &ScanProgress) {
        self.shown.borrow_mut().0.clone_from(progress);
        self.draw();
    }

    /// Shows how many requests were sent.
    pub(crate) fn requests(&self, requests: u64) {
        self.shown.borrow_mut().1 = requests;
        if requests > 0 {
            self.draw();
        }
    }

    fn draw(&self) {
        let (progress, requests) = &*self.shown.borrow();
        self.bar.set_message(text(progress, *requests));
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// `214 requests: docker.io 3 of 12, ghcr.io 0 of 4 and 2 more 1 of 5`. A narrow terminal
/// may cut off the end.
fn text(progress: &ScanProgress, requests: u64) -> String {
    let mut registries: Vec<(&str, usize, usize)> = progress
        .registries
        .iter()
        .map(|(registry, (done, all))| (registry.as_str(), *done, *all))
        .collect();
    registries.sort_by_key(|(_, done, all)| Reverse(all - done));
    let others = registries.split_off(registries.len().min(REGISTRIES));
    let parts: Vec<String> = registries
        .iter()
        .map(|(registry, done, all)| format!("{registry} {done} of {all}"))
        .collect();
    let mut text = parts.join(", ");
    if !others.is_empty() {
        let done: usize = others.iter().map(|(_, done, _)| done).sum();
        let all: usize = others.iter().map(|(_, _, all)| all).sum();
        text.push_str(&format!(" and {} more {done} of {all}", others.len()));
    }
    if text.is_empty() {
        return format!("{requests} requests");
    }
    format!("{requests} requests: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(registries: &[(&str, usize, usize)]) -> ScanProgress {
        ScanProgress {
            registries: registries
                .iter()
                .map(|(name, done, all): &(&str, usize, usize)| ((*name).to_owned(), (*done, *all)))
                .collect(),
        }
    }

    #[test]
    fn registries_with_the_most_work_left_come_first() {
        let some = progress(&[("a", 3, 4), ("b", 0, 9)]);
        assert_eq!(text(&some, 7), "7 requests: b 0 of 9, a 3 of 4");
        let many = progress(&[
            ("a", 3, 4),
            ("b", 0, 9),
            ("c", 1, 1),
            ("d", 2, 8),
            ("e", 5, 5),
        ]);
        assert_eq!(
            text(&many, 70),
            "70 requests: b 0 of 9, d 2 of 8, a 3 of 4 and 2 more 6 of 6"
        );
    }

    #[test]
    fn single_image_shows_only_the_request_count() {
        assert_eq!(text(&ScanProgress::default(), 2), "2 requests");
    }
}
