//! The windows and freezes that apply to every workload of a run.

use serde::{Deserialize, Serialize};

use super::freeze::Freezes;
use super::window::Windows;

/// The windows and freezes of a run, as written. Every one of them must allow an update.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleFlags {
    /// `--window`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<String>,
    /// `--freeze`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freezes: Vec<String>,
}

impl ScheduleFlags {
    /// None of them.
    pub const NONE: Self = Self {
        windows: Vec::new(),
        freezes: Vec::new(),
    };

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty() && self.freezes.is_empty()
    }

    /// Checks the value of `--window`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as a sentence.
    pub fn check_window(text: &str) -> Result<(), String> {
        Windows::parse(text).map(drop)
    }

    /// Checks the value of `--freeze`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as a sentence.
    pub fn check_freeze(text: &str) -> Result<(), String> {
        Freezes::parse(text).map(drop)
    }
}
