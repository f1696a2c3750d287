//! `registry.k8s.io`: all requests are redirected, manifests and tag lists to Google's
//! registry of a region, under another path and without their query, and blobs to
//! buckets. Only `/v2/` is answered, with a challenge for a token that allows nothing.
//! Google's tag lists describe the manifests.

use serde_json::json;

use super::*;

/// Where the images are at Google.
const UPSTREAM: &str = "k8s-artifacts-prod/images/org/app";

/// `registry.k8s.io`, Google's registry, and a bucket.
fn start() -> [TestRegistry; 3] {
    let [front, upstream, bucket] = [(); 3].map(|()| TestRegistry::start());
    fill_repository(&[&upstream, &bucket], UPSTREAM);
    let images = format!("{}/v2/k8s-artifacts-prod/images/", upstream.url());
    front.require(service(
        "/token",
        "registry.k8s.io",
        TokenRefusal::EmptyToken,
    ));
    front.root(401);
    front.redirect("/v2/", "/v2/", &images);
    let blobs = format!("{}/v2/{UPSTREAM}/blobs/", bucket.url());
    upstream.redirect("/blobs/", "/blobs/", &blobs);
    let newest = upstream.push(
        UPSTREAM,
        "1.2.0",
        Image::built("2024-03-01T00:00:00Z").label("1.2.0"),
    );
    bucket.push(
        UPSTREAM,
        "1.2.0",
        Image::built("2024-03-01T00:00:00Z").label("1.2.0"),
    );
    upstream.describe(
        UPSTREAM,
        json!({newest: {"tag": ["1.2.0"], "imageSizeBytes": "7", "layerId": "",
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "timeCreatedMs": "1709251200000", "timeUploadedMs": "1709251300000"}}),
    );
    [front, upstream, bucket]
}

#[test]
fn registry_k8s_io_is_scanned_through_its_redirects() {
    let [front, upstream, bucket] = &start();
    let semver = scan(options(), (PUBLIC, "semver:^1"), [front, upstream, bucket]);
    // The tag list, the elected manifest, and its config for the platform.
    assert_eq!(semver, (NEWEST.to_owned(), [3, 3, 1]));
    assert_eq!(upstream.requests()[0].query, "signature=abc");
    let by_time = scan(options(), (PUBLIC, "glob:*"), [front, upstream, bucket]);
    // The newest tag is a single image, so it has one request less.
    assert_eq!(by_time, (NEWEST.to_owned(), [9, 9, 3]));
}

#[test]
fn registry_k8s_io_pages_are_read_from_the_region_that_answered() {
    let [front, upstream, bucket] = &start();
    upstream.page_size(1);
    let semver = scan(options(), (PUBLIC, "semver:^1"), [front, upstream, bucket]);
    assert_eq!(semver, (NEWEST.to_owned(), [3, 5, 1]));
}

#[test]
fn registry_k8s_io_credentials_stay_at_the_host_that_they_are_for() {
    let [front, upstream, bucket] = &start();
    let (_config, options) = login(front);
    let hosts = [front, upstream, bucket];
    let public = scan(options.clone(), (PUBLIC, "semver:^1"), hosts);
    assert_eq!(public, (NEWEST.to_owned(), [3, 3, 1]));
    assert!(!hosts.into_iter().any(has_credentials));
    // Google's registry hides what does not exist.
    upstream.fault("/images/team/", Fault::Error(403, "DENIED"));
    let decision = decide(options, &front.image(PRIVATE), "semver:^1");
    assert_eq!(said(&decision), "unknown unauthorized -");
    let named = format!("{}, to which the registry redirects", upstream.host());
    assert!(decision.message.contains(&named), "{}", decision.message);
    assert!(!has_credentials(upstream) && !has_credentials(bucket));
}
