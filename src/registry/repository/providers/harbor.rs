//! Harbor, on any host: its API is the registry's neighbour.
//!
//! A Harbor is known by the challenge with which it meets every first request:
//! a token of the service `harbor-registry` from `/service/token` on the same
//! host. So no other registry is asked anything for it.
//!
//! Its API takes the password itself, or nothing for a public project. It is
//! shown the password that the registry has accepted: the token endpoint on this
//! very host has seen it, so nobody learns anything new. Robot accounts may lack
//! the right to list artifacts (403): then there are no push times.
//!
//! A proxy project serves what another registry serves, and lists what it has
//! cached: a tag may have moved since. So the project is asked for first.

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

/// How a Harbor calls itself to its token endpoint.
const SERVICE: &str = "harbor-registry";
/// Where its token endpoint is.
const TOKENS: &str = "/service/token";

#[derive(Deserialize)]
struct Project {
    /// The registry that a proxy project caches; 0 or missing: none.
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

/// Whether the registry at `base` is a Harbor, by its challenge.
pub(crate) fn is_known_by(challenge: &Challenge, base: &Url) -> bool {
    let Challenge::Bearer { realm, service, .. } = challenge else {
        return false;
    };
    service.as_deref() == Some(SERVICE)
        && Url::parse(realm)
            .is_ok_and(|realm| realm.origin() == base.origin() && realm.path() == TOKENS)
}

/// The push times of a repository that is public or that the password opens.
pub(crate) async fn push_times(remote: &Remote, base: &Url) -> Result<PushTimes, NoPushTimes> {
    let host = authority(base);
    let Some((project, repository)) = remote.name().repository().split_once('/') else {
        return Err(NoPushTimes::NoAddress { host });
    };
    let mut project_url = base.clone();
    project_url.set_path(&format!("{}api/v2.0/projects/{project}", base.path()));
    // Only the host that has let it in is shown it again.
    let is_own = remote
        .base()
        .await
        .is_some_and(|own| own.origin() == base.origin());
    let password = match is_own {
        true => remote.accepted_password().await,
        false => None,
    };
    let password = password.as_ref();
    if is_cache(remote, password, project_url.clone()).await? {
        return Err(NoPushTimes::Cached { host });
    }
    let url = |page: usize| {
        let mut url = project_url.clone();
        // A slash in a name is encoded twice, since Harbor decodes twice.
        url.set_path(&format!(
            "{}/repositories/{}/artifacts",
            project_url.path(),
            repository.replace('/', "%252F")
        ));
        url.set_query(Some(&format!(
            "q=tags%3D*&with_tag=true&page_size={PAGE_SIZE}&page={page}"
        )));
        url
    };
    pages::read(remote, password, url, parse).await
}

/// Whether a project caches another registry.
async fn is_cache(
    remote: &Remote,
    password: Option<&HeaderValue>,
    url: Url,
) -> Result<bool, NoPushTimes> {
    let (host, answer) = pages::get(remote, password, url).await?;
    let project: Project =
        serde_json::from_slice(&answer.body).map_err(|error| malformed(host, &error))?;
    Ok(project.registry_id.is_some_and(|id| id != 0))
}

fn parse(body: &[u8]) -> serde_json::Result<PushTimePage> {
    let artifacts: Vec<&RawValue> = serde_json::from_slice(body)?;
    let more = artifacts.len() >= PAGE_SIZE;
    let listed = pages::sound(artifacts).flat_map(|artifact: HarborArtifact<'_>| {
        let tags = pages::sound(artifact.tags.unwrap_or_default());
        let listed = tags.filter_map(|tag: HarborTag<'_>| {
            // The tag's own time; where it is missing, that of what it serves.
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
