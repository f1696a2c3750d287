//! The annotation keys under which an update records the tags that it wrote.
//!
//! `fluxcd.io/tag.<image-name>`, where the image name is the last element of its
//! path. If two images of one patch share it, more elements are joined with `-`.
//! Characters that are not allowed in a key become `-`. A name that is too long is
//! cut, and a hash of the whole name is appended.

use std::collections::{BTreeMap, BTreeSet};

use crate::image::CanonicalName;
use crate::workload::with_hash;

/// The maximum length in bytes of the name in an annotation key, without `tag.`.
const MAX_NAME_BYTES: usize = 63 - "tag.".len();

/// Distinct names for the images of one patch.
pub(crate) fn names(images: &BTreeSet<CanonicalName>) -> BTreeMap<CanonicalName, String> {
    let mut names: BTreeMap<&CanonicalName, (usize, String)> = images
        .iter()
        .map(|image| (image, (1, name_of(image, 1))))
        .collect();
    loop {
        let mut uses: BTreeMap<String, usize> = BTreeMap::new();
        for (_, name) in names.values() {
            *uses.entry(name.clone()).or_default() += 1;
        }
        let mut grew = false;
        for (image, (elements, name)) in &mut names {
            if uses.get(name).is_some_and(|uses| *uses > 1) && *elements < path(image).len() {
                *elements += 1;
                *name = name_of(image, *elements);
                grew = true;
            }
        }
        if grew {
            continue;
        }
        // Paths such as `a-b/c` and `a/b-c` are equal when joined.
        return names
            .into_iter()
            .map(|(image, (_, name))| match uses.get(&name) {
                Some(1) => (image.clone(), name),
                _ => (image.clone(), hashed(&name, &image.to_string())),
            })
            .collect();
    }
}

/// Every name that an image can get, whatever other images are in the patch.
pub(crate) fn possible_names(image: &CanonicalName) -> impl Iterator<Item = String> {
    (1..=path(image).len()).flat_map(move |elements| {
        let name = name_of(image, elements);
        let hashed = hashed(&name, &image.to_string());
        [name, hashed]
    })
}

/// The registry, then the elements of the path below it.
fn path(image: &CanonicalName) -> Vec<&str> {
    let below = image.repository().split('/');
    std::iter::once(image.registry()).chain(below).collect()
}

/// The last elements of an image's path, as part of a key.
fn name_of(image: &CanonicalName, elements: usize) -> String {
    let path = path(image);
    let name = path[path.len().saturating_sub(elements)..].join("-");
    let legal: String = name
        .chars()
        .map(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => letter,
            _ => '-',
        })
        .collect();
    if legal.len() > MAX_NAME_BYTES {
        hashed(&legal, &name)
    } else {
        legal
    }
}

/// A name, cut if it is too long, with a hash of the whole name appended.
fn hashed(name: &str, whole: &str) -> String {
    with_hash(name, whole, MAX_NAME_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(images: &[&str]) -> Vec<String> {
        let images: Vec<CanonicalName> = images
            .iter()
            .map(|image| image.parse().expect("an image"))
            .collect();
        let names = names(&images.iter().cloned().collect());
        images.iter().map(|image| names[image].clone()).collect()
    }

    #[test]
    fn image_is_named_by_its_last_path_element() {
        assert_eq!(named(&["docker.io/org/my-app"]), ["my-app"]);
        assert_eq!(named(&["org/my-app", "nginx"]), ["my-app", "nginx"]);
    }

    #[test]
    fn images_with_the_same_last_element_get_a_longer_name() {
        assert_eq!(named(&["a/app", "b/app"]), ["a-app", "b-app"]);
        let hosts = named(&["docker.io/org/app", "registry:5000/org/app"]);
        assert_eq!(hosts, ["docker.io-org-app", "registry-5000-org-app"]);
        let third = named(&["a/app", "b/app", "q/a-app"]);
        assert_eq!(third, ["docker.io-a-app", "b-app", "q-a-app"]);
    }

    #[test]
    fn long_names_are_cut_and_stay_distinct() {
        let [x, y] = ["x", "y"].map(|end| format!("org/{}{end}", "a".repeat(100)));
        let names = named(&[&x, &y]);
        for name in &names {
            assert_eq!(name.len(), MAX_NAME_BYTES);
        }
        assert_ne!(names[0], names[1]);
        // An image has the same name alone and with others.
        assert_eq!(named(&[&x])[0], names[0]);
    }

    proptest! {
        #[test]
        fn names_are_legal_and_distinct(
            images in prop::collection::btree_set(
                "(([a-c]{1,2}\\.io|[a-c]:[0-9]{2})/)?([a-c](-[a-c])?/){0,3}[a-c]{1,2}(-[a-c]|_c|[b-c]{60})?",
                1..6,
            ),
        ) {
            let set: BTreeSet<CanonicalName> =
                images.iter().map(|image| image.parse().expect("an image")).collect();
            let named = names(&set);
            let distinct: BTreeSet<&String> = named.values().collect();
            prop_assert_eq!(distinct.len(), set.len());
            for (image, name) in &named {
                prop_assert!(name.len() <= MAX_NAME_BYTES);
                prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)));
                prop_assert!(name.ends_with(|c: char| c.is_ascii_alphanumeric()));
                prop_assert!(possible_names(image).any(|possible| possible == *name));
            }
        }
    }
}
