//! What Flux would write without a word, although it is probably a mistake.

use super::decision::{MarkerWarning, MarkerWarningCode};
use super::elected::verb;
use crate::evaluator::Elected;
use crate::image::ImageReference;
use crate::policy::{FluxImagePolicy, PolicyImage};
use crate::workload::{MarkedValue, MarkerPart, MarkerTarget};

/// The warnings about a value that is going to be replaced.
pub(super) fn warnings(
    value: &MarkedValue,
    target: &MarkerTarget,
    policy: &FluxImagePolicy,
    image: &PolicyImage,
    elected: Elected,
) -> Vec<MarkerWarning> {
    let mut found = Vec::new();
    let mut add = |code, message: String| found.push(MarkerWarning { code, message });
    let is_recorded = elected == Elected::Recorded;
    if policy.is_suspended && is_recorded {
        let message = format!(
            "ImagePolicy {} is suspended, so its image may be old",
            policy.id()
        );
        add(MarkerWarningCode::Suspended, message);
    }
    if let Some(why) = policy.not_ready.as_ref().filter(|_| is_recorded) {
        let message = format!(
            "ImagePolicy {} is not ready, so its image may be old: {why}",
            policy.id()
        );
        add(MarkerWarningCode::NotReady, message);
    }
    if let Some((code, message)) = mismatch(&value.value, target, image) {
        add(code, message);
    }
    if target.part == MarkerPart::Image && value.value.contains('@') && image.digest.is_none() {
        let message = format!(
            "{} is pinned to a digest, and ImagePolicy {} {} none",
            value.value,
            policy.id(),
            verb(elected)
        );
        add(MarkerWarningCode::PinLost, message);
    }
    if target.part == MarkerPart::Digest && image.digest.is_none() {
        let message = format!(
            "ImagePolicy {} {} no digest, so an empty text is written",
            policy.id(),
            verb(elected)
        );
        add(MarkerWarningCode::EmptyDigest, message);
    }
    if let Some(message) = replaced(value) {
        add(MarkerWarningCode::OverriddenByKustomization, message);
    }
    found
}

/// Whether the old value is of another image, or not of the part that the marker is for.
fn mismatch(
    old: &str,
    target: &MarkerTarget,
    image: &PolicyImage,
) -> Option<(MarkerWarningCode, String)> {
    let other_part = |wanted: &str| {
        let message = format!("{old:?} is not {wanted}, and is replaced as a whole");
        Some((MarkerWarningCode::OtherPart, message))
    };
    if old.is_empty() {
        return None;
    }
    let looks_like_image = old.contains(['/', ':']);
    match target.part {
        MarkerPart::Image if !looks_like_image && old != image.name => other_part("an image"),
        MarkerPart::Image | MarkerPart::Name => {
            let Ok(old_image) = old.parse::<ImageReference>() else {
                return other_part("an image");
            };
            if target.part == MarkerPart::Name && old_image.name().to_string() != old {
                return other_part("an image without a tag");
            }
            let new = image.name.parse::<ImageReference>().ok()?;
            (old_image.canonical() != new.canonical()).then(|| {
                let message = format!(
                    "the value is of another image: {} is replaced by {}",
                    old_image.name(),
                    image.name
                );
                (MarkerWarningCode::OtherImage, message)
            })
        }
        MarkerPart::Tag if looks_like_image => other_part("a tag"),
        MarkerPart::Digest if !old.starts_with("sha256:") => other_part("a digest"),
        MarkerPart::Tag | MarkerPart::Digest => None,
    }
}

/// The `kustomization.yaml` that replaces the marked image.
fn replaced(value: &MarkedValue) -> Option<String> {
    let marked = value.container.as_ref()?;
    let mut containers = marked.workload.containers.iter();
    let container = containers.find(|c| c.name == marked.name)?;
    let by = container.replaced_by.as_ref()?;
    Some(format!(
        "{}:{} replaces the image of this manifest ({})",
        by.file, by.line, by.sets
    ))
}
