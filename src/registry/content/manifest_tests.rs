//! Parsing manifests and indexes.

use super::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn parse(text: &str, content_type: Option<&str>) -> Result<Manifest, ManifestError> {
    Manifest::parse(text.replace('D', DIGEST).as_bytes(), content_type)
}

fn blob(size: Option<u64>) -> Blob {
    Blob {
        digest: DIGEST.parse().expect("digest"),
        size,
    }
}

#[test]
fn manifest_type_is_its_own_or_the_response_type_or_derived() {
    let config = r#""config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"D","size":7}"#;
    for (text, content_type) in [
        (
            format!(r#"{{"schemaVersion":2,{config},"layers":[]}}"#),
            None,
        ),
        (
            format!("{{{config}}}"),
            Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
        ),
        (
            format!(
                r#"{{"mediaType":"application/vnd.docker.distribution.manifest.v2+json",{config}}}"#
            ),
            Some("text/plain"),
        ),
    ] {
        assert_eq!(
            parse(&text, content_type),
            Ok(Manifest::Image(ImageManifest {
                config: blob(Some(7)),
                created: None,
            })),
            "{text}"
        );
    }
}

#[test]
fn index_keeps_images_and_drops_attestations_and_layers() {
    let index = r#"{"manifests":[
        {"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"D","size":5,"platform":{"os":"linux","architecture":"arm64","variant":"v8"},
         "annotations":{"org.opencontainers.image.created":"2026-01-02T03:04:05Z","odd":7}},
        {"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"D","size":5,"platform":{"os":"unknown","architecture":"unknown"}},
        {"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"D","size":5,"annotations":{"vnd.docker.reference.type":"attestation-manifest"}},
        {"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"D","size":5},
        {"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"a/b","digest":"D","size":5,"platform":{"os":"linux","architecture":"amd64"}},
        {"digest":"D","size":-1,"platform":{"os":"","architecture":""}}],
        "annotations":{"org.opencontainers.image.created":"2026-02-03T04:05:06Z"}}"#;
    let entry = |size, platform: &str, is_image| IndexEntry {
        manifest: blob(size),
        platform: platform.parse().ok(),
        is_image,
        created: None,
    };
    let first = IndexEntry {
        created: "2026-01-02T03:04:05Z".parse().ok(),
        ..entry(Some(5), "linux/arm64", true)
    };
    assert_eq!(
        parse(index, None),
        Ok(Manifest::Index(ImageIndex {
            entries: vec![
                first,
                entry(Some(5), "linux/amd64", false),
                entry(None, "", false),
            ],
            created: "2026-02-03T04:05:06Z".parse().ok(),
        }))
    );
}

#[test]
fn index_may_have_up_to_a_thousand_entries() {
    let error_for = |count: usize| {
        let entry = r#"{"digest":"D","size":5}"#;
        let entries = vec![entry; count].join(",");
        parse(&format!(r#"{{"manifests":[{entries}]}}"#), None).err()
    };
    assert_eq!(error_for(1000), None);
    assert_eq!(error_for(1001), Some(ManifestError::TooManyEntries(1001)));
}

#[test]
fn manifest_that_is_not_an_image_gives_a_reason() {
    let oci = "application/vnd.oci.image.config.v1+json";
    let docker = "application/vnd.docker.container.image.v1+json";
    let layer = "application/vnd.oci.image.layer.v1.tar";
    let manifest = |config: &str, layers: &[&str], more: &str| {
        let layers: Vec<String> = layers
            .iter()
            .map(|layer| format!(r#"{{"mediaType":"{layer}","digest":"D","size":1}}"#))
            .collect();
        let layers = layers.join(",");
        let text = format!(
            r#"{{"config":{{"mediaType":"{config}","digest":"D","size":1}},"layers":[{layers}]{more}}}"#
        );
        match parse(&text, None) {
            Ok(Manifest::Image(_)) => String::new(),
            Ok(Manifest::Artifact(artifact)) => artifact.why,
            other => panic!("{text}: {other:?}"),
        }
    };
    for (config, layers, more, expected) in [
        (oci, &[][..], "", ""),
        (docker, &[], "", ""),
        (oci, &[layer], "", ""),
        (
            oci,
            &["application/vnd.oci.image.layer.v1.tar+zstd"],
            "",
            "",
        ),
        (
            oci,
            &["application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"],
            "",
            "",
        ),
        (
            oci,
            &["application/vnd.oci.image.layer.v1.tar+gzip+encrypted"],
            "",
            "",
        ),
        (
            docker,
            &["application/vnd.docker.image.rootfs.diff.tar.gzip"],
            "",
            "",
        ),
        (
            docker,
            &["application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"],
            "",
            "",
        ),
        (oci, &[layer], r#","artifactType":"""#, ""),
        (oci, &[layer], r#","subject":null"#, ""),
        (
            "application/vnd.cncf.helm.config.v1+json",
            &["application/vnd.cncf.helm.chart.content.v1.tar+gzip"],
            "",
            "its config has the type application/vnd.cncf.helm.config.v1+json",
        ),
        (
            "application/vnd.unknown.config.v1+json",
            &[],
            "",
            "its config has the type application/vnd.unknown.config.v1+json",
        ),
        (
            "application/vnd.cncf.flux.config.v1+json",
            &[],
            "",
            "its config has the type application/vnd.cncf.flux.config.v1+json",
        ),
        (
            oci,
            &["application/vnd.dev.cosign.simplesigning.v1+json"],
            "",
            "it has a layer of the type application/vnd.dev.cosign.simplesigning.v1+json",
        ),
        (
            oci,
            &[layer, "application/vnd.in-toto+json"],
            "",
            "it has a layer of the type application/vnd.in-toto+json",
        ),
        (
            oci,
            &[layer],
            r#","artifactType":"application/spdx+json""#,
            "it is an artifact of the type application/spdx+json",
        ),
        (
            oci,
            &[layer],
            r#","subject":{"digest":"D"}"#,
            "it belongs to another image, its subject",
        ),
        (
            "application/octet-stream",
            &[],
            "",
            "its config has the type application/octet-stream",
        ),
        ("a\\u001b[31m", &[], "", "its config has the type a [31m"),
    ] {
        assert_eq!(
            manifest(config, layers, more),
            expected,
            "{config} {layers:?} {more}"
        );
    }
}

#[test]
fn invalid_manifest_gives_a_reason() {
    for (text, expected) in [
        ("<html>", "not JSON"),
        ("{", "ends too early"),
        (r#"{"schemaVersion":1,"fsLayers":[]}"#, "schema 1"),
        ("{}", "not a manifest"),
        (r#"{"manifests":{}}"#, "wrong type"),
        (
            r#"{"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"../../etc/passwd"}}"#,
            "invalid digest",
        ),
    ] {
        let error = parse(text, None).expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}
