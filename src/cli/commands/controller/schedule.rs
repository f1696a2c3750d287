//! When the updates of a run may start.

use clap::Args;

use crate::policy::ScheduleFlags;

/// The windows and freezes of a run.
#[derive(Debug, Clone, Args)]
pub(crate) struct ScheduleArgs {
    /// When updates may start, as in the annotation imgpolicy.dev/window; applies in addition to the
    /// annotations; repeatable
    #[arg(long, value_name = "TEXT", value_parser = window)]
    window: Vec<String>,

    /// When updates may not start, as in the annotation imgpolicy.dev/freeze; applies in addition to
    /// the annotations; repeatable
    #[arg(long, value_name = "TEXT", value_parser = freeze)]
    freeze: Vec<String>,
}

impl ScheduleArgs {
    pub(crate) fn flags(&self) -> ScheduleFlags {
        ScheduleFlags {
            windows: self.window.clone(),
            freezes: self.freeze.clone(),
        }
    }
}

fn window(text: &str) -> Result<String, String> {
    ScheduleFlags::check_window(text)?;
    Ok(text.to_owned())
}

fn freeze(text: &str) -> Result<String, String> {
    ScheduleFlags::check_freeze(text)?;
    Ok(text.to_owned())
}
