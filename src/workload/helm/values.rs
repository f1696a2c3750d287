//! The images in the values of a Helm release.
//!
//! An image is found by its shape, at any depth, in mappings and in lists:
//!
//! | form | keys |
//! |---|---|
//! | string | `image: repo[:tag]`, optionally with `tag` and `registry` next to it |
//! | block | `image: {repository[, tag][, registry]}`, or `{repository, tag[, registry]}` under any other key |
//!
//! Instead of `tag`, the key may be `imageTag` or `image_tag`, which may also be
//! next to the block. Any other key that seems to be the version, such as
//! `version`, is not supported, and such an image is not changed. A repository with a
//! scheme, or next to `chart`, `branch` or `ref`, is not one of images.
//!
//! The container is called `chart-image` at the top level. Elsewhere its name is the
//! dotted path without a trailing `image`, so that one level below it is called after
//! its block, as Flux calls it.
//!
//! Other images are found only through mapping annotations. A tag without a
//! repository is not an image. A mapped image is not listed a second time under
//! another name.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::{Map, Value};

use super::find::find;
use super::image::HelmImage;
use super::mapping::mapped;
use super::name::{container_name, hashed_name};
use crate::workload::container::{Container, ContainerType};

/// The images in the values of a release, by container name. Mapped images take
/// precedence over those that are found.
#[must_use]
pub fn helm_images(
    values: &Map<String, Value>,
    annotations: &BTreeMap<String, String>,
) -> BTreeMap<String, HelmImage> {
    let mut images = mapped(values, annotations);
    for found in find(values) {
        let is_mapped = images
            .values()
            .any(|mapped| mapped.is_mapped && mapped.repository == found.image.repository);
        if is_mapped {
            continue;
        }
        match images.entry(container_name(&found.block)) {
            Entry::Vacant(entry) => {
                entry.insert(found.image);
            }
            // A key may contain a dot, or a mapping may use the name.
            Entry::Occupied(_) => {
                images.insert(hashed_name(&found.block), found.image);
            }
        }
    }
    images
}

/// The images in the values of a release as containers, ordered by name.
pub(crate) fn containers(
    values: &Map<String, Value>,
    annotations: &BTreeMap<String, String>,
) -> Vec<Container> {
    helm_images(values, annotations)
        .into_iter()
        .filter_map(|(name, image)| {
            Some(Container {
                name,
                container_type: ContainerType::Container,
                image: image.text(values)?,
                marker: None,
                obstacle: image.obstacle(values),
                numeric_tag: image.numeric_tag(values),
                has_chart_tag: image.has_chart_tag(values),
                replaced_by: None,
                written_at: Vec::new(),
                declared: None,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn images(values: Value, annotations: &[(&str, &str)]) -> Vec<(String, String)> {
        let annotations = annotations
            .iter()
            .map(|&(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        containers(values.as_object().expect("a mapping"), &annotations)
            .into_iter()
            .map(|container| (container.name, container.image))
            .collect()
    }

    fn pair(name: &str, image: &str) -> (String, String) {
        (name.to_owned(), image.to_owned())
    }

    #[test]
    fn every_form_of_an_image_is_found() {
        for (values, image) in [
            (json!({"image": "q/app:1"}), "q/app:1"),
            (json!({"image": "q/app", "tag": "1"}), "q/app:1"),
            (
                json!({"image": "app", "registry": "q.io", "tag": 2}),
                "q.io/app:2",
            ),
            (json!({"image": "q/app", "tag": 1.2}), "q/app:1.2"),
            (json!({"image": "q/app", "tag": 1e3}), "q/app:1000"),
            (
                json!({"image": "q/app", "tag": 20190523}),
                "q/app:2.0190523e+07",
            ),
            (json!({"image": "q/app", "tag": false}), "q/app:false"),
            (
                json!({"image": {"repository": "q/app", "tag": "1"}}),
                "q/app:1",
            ),
            (
                json!({"image": {"repository": "app", "registry": "q.io"}}),
                "q.io/app",
            ),
        ] {
            assert_eq!(
                images(values.clone(), &[]),
                [pair("chart-image", image)],
                "{values}"
            );
            let nested = json!({"sidecar": values});
            assert_eq!(images(nested, &[]), [pair("sidecar", image)], "{values}");
        }
    }

    #[test]
    fn tag_is_read_from_the_key_that_has_a_value() {
        for (values, image) in [
            (json!({"image": "q/app", "imageTag": "1"}), "q/app:1"),
            (json!({"image": "q/app", "image_tag": "1"}), "q/app:1"),
            (
                json!({"image": "q/app", "tag": "1", "imageTag": "2"}),
                "q/app:1",
            ),
            (
                json!({"image": "q/app", "tag": "", "imageTag": "2"}),
                "q/app:2",
            ),
            (
                json!({"image": {"repository": "q/app"}, "imageTag": "1"}),
                "q/app:1",
            ),
            (
                json!({"image": {"repository": "q/app", "image_tag": "1"}}),
                "q/app:1",
            ),
            (
                json!({"image": {"repository": "q/app", "tag": "1"}, "imageTag": "2"}),
                "q/app:1",
            ),
            // A `tag` next to a block need not be of its image.
            (
                json!({"image": {"repository": "q/app"}, "tag": "1"}),
                "q/app",
            ),
            (json!({"image": "q/app", "version": "1"}), "q/app"),
        ] {
            let found = images(values.clone(), &[]);
            assert_eq!(found, [pair("chart-image", image)], "{values}");
        }
    }

    #[test]
    fn mapped_image_is_listed_once_and_can_be_changed() {
        let repository = ("repository.fluxcd.io/app", "image");
        for (values, mapping, image, is_writable) in [
            (json!({"image": "q/app"}), &[repository][..], "q/app", true),
            (
                json!({"image": "q/app", "imageTag": "1"}),
                &[repository],
                "q/app:1",
                true,
            ),
            (
                json!({"image": "q/app", "version": "1"}),
                &[repository],
                "q/app",
                false,
            ),
            (
                json!({"image": "q/app", "version": "1"}),
                &[repository, ("tag.fluxcd.io/app", "version")],
                "q/app:1",
                true,
            ),
            (
                json!({"image": "q/app"}),
                &[repository, ("tag.fluxcd.io/app", "a.b")],
                "q/app",
                false,
            ),
        ] {
            assert_eq!(
                images(values.clone(), mapping),
                [pair("app", image)],
                "{values}"
            );
            let mapping = mapping.iter().map(|&(k, v)| (k.to_owned(), v.to_owned()));
            let found = containers(values.as_object().expect("a mapping"), &mapping.collect());
            assert_eq!(found[0].obstacle.is_none(), is_writable, "{values}");
        }
    }

    #[test]
    fn images_are_found_at_any_depth() {
        let deep = json!({"controllers": {"web": {"containers": {
            "app": {"image": {"repository": "docker.io/org/my-app", "tag": "1.0.0"}},
            "side": {"image": "q/side:1"}}}}});
        let expected = [
            pair(
                "controllers.web.containers.app",
                "docker.io/org/my-app:1.0.0",
            ),
            pair("controllers.web.containers.side", "q/side:1"),
        ];
        assert_eq!(images(deep, &[]), expected);
        for (values, name, image) in [
            (
                json!({"a": {"proxy": {"repository": "q/a", "tag": ""}}}),
                "a.proxy",
                "q/a",
            ),
            (
                json!({"a": {"proxy": {"repository": "a", "registry": "q.io", "imageTag": "1"}}}),
                "a.proxy",
                "q.io/a:1",
            ),
            (
                json!({"repository": "q/a", "tag": "1"}),
                "chart-image",
                "q/a:1",
            ),
            (
                json!({"a": {"b": {"image": {"repository": "q/a"}}}}),
                "a.b",
                "q/a",
            ),
            (
                json!({"a": {"image": {"app": {"repository": "q/a", "tag": "1"}}}}),
                "a.image.app",
                "q/a:1",
            ),
            (
                json!({"sidecars": [{"env": []}, {"image": "q/a:1"}]}),
                "sidecars.1",
                "q/a:1",
            ),
            (
                json!({"sidecars": [[{"image": {"repository": "q/a", "tag": 1}}]]}),
                "sidecars.0.0",
                "q/a:1",
            ),
            (json!({"a": {"b": {"image": "nginx"}}}), "a.b", "nginx"),
            (
                json!({"a": {"b": {"image": "q/a:${VERSION}"}}}),
                "a.b",
                "q/a:${VERSION}",
            ),
            (
                json!({"a": {"b": {"image": "q/a", "tag": "1", "repository": "q/b"}}}),
                "a.b",
                "q/a:1",
            ),
        ] {
            let found = images(values.clone(), &[]);
            assert_eq!(found, [pair(name, image)], "{values}");
        }
    }

    #[test]
    fn what_is_not_an_image_is_not_listed() {
        for values in [
            json!({"a": {"repository": "https://git.example/a.git", "tag": "v1"}}),
            json!({"a": {"repository": "oci://q.io/charts/a", "tag": "1"}}),
            json!({"image": {"repository": "https://git.example/a", "tag": "1"}}),
            json!({"a": {"repository": "q/charts", "tag": "1", "chart": "a"}}),
            json!({"a": {"repository": "q/code", "tag": "1", "branch": "main"}}),
            json!({"a": {"image": {"repository": "q/code", "ref": "v1"}}}),
            json!({"a": {"repository": "q/code"}}),
            json!({"a": {"tag": "1"}}),
            json!({"a": {"b": {"image": "Not An Image"}}}),
            json!({"a": {"b": {"image": "https://cdn.example/logo"}}}),
            json!({"a": {"b": {"image": "assets/logo.PNG"}}}),
            json!({"a": {"b": {"image": ""}}}),
            json!({"a": {"b": {"image": true}}}),
            json!({"a": {"b": {"picture": "q/a:1"}}}),
        ] {
            assert_eq!(images(values.clone(), &[]), [], "{values}");
        }
    }

    #[test]
    fn every_image_has_a_name_that_fits_into_every_annotation() {
        let long = ["elements", "of", "a", "path"].map(|word| word.repeat(9));
        let mut values = json!({"image": "q/long:1"});
        for key in long.iter().rev() {
            values = json!({ key.clone(): values });
        }
        values["my app"] = json!({"image": "q/space:1"});
        values["ends-"] = json!({"image": "q/dash:1"});
        values["a.b"] = json!({"image": "q/dot:1"});
        values["a"] = json!({"b": {"image": "q/path:1"}});
        values["x".repeat(51)] = json!({"image": "q/longest:1"});
        let found = images(values.clone(), &[]);
        let names: std::collections::BTreeSet<&str> =
            found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((found.len(), names.len()), (6, 6), "{found:?}");
        for name in names {
            for word in [
                "filter-tags.",
                "ignore-tags.",
                "allow-tags.",
                "extract.",
                "tag.",
            ] {
                assert!(format!("{word}{name}").len() <= 63, "{name}");
            }
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            );
            assert!(
                name.ends_with(|end: char| end.is_ascii_alphanumeric()),
                "{name}"
            );
        }
        let name_of = |image: &str| {
            let found = found.iter().find(|(_, text)| text == image);
            found.map(|(name, _)| name.as_str()).expect("an image")
        };
        assert_eq!(name_of("q/longest:1"), "x".repeat(51));
        assert!(name_of("q/long:1").starts_with("elementselements"));
        assert!(name_of("q/space:1").starts_with("my-app-"));
        // The order of the keys decides which one keeps the name.
        assert_eq!(name_of("q/dot:1"), "a.b");
        assert!(name_of("q/path:1").starts_with("a.b-"));
        assert_eq!(images(values, &[]), found);
    }

    #[test]
    fn other_images_require_a_repository_mapping() {
        let values = json!({"a": {"b": {"repo": "q/app", "version": "1"}}, "c": {"tag": "1"}});
        assert_eq!(images(values.clone(), &[]), []);
        assert_eq!(
            images(values.clone(), &[("tag.fluxcd.io/app", "c.tag")]),
            []
        );
        let mapping = [
            ("repository.fluxcd.io/app", "a.b.repo"),
            ("tag.fluxcd.io/app", "a.b.version"),
        ];
        assert_eq!(images(values, &mapping), [pair("app", "q/app:1")]);
    }

    #[test]
    fn mapping_shows_nothing_that_may_be_a_secret() {
        let values = json!({"repo": "q/app", "v": "1", "password": "hunter2", "note": "not a tag",
            "db": {"adminPassword": "hunter2", "api-token": "hunter2", "sshKey": "hunter2",
                "apikey": "hunter2", "pull_secret": {"v": "hunter2"}, "key": {"v": "hunter2"}},
            "keycloak": {"v": "2"}});
        let mapped = |repository: &str, tag: &str, registry: &str| {
            let mapping = [
                ("repository.fluxcd.io/app", repository),
                ("tag.fluxcd.io/app", tag),
                ("registry.fluxcd.io/app", registry),
            ];
            images(values.clone(), &mapping)
        };
        assert_eq!(mapped("repo", "v", "none"), [pair("app", "q/app:1")]);
        assert_eq!(
            mapped("repo", "keycloak.v", "none"),
            [pair("app", "q/app:2")]
        );
        assert_eq!(mapped("repo", "note", "none"), []);
        for secret in [
            "password",
            "db.adminPassword",
            "db.api-token",
            "db.sshKey",
            "db.apikey",
            "db.pull_secret.v",
            "db.key.v",
        ] {
            assert_eq!(mapped("repo", secret, "none"), [], "{secret}");
            assert_eq!(mapped(secret, "v", "none"), [], "{secret}");
            assert_eq!(mapped("repo", "v", secret), [], "{secret}");
        }
    }

    #[test]
    fn mapping_with_the_name_of_a_found_image_hides_neither() {
        let values = json!({"app": {"image": "q/found:1"}, "other": {"repo": "q/mapped:1"}});
        let found = images(values, &[("repository.fluxcd.io/app", "other.repo")]);
        assert_eq!(found[0], pair("app", "q/mapped:1"));
        assert!(found[1].0.starts_with("app-"), "{found:?}");
        assert_eq!(found[1].1, "q/found:1");
    }
}
