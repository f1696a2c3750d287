//! A line on standard error while registries are asked, on a terminal only.

use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::Terminal;
use crate::collect::Progress;

/// How long a run may take before it says what it waits for: a line that only
/// flickers tells nothing.
const PATIENCE: Duration = Duration::from_millis(300);

/// The line; it is gone when this is dropped.
pub(super) struct ProgressLine {
    bar: ProgressBar,
}

impl ProgressLine {
    pub(super) fn new(terminal: &Terminal) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        bar.set_message("reading workloads");
        if terminal.shows_progress() {
            let late = bar.clone();
            thread::spawn(move || {
                thread::sleep(PATIENCE);
                if !late.is_finished() {
                    late.set_draw_target(ProgressDrawTarget::stderr());
                    late.enable_steady_tick(Duration::from_millis(120));
                }
            });
        }
        Self { bar }
    }

    pub(super) fn report(&self, progress: Progress) {
        let Progress { done, repositories } = progress;
        let noun = if repositories == 1 {
            "repository"
        } else {
            "repositories"
        };
        self.bar.set_message(format!(
            "asking for images: {done} of {repositories} {noun}"
        ));
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
