//! What `kubectl rollout history` shows of an update.

use crate::image::{Digest, ImageReference, Tag};
use crate::plan::change::ImageChange;

/// The annotation that `kubectl rollout history` reads.
pub(crate) const KEY: &str = "kubernetes.io/change-cause";

/// The prefix of our own part.
const OURS: &str = "imgpolicy: ";

/// Separates the parts of different authors.
const SEPARATOR: &str = "; ";

/// The cause with our part at the end. Parts of other authors are kept; the part of
/// our earlier update is replaced, so that the text does not grow.
pub(crate) fn change_cause(
    existing: Option<&str>,
    changes: &[&ImageChange],
    is_rollback: bool,
) -> String {
    let words = changes.iter().map(|change| {
        if change.changes_repository() {
            let ImageChange {
                container,
                from,
                to,
                ..
            } = change;
            return format!("{container} {from} -> {to}");
        }
        let from = change.from.parse::<ImageReference>().ok();
        format!(
            "{} {} -> {}",
            change.container,
            from.as_ref().map_or_else(
                || change.from.clone(),
                |from| version_unlike(from, &change.to)
            ),
            from.as_ref().map_or_else(
                || version(&change.to),
                |from| version_unlike(&change.to, from)
            ),
        )
    });
    let verb = if is_rollback { "rollback of " } else { "" };
    let ours = format!("{OURS}{verb}{}", words.collect::<Vec<_>>().join(", "));
    let existing = existing.into_iter().flat_map(|text| text.split(SEPARATOR));
    let theirs = existing.filter(|part| !part.is_empty() && !part.starts_with(OURS.trim_end()));
    let parts: Vec<&str> = theirs.chain([ours.as_str()]).collect();
    parts.join(SEPARATOR)
}

/// The tag of an image, or its short digest.
pub(crate) fn version(image: &ImageReference) -> String {
    match (image.tag(), image.digest()) {
        (Some(tag), _) => tag.to_string(),
        (None, Some(digest)) => format!("@{}", digest.short()),
        (None, None) => "latest".to_owned(),
    }
}

/// The same, with the digest if both images have the same tag.
fn version_unlike(image: &ImageReference, other: &ImageReference) -> String {
    let digest = image.digest().filter(|_| image.tag() == other.tag());
    let tag = image.tag().map(Tag::as_str);
    match (tag, digest.map(Digest::short)) {
        (Some(tag), Some(digest)) => format!("{tag}@{digest}"),
        _ => version(image),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::ContainerType;

    fn change(container: &str, from: &str, to: &str) -> ImageChange {
        ImageChange::new(
            container,
            ContainerType::Container,
            from,
            to.parse().expect("an image"),
        )
    }

    #[test]
    fn cause_lists_each_container_with_its_versions() {
        let app = change("app", "org/app:1.0.0", "org/app:1.0.1");
        let [from, to] = ["ab", "cd"].map(|byte| format!("org/side:1@sha256:{}", byte.repeat(32)));
        let side = change("side", &from, &to);
        assert_eq!(
            change_cause(None, &[&app, &side], false),
            "imgpolicy: app 1.0.0 -> 1.0.1, side 1@sha256:abababa -> 1@sha256:cdcdcdc"
        );
        assert_eq!(
            change_cause(None, &[&app], true),
            "imgpolicy: rollback of app 1.0.0 -> 1.0.1"
        );
        let other = change("app", "org/app:1", "other.example/app:1");
        assert_eq!(
            change_cause(None, &[&other], true),
            "imgpolicy: rollback of app org/app:1 -> other.example/app:1"
        );
        let same = change("app", "nginx:1", "docker.io/library/nginx:2");
        assert_eq!(
            change_cause(None, &[&same], true),
            "imgpolicy: rollback of app 1 -> 2"
        );
        let bare = change("app", "org/app", "org/app:1");
        let cause = change_cause(Some(""), &[&bare], false);
        assert_eq!(cause, "imgpolicy: app latest -> 1");
    }

    #[test]
    fn other_authors_parts_are_kept_and_ours_is_replaced() {
        let first = change("app", "org/app:1", "org/app:2");
        let second = change("app", "org/app:2", "org/app:3");
        let once = change_cause(Some("release 7; by hand"), &[&first], false);
        assert_eq!(once, "release 7; by hand; imgpolicy: app 1 -> 2");
        let twice = change_cause(Some(&once), &[&second], false);
        assert_eq!(twice, "release 7; by hand; imgpolicy: app 2 -> 3");
    }
}
