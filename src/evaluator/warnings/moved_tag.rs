//! Whether the Pods run what the tag serves now.
//!
//! Depending on the container runtime, a Pod's `imageID` is the digest of the index,
//! of a platform's manifest, or of a config. All three belong to the image. Only
//! another digest shows that the tag has moved.

use crate::evaluator::input::EvaluationInput;
use crate::image::{Digest, Fact, Known, TagOrDigest};
use crate::policy::{Warning, WarningCode};
use crate::workload::RunningImage;

/// The warning, if the tag has moved.
///
/// # Errors
///
/// This fact must be known first.
pub(crate) fn check(input: &EvaluationInput<'_>) -> Result<Option<Warning>, Fact> {
    let ids: Vec<&RunningImage> = input
        .context
        .running
        .iter()
        .filter(|r| r.digest.is_some())
        .collect();
    // A digest in the manifest cannot move.
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
        // It cannot be known; the row's own reason reports the failure.
        Some(Known::Failed(_)) => return Ok(None),
    };
    if foreign(&ids, &[served]).is_empty() {
        return Ok(None);
    }
    let members = match image.map(|image| &image.members) {
        None | Some(Known::NotAsked) => return Err(Fact::Members(version)),
        Some(Known::Value(members)) => members,
        Some(Known::Failed(_)) => return Ok(None),
    };
    let mut known = vec![served];
    known.extend(members.iter().map(|member| &member.manifest));
    if foreign(&ids, &known).is_empty() {
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
    let foreign = foreign(&ids, &known);
    Ok((!foreign.is_empty())
        .then(|| warning(input.context.running, &foreign, tag.as_str(), served)))
}

/// The running images whose digest is none of the known ones.
fn foreign<'r>(ids: &[&'r RunningImage], known: &[&Digest]) -> Vec<&'r RunningImage> {
    ids.iter()
        .copied()
        .filter(|running| {
            let digest = running.digest.as_ref();
            digest.is_none_or(|digest| !known.contains(&digest))
        })
        .collect()
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

/// The warning if the Pods run different digests and no registry was asked what the
/// tag serves. In that case, it is unknown whether the digests belong to one image.
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
