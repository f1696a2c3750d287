//! Which safeguards a run overrides.

use crate::plan::record::authorship::Override;

/// The safeguards that are overridden. None implies another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overrides {
    /// `--override-policy`.
    pub policy: bool,
    /// `--override-lock`.
    pub lock: bool,
    /// `--override-owner`.
    pub owner: bool,
    /// `--override-window`.
    pub window: bool,
    /// `--allow-unconfirmed`.
    pub unconfirmed: bool,
}

impl Overrides {
    /// The overridden safeguards, as words.
    #[must_use]
    pub fn words(self) -> Vec<Override> {
        let Self {
            policy,
            lock,
            owner,
            window,
            unconfirmed,
        } = self;
        let all = [
            (policy, Override::Policy),
            (lock, Override::Lock),
            (owner, Override::Owner),
            (window, Override::Window),
            (unconfirmed, Override::Unconfirmed),
        ];
        all.into_iter()
            .filter_map(|(is_overridden, word)| is_overridden.then_some(word))
            .collect()
    }
}
