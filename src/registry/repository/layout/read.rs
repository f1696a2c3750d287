//! Reads one layout and verifies its content.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, ImageIndexEntry, OCI_IMAGE_INDEX_MEDIA_TYPE, OciImageIndex,
};
use tokio::sync::OnceCell;

use crate::image::{CanonicalName, Digest, FetchFailure, FetchFailureKind, TagOrDigest};

use crate::registry::client::failure::RepositoryLabel;
use crate::registry::client::remote::RawManifest;
use crate::registry::client::transport::MAX_BODY;
use crate::registry::content::config::json_error;
use crate::registry::content::digest;
use crate::registry::content::manifest::Blob;
use crate::registry::repository::tags::TagList;
use crate::secrets::quote as clean;
use crate::user_file;

/// The annotation that contains a tag.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The most levels of nested indexes.
const MAX_DEPTH: usize = 4;
/// The most descriptors that are read in one layout.
const MAX_DESCRIPTORS: usize = 1_000_000;

/// Reads one layout, which contains one repository.
#[derive(Debug)]
pub(crate) struct LayoutReader {
    dir: PathBuf,
    place: RepositoryLabel,
    index: OnceCell<Result<BTreeMap<String, ImageIndexEntry>, FetchFailure>>,
}

impl LayoutReader {
    pub(crate) fn new(name: &CanonicalName, dir: PathBuf) -> Self {
        Self {
            dir,
            place: RepositoryLabel::new(name),
            index: OnceCell::new(),
        }
    }

    pub(crate) async fn tags(&self) -> Result<TagList, FetchFailure> {
        Ok(TagList::from_names(self.index().await?.keys()))
    }

    /// Returns the bytes of a manifest, verified against its digest.
    pub(crate) async fn manifest(
        &self,
        version: &TagOrDigest,
        size: Option<u64>,
    ) -> Result<RawManifest, FetchFailure> {
        let (digest, content_type) = match version {
            TagOrDigest::Digest(digest) => (digest.clone(), None),
            TagOrDigest::Tag(tag) => {
                let entry = self
                    .index()
                    .await?
                    .get(tag.as_str())
                    .ok_or_else(|| self.missing(format_args!("no tag {tag}")))?;
                let digest = entry.digest.parse().map_err(|error| {
                    self.place
                        .useless(format_args!("tag {tag} in {}: {error}", self.dir.display()))
                })?;
                (digest, Some(entry.media_type.clone()))
            }
        };
        let bytes = self.blob(&digest, size).await?;
        Ok(RawManifest {
            digest,
            content_type,
            last_modified: None,
            bytes,
        })
    }

    /// Returns the bytes of a config, verified against its digest.
    pub(crate) async fn config(&self, blob: &Blob) -> Result<Vec<u8>, FetchFailure> {
        self.blob(&blob.digest, blob.size).await
    }

    async fn blob(&self, digest: &Digest, size: Option<u64>) -> Result<Vec<u8>, FetchFailure> {
        let path = blob_path(&self.dir, digest);
        let wanted = digest.clone();
        let limit = size.map_or(MAX_BODY, |size| size.min(MAX_BODY));
        let read = tokio::task::spawn_blocking(move || {
            let bytes = read(&path, limit)?;
            if digest::matches(&wanted, &bytes) {
                Ok(bytes)
            } else {
                Err(LayoutReadError::Useless(format!(
                    "{} does not match its digest",
                    path.display()
                )))
            }
        });
        self.finish(read.await)
    }

    async fn index(&self) -> Result<&BTreeMap<String, ImageIndexEntry>, FetchFailure> {
        self.index
            .get_or_init(async || {
                let dir = self.dir.clone();
                self.finish(tokio::task::spawn_blocking(move || read_index(&dir)).await)
            })
            .await
            .as_ref()
            .map_err(Clone::clone)
    }

    fn finish<T>(
        &self,
        read: Result<Result<T, LayoutReadError>, tokio::task::JoinError>,
    ) -> Result<T, FetchFailure> {
        match read {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(LayoutReadError::Missing(path))) => {
                Err(self.missing(format_args!("no {}", path.display())))
            }
            Ok(Err(LayoutReadError::Useless(fault))) => Err(self.place.useless(format_args!(
                "the OCI layout cannot be read: {}",
                clean(&fault)
            ))),
            Err(_) => Err(self.place.useless("reading the OCI layout was interrupted")),
        }
    }

    fn missing(&self, what: impl std::fmt::Display) -> FetchFailure {
        self.place.failure(
            FetchFailureKind::NotFound,
            format_args!("the OCI layout {} has {what}", self.dir.display()),
        )
    }
}

/// Why a file could not be read.
#[derive(Debug)]
enum LayoutReadError {
    Missing(PathBuf),
    Useless(String),
}

/// Safe to join because a digest is a checked type: its parts are letters and digits.
fn blob_path(dir: &Path, digest: &Digest) -> PathBuf {
    let (algorithm, hex) = digest.as_str().split_once(':').unwrap_or_default();
    dir.join("blobs").join(algorithm).join(hex)
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, LayoutReadError> {
    user_file::read(path, limit).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => LayoutReadError::Missing(path.to_owned()),
        _ => {
            let reason = user_file::describe(&error);
            LayoutReadError::Useless(format!("{}: {reason}", path.display()))
        }
    })
}

/// Maps tags to descriptors. If a tag occurs twice, the last one counts, because some
/// tools only append.
fn read_index(dir: &Path) -> Result<BTreeMap<String, ImageIndexEntry>, LayoutReadError> {
    let mut tags = BTreeMap::new();
    let mut open = vec![(0, dir.join("index.json"), None::<Digest>)];
    let mut seen = 0;
    while let Some((depth, path, expected)) = open.pop() {
        let bytes = read(&path, MAX_BODY)?;
        if expected.is_some_and(|expected| !digest::matches(&expected, &bytes)) {
            let path = path.display();
            return Err(LayoutReadError::Useless(format!(
                "{path} does not match its digest"
            )));
        }
        let index: OciImageIndex = serde_json::from_slice(&bytes).map_err(|error| {
            LayoutReadError::Useless(format!("{}: {}", path.display(), json_error(&error)))
        })?;
        for entry in index.manifests {
            seen += 1;
            if seen > MAX_DESCRIPTORS {
                return Err(LayoutReadError::Useless(format!(
                    "more than {MAX_DESCRIPTORS} images"
                )));
            }
            let annotations = entry.annotations.as_ref();
            let is_index = matches!(
                entry.media_type.as_str(),
                OCI_IMAGE_INDEX_MEDIA_TYPE | IMAGE_MANIFEST_LIST_MEDIA_TYPE
            );
            match annotations.and_then(|annotations| annotations.get(REF_NAME)) {
                Some(name) => drop(tags.insert(name.clone(), entry)),
                None if is_index && depth < MAX_DEPTH => {
                    // An index that is missing has no tags.
                    if let Ok(digest) = entry.digest.parse::<Digest>() {
                        let path = blob_path(dir, &digest);
                        if path.is_file() {
                            open.push((depth + 1, path, Some(digest)));
                        }
                    }
                }
                None => {}
            }
        }
    }
    Ok(tags)
}
