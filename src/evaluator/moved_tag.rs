//! Whether the Pods run what the tag serves now.
//!
//! A Pod's `imageID` may name the index, the manifest of a platform, or the
//! config, depending on the runtime. All three belong to the image; only an id
//! that is none of them shows that the tag has moved.

use super::input::EvaluationInput;
use crate::image::{Digest, Fact, Known, TagOrDigest};
use crate::policy::{Warning, WarningCode};
use crate::workload::RunningImage;

/// The warning, if there is one, or what has to be asked to tell.
pub(crate) fn check(input: &EvaluationInput<'_>) -> Result<Option<Warning>, Fact> {
    // A digest in the manifest cannot move.
    let ids: Vec<&RunningImage> = input
        .context
        .running
        .iter()
        .filter(|r| r.digest.is_some())
        .collect();
    let is_by_tag = input.image.digest().is_none();
    let Some(tag) = input.running.as_ref().filter(|_| is_by_tag) else {
        return Ok(None);
    };
    if ids.is_empty() {
        return Ok(None);
    }
    let version = TagOrDigest::Tag(tag.clone());
    let image = input.metadata.image(&version);
    let served = match image.map(|image| &image.digest) {
        None | Some(Known::NotAsked) => return Err(Fact::Digest(version)),
        Some(Known::Value(digest)) => digest,
        // Nothing can be said; the row's own reason tells of the registry.
        Some(Known::Failed(_)) => return Ok(None),
    };
    let foreign = |known: &[&Digest]| -> Vec<&RunningImage> {
        let is_known = |r: &RunningImage| r.digest.as_ref().is_some_and(|d| known.contains(&d));
        ids.iter().copied().filter(|r| !is_known(r)).collect()
    };
    if foreign(&[served]).is_empty() {
        return Ok(None);
    }
    let members = match image.map(|image| &image.members) {
        None | Some(Known::NotAsked) => return Err(Fact::Members(version)),
        Some(Known::Value(members)) => members,
        Some(Known::Failed(_)) => return Ok(None),
    };
    let mut known = vec![served];
    known.extend(members.iter().map(|member| &member.manifest));
    if foreign(&known).is_empty() {
        return Ok(None);
    }
    let configs: Vec<&Digest> = members
        .iter()
        .filter_map(|member| member.config.as_ref())
        .collect();
    // A config that was requested and is still missing could not be fetched.
    let is_asked = image.is_some_and(|image| image.configs_asked);
    if configs.len() < members.len() && !is_asked {
        return Err(Fact::Configs(version));
    }
    known.extend(configs);
    let foreign = foreign(&known);
    Ok((!foreign.is_empty())
        .then(|| warning(input.context.running, &foreign, tag.as_str(), served)))
}

fn warning(
    running: &[RunningImage],
    foreign: &[&RunningImage],
    tag: &str,
    served: &Digest,
) -> Warning {
    let pods: usize = running.iter().map(|r| r.pods).sum();
    let strays: usize = foreign.iter().map(|r| r.pods).sum();
    let digest = foreign
        .iter()
        .find_map(|r| r.digest.as_ref())
        .map_or_else(String::new, Digest::short);
    let served = served.short();
    let who = if strays == pods {
        "the Pods run".to_owned()
    } else {
        format!("{strays} of {pods} Pods run")
    };
    Warning::new(
        WarningCode::MovedTag,
        format!("{who} {digest}, and {tag} now serves {served}: the tag has moved"),
    )
}

/// Whether the Pods differ among each other where no registry was asked what the
/// tag serves: of several digests one image's parts cannot be told apart then.
pub(crate) fn mixed(running: &[RunningImage]) -> Option<Warning> {
    let mut known: Vec<&RunningImage> = running.iter().filter(|r| r.digest.is_some()).collect();
    if known.len() < 2 {
        return None;
    }
    known.sort_by(|a, b| b.pods.cmp(&a.pods).then_with(|| a.digest.cmp(&b.digest)));
    let pods: usize = running.iter().map(|r| r.pods).sum();
    let parts: Vec<String> = known
        .iter()
        .filter_map(|r| {
            Some(format!(
                "{} of {pods} Pods run {}",
                r.pods,
                r.digest.as_ref()?.short()
            ))
        })
        .collect();
    Some(Warning::new(WarningCode::MixedImages, parts.join(", ")))
}
