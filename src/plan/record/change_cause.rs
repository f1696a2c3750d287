//! What `kubectl rollout history` shows of an update.

use crate::image::{Digest, ImageReference, Tag};
use crate::plan::change::ImageChange;

/// Where `kubectl rollout history` looks.
pub(crate) const KEY: &str = "kubernetes.io/change-cause";

/// How our own words begin.
const OURS: &str = "imgpolicy: ";

/// What stands between the words of different authors.
const BETWEEN: &str = "; ";

/// The cause with ours at its end. What others wrote stays, what an earlier
/// update of ours wrote goes, so that it does not grow.
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
                |from| version_beside(from, &change.to)
            ),
            from.as_ref().map_or_else(
                || version(&change.to),
                |from| version_beside(&change.to, from)
            ),
        )
    });
    let verb = if is_rollback { "rollback of " } else { "" };
    let ours = format!("{OURS}{verb}{}", words.collect::<Vec<_>>().join(", "));
    let existing = existing.into_iter().flat_map(|text| text.split(BETWEEN));
    let theirs = existing.filter(|part| !part.is_empty() && !part.starts_with(OURS.trim_end()));
    let parts: Vec<&str> = theirs.chain([ours.as_str()]).collect();
    parts.join(BETWEEN)
}

/// The tag of an image, or its digest in short.
pub(crate) fn version(image: &ImageReference) -> String {
    match (image.tag(), image.digest()) {
        (Some(tag), _) => tag.to_string(),
        (None, Some(digest)) => format!("@{}", digest.short()),
        (None, None) => "latest".to_owned(),
    }
}

/// The same, with the digest where the tag alone does not tell the two apart.
fn version_beside(image: &ImageReference, other: &ImageReference) -> String {
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
        ImageChange {
            container: container.to_owned(),
            container_type: ContainerType::Container,
            from: from.to_owned(),
            to: to.parse().expect("an image"),
            digest: None,
            policy: None,
            build: None,
            message: String::new(),
            warnings: Vec::new(),
            plain_tag: None,
        }
    }

    #[test]
    fn each_container_is_told_with_its_versions() {
        let app = change("app", "org/app:1.0.0", "org/app:1.0.1");
        let digest = |byte: &str| format!("org/side:1@sha256:{}", byte.repeat(32));
        let side = change("side", &digest("ab"), &digest("cd"));
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
        let told = change_cause(Some(""), &[&bare], false);
        assert_eq!(told, "imgpolicy: app latest -> 1");
    }

    #[test]
    fn what_others_wrote_stays_and_ours_is_replaced() {
        let first = change("app", "org/app:1", "org/app:2");
        let second = change("app", "org/app:2", "org/app:3");
        let once = change_cause(Some("release 7; by hand"), &[&first], false);
        assert_eq!(once, "release 7; by hand; imgpolicy: app 1 -> 2");
        let twice = change_cause(Some(&once), &[&second], false);
        assert_eq!(twice, "release 7; by hand; imgpolicy: app 2 -> 3");
    }
}
