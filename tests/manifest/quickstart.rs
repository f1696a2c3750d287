//! The files of the quick start are consistent.

use std::fs;
use std::path::Path;

use kubectl_imgpolicy::files::{PathOrStdin, read_from};
use kubectl_imgpolicy::image::ImageReference;
use serde_json::Value;

const QUICKSTART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/quickstart");

fn json(path: &Path) -> Value {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).expect("JSON")
}

#[test]
fn all_manifests_are_found_without_recursion() {
    let folder = PathOrStdin::Path(Path::new(QUICKSTART).join("manifests"));
    let listing = read_from(&[folder], false, "default", &mut std::io::empty());
    let rows: Vec<String> = listing
        .workloads
        .iter()
        .flat_map(|w| {
            w.containers
                .iter()
                .map(move |c| format!("{} {} {}", w.id, c.name, c.image))
        })
        .collect();
    assert_eq!(
        rows,
        [
            "deployment/timestamp app docker.io/org/my-app:1.0.0",
            "deployment/semver app docker.io/org/my-app:1.0.0",
            "deployment/glob-regex sidecar docker.io/org/my-proxy:stg-4s7bsgv",
            "deployment/glob-regex app docker.io/org/my-app:dev-9e3bdaf",
            "deployment/my-app my-app my-registry.com/my-app:v1.2.3",
            "deployment/locked app docker.io/org/my-app:1.0.0",
        ]
    );
    let names: Vec<_> = listing
        .objects
        .iter()
        .map(|(_, object)| &object["metadata"]["name"])
        .collect();
    assert_eq!(names, ["my-app-deployment"]);
    assert!(listing.errors.is_empty(), "{:?}", listing.errors);
}

#[test]
fn every_image_in_the_manifests_is_in_the_layouts() {
    let folder = PathOrStdin::Path(Path::new(QUICKSTART).join("manifests"));
    let listing = read_from(&[folder], false, "default", &mut std::io::empty());
    let containers = listing.workloads.iter().flat_map(|w| &w.containers);
    for container in containers {
        let image: ImageReference = container.image.parse().expect("a reference");
        let (name, tag) = container.image.rsplit_once(':').expect("a tag");
        assert_eq!(image.to_string(), container.image);
        let layout = Path::new(QUICKSTART).join("images").join(name);
        let index = json(&layout.join("index.json"));
        let entry = index["manifests"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|entry| entry["annotations"]["org.opencontainers.image.ref.name"] == tag)
            .unwrap_or_else(|| panic!("{} has no {tag}", layout.display()));
        let blob = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().expect("a digest");
            json(&layout.join("blobs").join(digest.replace(':', "/")))
        };
        let config = blob(&blob(entry)["config"]);
        assert!(config["created"].is_string(), "{}", container.image);
    }
}
