//! Tags that ranked well enough to be elected, but whose images were refused.

use jiff::Timestamp;

use crate::image::Tag;
use crate::policy::{Rejection, Warning, WarningCode};

/// A tag that would have been elected if its image had passed the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) tag: Tag,
    pub(crate) rejection: Rejection,
    /// When the image will be old enough, if that is known.
    pub(crate) ripe_at: Option<Timestamp>,
    /// The rejection as a sentence.
    pub(crate) message: String,
}

/// Which refusals become warnings when another tag is elected.
const WARNED_ABOUT: [(Rejection, WarningCode); 7] = [
    (Rejection::NotAnImage, WarningCode::NotAnImage),
    (Rejection::NoConfig, WarningCode::NoConfig),
    (Rejection::CannotBePulled, WarningCode::CannotBePulled),
    (Rejection::TooLarge, WarningCode::TooLarge),
    (Rejection::WrongPlatform, WarningCode::WrongPlatform),
    (Rejection::TooYoung, WarningCode::TooYoung),
    (Rejection::FailedBefore, WarningCode::FailedBefore),
];

/// The warnings about refused tags when another tag is elected: one warning per
/// kind, because a whole month of nightly builds may be too young.
pub(crate) fn warnings(refused: &[Refused]) -> Vec<Warning> {
    WARNED_ABOUT
        .into_iter()
        .filter_map(|(rejection, code)| {
            let mut alike = refused.iter().filter(|r| r.rejection == rejection);
            let best = alike.next()?;
            let message = match alike.count() {
                0 => best.message.clone(),
                1 => format!("{}; the same holds for 1 more tag", best.message),
                more => format!("{}; the same holds for {more} more tags", best.message),
            };
            Some(Warning::new(code, message))
        })
        .collect()
}
