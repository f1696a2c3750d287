#!/usr/bin/env python3
"""Writes the images of the quick start: OCI image layouts without layers.

    docs/quickstart/make-images.py [DIR]

DIR is `images` beside this script unless given. The output depends on nothing
but the table below, so that `make docs-check` can compare it byte for byte.
Only what the table asks for is written; anything else in DIR is removed.
"""

import hashlib
import json
import pathlib
import shutil
import sys

# Repository -> tag -> when the image was built. What follows the time of creation
# follows the last of these: of my-app it is 9e3bdaf, so that 01-timestamp.yaml has
# an update whose tag is no version.
IMAGES = {
    "docker.io/org/my-app": {
        "1.0.0": "2026-03-02T09:00:00Z",
        "1.0.1": "2026-04-13T09:00:00Z",
        "1.2.0": "2026-05-04T09:00:00Z",
        "dev-9e3bdaf": "2026-05-18T14:20:00Z",
        "dev-b81c2f0": "2026-06-01T16:45:00Z",
        "dev-04d7e6a": "2026-06-08T10:05:00Z",
        "9e3bdaf": "2026-06-15T08:30:00Z",
        "latest": "2026-05-04T09:00:00Z",
    },
    "docker.io/org/my-proxy": {
        "stg-4s7bsgv": "2026-04-20T11:00:00Z",
        "stg-k2x9d1m": "2026-05-26T11:00:00Z",
        "prod-7q0w3ze": "2026-06-10T11:00:00Z",
    },
    "my-registry.com/my-app": {
        "v1.2.3-beta.1": "2026-02-23T07:00:00Z",
        "v1.2.3": "2026-03-09T07:00:00Z",
        "v1.2.4": "2026-04-27T07:00:00Z",
        "v1.3.0-rc.1": "2026-05-25T07:00:00Z",
        "v2.0.0": "2026-06-12T07:00:00Z",
    },
}
# latest is the same image as another tag, as it is in life until it moves.
SAME_AS = {("docker.io/org/my-app", "latest"): "1.2.0"}

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def to_bytes(value):
    return (json.dumps(value, indent=2) + "\n").encode()


def add_blob(layout, media_type, value):
    """Writes a value under its digest and returns its descriptor."""
    data = to_bytes(value)
    digest = hashlib.sha256(data).hexdigest()
    path = layout / "blobs" / "sha256" / digest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def add_image(layout, repository, tag, created):
    platform = {"architecture": "amd64", "os": "linux"}
    version = SAME_AS.get((repository, tag), tag)
    config = {
        "created": created,
        **platform,
        "config": {"Labels": {"org.opencontainers.image.version": version}},
        "rootfs": {"type": "layers", "diff_ids": []},
        "history": [],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": add_blob(layout, CONFIG, config),
        "layers": [],
    }
    return {
        **add_blob(layout, MANIFEST, manifest),
        "platform": platform,
        "annotations": {"org.opencontainers.image.ref.name": tag},
    }


def main():
    here = pathlib.Path(__file__).resolve().parent
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "images"
    shutil.rmtree(root, ignore_errors=True)
    for repository, tags in IMAGES.items():
        layout = root / repository
        layout.mkdir(parents=True)
        images = [add_image(layout, repository, tag, day) for tag, day in tags.items()]
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": images}
        (layout / "index.json").write_bytes(to_bytes(index))
        (layout / "oci-layout").write_bytes(to_bytes({"imageLayoutVersion": "1.0.0"}))


if __name__ == "__main__":
    main()
