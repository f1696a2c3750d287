//! Harbor, on any host: its API is on the same host as the registry.
//!
//! A Harbor is detected by its challenge to the first request: a token of the service
//! `harbor-registry` from `/service/token` on the same host. So the detection sends
//! no requests to other registries.
//!
//! Its API takes the password itself, or no credentials for a public project. It is
//! sent the password that the registry has accepted. The token endpoint on the same
//! host has already seen it, so this discloses nothing. Robot accounts may not be
//! allowed to list artifacts (403); then there are no push times.
//!
//! A proxy project serves the images of another registry, but lists what it has
//! cached, and a tag may have moved since then. So the project is checked first.

use std::borrow::Cow;

use http::HeaderValue;
use jiff::Timestamp;
use reqwest::Url;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::pages::{self, PAGE_SIZE, PushTimePage, malformed};
use super::times::{NoPushTimes, PushTimes, PushedTag};
use crate::registry::client::auth::Challenge;
use crate::registry::client::remote::Remote;
use crate::registry::client::transport::authority;

/// The service name in the challenge of a Harbor.
const SERVICE: &str = "harbor-registry";
/// The path of its token endpoint.
const TOKENS: &str = "/service/token";

#[derive(Deserialize)]
struct Project {
    /// The registry that a proxy project caches; 0 or missing for other projects.
    registry_id: Option<i64>,
}

#[derive(Deserialize)]
struct HarborArtifact<'a> {
    #[serde(borrow)]
    digest: Option<Cow<'a, str>>,
    push_time: Option<Timestamp>,
    #[serde(borrow)]
    tags: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct HarborTag<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    push_time: Option<Timestamp>,
}

/// Whether the challenge shows that the registry at `base` is a Harbor.
pub(crate) fn is_harbor(challenge: &Challenge, base: &Url) -> bool {
    let Challenge::Bearer { realm, service, .. } = challenge else {
        return false;
    };
    service.as_deref() == Some(SERVICE)
        && Url::parse(realm)
            .is_ok_and(|realm| realm.origin() == base.origin() && realm.path() == TOKENS)
}

/// Fetches the push times of a repository that is public or that the accepted
/// password can read.
pub(crate) async fn push_times(remote: &Remote, base: &Url) -> Result<PushTimes, NoPushTimes> {
    let host = authority(base);
    let Some((project, repository)) = remote.name().repository().split_once('/') else {
        return Err(NoPushTimes::NoAddress { host });
    };
    let mut project_url = base.clone();
    project_url.set_path(&format!("{}api/v2.0/projects/{project}", base.path()));
    // Send the password only to the host that has accepted it.
    let is_own = remote
        .base()
        .await
        .is_some_and(|own| own.origin() == base.origin());
    let password = if is_own {
        remote.accepted_password().await
    } else {
        None
    };
    let password = password.as_ref();
    if is_proxy(remote, password, project_url.clone()).await? {
        return Err(NoPushTimes::Proxy { host });
    }
    let mut url = project_url.clone();
    // A slash in a name is encoded twice because Harbor decodes twice.
    url.set_path(&format!(
        "{}/repositories/{}/artifacts",
        project_url.path(),
        repository.replace('/', "%252F")
    ));
    let query = format!("q=tags%3D*&with_tag=true&page_size={PAGE_SIZE}");
    url.set_query(Some(&query));
    pages::fetch_all(remote, password, &url, parse).await
}

/// Whether a project is a proxy of another registry.
async fn is_proxy(
    remote: &Remote,
    password: Option<&HeaderValue>,
    url: Url,
) -> Result<bool, NoPushTimes> {
    let (host, answer) = pages::fetch(remote, password, url).await?;
    let project: Project =
        serde_json::from_slice(&answer.body).map_err(|error| malformed(host, &error))?;
    Ok(project.registry_id.is_some_and(|id| id != 0))
}

fn parse(body: &[u8]) -> serde_json::Result<PushTimePage> {
    let artifacts: Vec<&RawValue> = serde_json::from_slice(body)?;
    let more = artifacts.len() >= PAGE_SIZE;
    let listed = pages::valid_entries(artifacts).flat_map(|artifact: HarborArtifact<'_>| {
        let tags = pages::valid_entries(artifact.tags.unwrap_or_default());
        let listed = tags.filter_map(|tag: HarborTag<'_>| {
            // The time of the tag, or if it is missing, that of its artifact.
            let time = tag.push_time.or(artifact.push_time);
            PushedTag::new(&tag.name, artifact.digest.as_deref(), [time])
        });
        listed.collect::<Vec<_>>()
    });
    Ok(PushTimePage {
        tags: listed.collect(),
        more,
    })
}
