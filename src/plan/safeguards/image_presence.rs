//! The result of the last registry lookup for the images that a plan writes.

use super::held_back::{HeldBack, HoldReason};
use crate::image::Digest;
use crate::plan::change::{Change, ImageChange, Plan};
use crate::plan::refusal::Refusal;
use crate::policy::{Warning, WarningCode};

/// Whether an image exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It exists, with this digest.
    Served(Digest),
    /// It exists, but only the user's credentials can access it.
    ServedToUserOnly {
        /// Its digest.
        digest: Digest,
        /// Why the workload cannot access it.
        reason: String,
    },
    /// The registry says that it does not exist; as a sentence.
    Gone(String),
    /// It is not known; the reason as a sentence.
    Unknown(String),
    /// It is not known, and the user accepts that; the reason as a sentence.
    Unconfirmed(String),
}

impl Presence {
    /// The presence for a user who accepts that it is not known.
    #[must_use]
    pub fn accepted(self) -> Self {
        match self {
            Self::Unknown(reason) => Self::Unconfirmed(reason),
            known => known,
        }
    }
}

impl Plan {
    /// Holds back images that do not exist, and warns about images that the workload may
    /// not be able to pull. `presences` are those of [`Self::images`], in their order. A
    /// workload with no images left is not changed.
    pub fn hold_back_missing(&mut self, presences: &[Presence]) {
        let mut presences = presences.iter();
        for mut change in std::mem::take(&mut self.changes) {
            let images = std::mem::take(&mut change.images);
            let had_images = !images.is_empty();
            for mut image in images {
                let seen = presences.next();
                // A rollback restores the previous image even if its registry is
                // unreachable.
                if let (true, Some(Presence::Unknown(reason))) = (change.is_rollback, seen) {
                    change.notes.push(format!(
                        "could not check whether {} exists: {reason}",
                        image.to
                    ));
                    change.images.push(image);
                    continue;
                }
                let evaluated = image.digest.clone().filter(|_| !change.is_rollback);
                match seen.map_or(Ok(()), |seen| image.apply(seen, evaluated.as_ref())) {
                    Ok(()) => change.images.push(image),
                    Err((hold, message)) => {
                        self.held_back.push(HeldBack {
                            workload: change.workload.clone(),
                            root: change.root.clone(),
                            container: Some(image.container),
                            from: Some(image.from),
                            to: Some(image.to),
                            hold,
                            message,
                        });
                    }
                }
            }
            // What accompanies the images, such as the lock of a rollback, is also
            // dropped.
            if !(had_images && change.images.is_empty()) {
                self.changes.push(change);
            }
        }
    }

    /// The images that are written, each with its workload's change.
    pub fn images(&self) -> impl Iterator<Item = (&Change, &ImageChange)> {
        let changes = self.changes.iter();
        changes.flat_map(|change| change.images.iter().map(move |image| (change, image)))
    }
}

impl Change {
    /// Checks the images once more, just before they are written. `presences` are in the
    /// order of the images.
    ///
    /// # Errors
    ///
    /// An image no longer exists, its tag has moved, or that is not known. A rollback
    /// is refused only if the image is gone.
    pub fn check_presences(&self, presences: &[Presence]) -> Result<(), Refusal> {
        for (image, seen) in self.images.iter().zip(presences) {
            if self.is_rollback && !matches!(seen, Presence::Gone(_)) {
                continue;
            }
            let checked = image.clone().apply(seen, image.digest.as_ref());
            checked.map_err(|(_, message)| Refusal::ImageNotConfirmed {
                container: image.container.clone(),
                message,
            })?;
        }
        Ok(())
    }
}

impl ImageChange {
    /// `evaluated`: what the tag served when it was evaluated. If it serves something
    /// else now, that image has not been checked.
    fn apply(
        &mut self,
        seen: &Presence,
        evaluated: Option<&Digest>,
    ) -> Result<(), (HoldReason, String)> {
        if let Presence::Served(served) | Presence::ServedToUserOnly { digest: served, .. } = seen
            && let Some(evaluated) = evaluated.filter(|evaluated| *evaluated != served)
        {
            let message = format!(
                "the tag has moved from {} to {} since it was evaluated; run the command again",
                evaluated.short(),
                served.short()
            );
            return Err((HoldReason::Unconfirmed, message));
        }
        match seen {
            Presence::Served(digest) => self.digest = Some(digest.clone()),
            Presence::ServedToUserOnly { digest, reason } => {
                self.digest = Some(digest.clone());
                self.warnings.push(Warning::new(
                    WarningCode::PullableOnlyByYou,
                    format!("only your credentials can access the image: {reason}"),
                ));
            }
            Presence::Gone(reason) => {
                return Err((
                    HoldReason::Gone,
                    format!("the image does not exist: {reason}"),
                ));
            }
            Presence::Unconfirmed(reason) => self.warnings.push(Warning::new(
                WarningCode::Unconfirmed,
                format!(
                    "no registry has confirmed that {} exists: {reason}",
                    self.to
                ),
            )),
            Presence::Unknown(reason) => {
                let message = format!("could not check whether the image exists: {reason}");
                return Err((HoldReason::Unconfirmed, message));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::basis::Basis;
    use crate::workload::{ContainerType, WorkloadId, WorkloadKind};

    fn image(container: &str) -> ImageChange {
        ImageChange::new(
            container,
            ContainerType::Container,
            "org/app:1",
            "org/app:2".parse().expect("an image"),
        )
    }

    fn change(name: &str, containers: &[&str]) -> Change {
        Change {
            workload: WorkloadId {
                namespace: "shop".to_owned(),
                name: name.to_owned(),
                kind: WorkloadKind::Deployment,
                api_version: "apps/v1".to_owned(),
            },
            source: None,
            root: None,
            images: containers.iter().map(|name| image(name)).collect(),
            policy: None,
            is_rollback: false,
            notes: Vec::new(),
            basis: Basis::default(),
        }
    }

    fn digest() -> Digest {
        format!("sha256:{}", "0".repeat(64))
            .parse()
            .expect("a digest")
    }

    #[test]
    fn only_existing_images_are_written_and_their_digests_recorded() {
        let mut plan = Plan {
            changes: vec![change("a", &["app", "side"]), change("b", &["app"])],
            ..Plan::default()
        };
        plan.hold_back_missing(&[
            Presence::Gone("404".to_owned()),
            Presence::Served(digest()),
            Presence::Unknown("500".to_owned()),
        ]);
        let left: Vec<_> = plan
            .images()
            .map(|(change, image)| (change.workload.name.as_str(), image.container.as_str()))
            .collect();
        assert_eq!(left, [("a", "side")]);
        assert_eq!(plan.changes.len(), 1);
        assert_eq!(plan.changes[0].images[0].digest, Some(digest()));
        let held: Vec<_> = plan
            .held_back
            .iter()
            .map(|held| {
                (
                    held.workload.name.as_str(),
                    held.hold,
                    held.message.as_str(),
                )
            })
            .collect();
        assert_eq!(
            held,
            [
                ("a", HoldReason::Gone, "the image does not exist: 404"),
                (
                    "b",
                    HoldReason::Unconfirmed,
                    "could not check whether the image exists: 500"
                ),
            ]
        );
    }

    #[test]
    fn tag_that_moved_since_the_evaluation_is_not_written() {
        let other: Digest = format!("sha256:{}", "1".repeat(64))
            .parse()
            .expect("a digest");
        for is_rollback in [false, true] {
            let mut moved = change("a", &["app"]);
            moved.images[0].digest = Some(other.clone());
            moved.is_rollback = is_rollback;
            let mut plan = Plan {
                changes: vec![moved],
                ..Plan::default()
            };
            plan.hold_back_missing(&[Presence::Served(digest())]);
            // A rollback restores the previous tag, whatever it serves now.
            assert_eq!(plan.changes.len(), usize::from(is_rollback));
            if let Some(held) = plan.held_back.first() {
                assert_eq!(held.hold, HoldReason::Unconfirmed);
                assert_eq!(
                    held.message,
                    "the tag has moved from sha256:1111111 to sha256:0000000 since it was \
                     evaluated; run the command again"
                );
            }
        }
    }

    #[test]
    fn image_that_only_the_user_can_pull_is_written_with_a_warning() {
        let mut plan = Plan {
            changes: vec![change("a", &["app"])],
            ..Plan::default()
        };
        plan.hold_back_missing(&[Presence::ServedToUserOnly {
            digest: digest(),
            reason: "no secret".to_owned(),
        }]);
        let warning = &plan.changes[0].images[0].warnings[0];
        assert_eq!(warning.code, WarningCode::PullableOnlyByYou);
        assert_eq!(
            warning.message,
            "only your credentials can access the image: no secret"
        );
    }
}
