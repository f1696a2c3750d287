//! Under which keys an update tells the tags that it wrote.
//!
//! `fluxcd.io/tag.<image-name>`, where the image's name is the last element of
//! its path. Where two images of one patch share that, the longer path is
//! joined by `-`. What a key may not have becomes `-`, and what is too long for
//! a key is cut, with a hash of the whole behind it.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::image::CanonicalName;

/// The most bytes of the name in an annotation's key, without `tag.`.
const MAX_NAME_BYTES: usize = 63 - "tag.".len();

/// How many bytes of the hash stand behind a name that was cut, as hexadecimal
/// digits two each.
const HASH_BYTES: usize = 4;

/// The names of the images of one patch, each another.
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
        // Paths such as `a-b/c` and `a/b-c` read the same once they are joined.
        return names
            .into_iter()
            .map(|(image, (_, name))| match uses.get(&name) {
                Some(1) => (image.clone(), name),
                _ => (image.clone(), hashed(&name, &image.to_string())),
            })
            .collect();
    }
}

/// Every name that an image can have, whatever stands beside it.
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
    let is_legal = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let legal: String = name
        .chars()
        .map(|letter| if is_legal(letter) { letter } else { '-' })
        .collect();
    if legal.len() > MAX_NAME_BYTES {
        hashed(&legal, &name)
    } else {
        legal
    }
}

/// A name, cut where it is too long, with a hash of the whole behind it.
fn hashed(name: &str, whole: &str) -> String {
    let hash = Sha256::digest(whole.as_bytes());
    let hash: String = hash
        .iter()
        .take(HASH_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let room = MAX_NAME_BYTES - hash.len() - 1;
    format!("{}-{hash}", name.get(..room).unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(images: &[&str]) -> Vec<String> {
        let parse = |image: &&str| image.parse::<CanonicalName>().expect("an image");
        let set: BTreeSet<CanonicalName> = images.iter().map(parse).collect();
        let names = names(&set);
        images
            .iter()
            .map(|image| names[&parse(image)].clone())
            .collect()
    }

    #[test]
    fn an_image_is_called_by_its_last_element() {
        assert_eq!(named(&["docker.io/org/my-app"]), ["my-app"]);
        assert_eq!(named(&["org/my-app", "nginx"]), ["my-app", "nginx"]);
    }

    #[test]
    fn of_one_last_element_the_longer_path_tells() {
        assert_eq!(named(&["a/app", "b/app"]), ["a-app", "b-app"]);
        let hosts = named(&["docker.io/org/app", "registry:5000/org/app"]);
        assert_eq!(hosts, ["docker.io-org-app", "registry-5000-org-app"]);
        let third = named(&["a/app", "b/app", "q/a-app"]);
        assert_eq!(third, ["docker.io-a-app", "b-app", "q-a-app"]);
    }

    #[test]
    fn what_is_too_long_for_a_key_is_cut_and_stays_apart() {
        let long = |end: &str| format!("org/{}{end}", "a".repeat(100));
        let names = named(&[&long("x"), &long("y")]);
        for name in &names {
            assert_eq!(name.len(), MAX_NAME_BYTES);
        }
        assert_ne!(names[0], names[1]);
        // Alone an image has the same name as beside others.
        assert_eq!(named(&[&long("x")])[0], names[0]);
    }

    proptest! {
        #[test]
        fn names_are_legal_and_differ(
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
