//! What a workload's annotations say about its rollouts.

use super::failed::FailedRollout;
use crate::named_enum::named_enum;
use crate::policy::container_policy::{PolicyError, PolicyOrigin};
use crate::policy::quote::quote;
use crate::policy::sources::annotation_keys::AnnotationKey;
use crate::workload::Workload;

named_enum! {
    /// What happens after the rollout of an update failed.
    pub enum OnFailure {
        /// The new image is left.
        Keep = "keep",
        /// The image that the update replaced is restored.
        RollBack = "rollback",
    }
}

/// What a workload's annotations say about its rollouts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutRules {
    /// The images that failed, the oldest first.
    pub failed: Vec<FailedRollout>,
    /// What happens after a failure.
    pub on_failure: OnFailure,
    /// Of the workloads that get the same image, one with the lowest number is updated first.
    pub wave: i32,
}

/// Nothing failed, and nothing is asked for.
impl Default for RolloutRules {
    fn default() -> Self {
        Self {
            failed: Vec::new(),
            on_failure: OnFailure::Keep,
            wave: 0,
        }
    }
}

impl RolloutRules {
    /// Reads the annotations of a workload.
    ///
    /// # Errors
    ///
    /// The first annotation that is not valid. No update may be written then.
    pub fn of(workload: &Workload) -> Result<Self, PolicyError> {
        let mut rules = Self::default();
        if let Some((origin, text)) = find(workload, AnnotationKey::Failed) {
            rules.failed = FailedRollout::parse(text).map_err(|reason| {
                let reason = format!(
                    "{reason}; remove the annotation with 'kubectl imgpolicy unlock {}'",
                    workload.id.exact()
                );
                PolicyError::new(text, origin, reason)
            })?;
        }
        if let Some((origin, text)) = find(workload, AnnotationKey::OnFailure) {
            let mut known = OnFailure::ALL.iter();
            let found = known.find(|known| known.as_str() == text);
            rules.on_failure = *found.ok_or_else(|| {
                let reason = format!("{:?} is not known: use rollback or keep", quote(text));
                PolicyError::new(text, origin, reason)
            })?;
        }
        if let Some((origin, text)) = find(workload, AnnotationKey::Wave) {
            rules.wave = text.parse().map_err(|_| {
                let reason = format!("{:?} is not a whole number, such as 1", quote(text));
                PolicyError::new(text, origin, reason)
            })?;
        }
        Ok(rules)
    }

    /// The same, with only the failures of one container.
    pub(crate) fn of_container(&self, container: &str) -> Self {
        let failed = self.failed.iter();
        let own = failed.filter(|failed| failed.container == container);
        Self {
            failed: own.cloned().collect(),
            ..*self
        }
    }
}

fn find<'w>(workload: &'w Workload, key: AnnotationKey<'_>) -> Option<(PolicyOrigin, &'w str)> {
    let (spelling, text) = key.find(&workload.annotations)?;
    Some((PolicyOrigin::Annotation(spelling), text))
}
