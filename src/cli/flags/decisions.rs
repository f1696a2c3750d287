//! The flags that change decisions.

use clap::Args;
use jiff::SignedDuration;

use super::elected::ElectedFlag;
use crate::cli::error::CommandError;
use crate::evaluator::Settings;
use crate::image::{ImageReference, Platform};
use crate::policy::{Assume, Glob, MinAgeClock, Rule, parse_age};

/// Flags that change decisions, including those on containers without a policy.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Decisions")]
pub(crate) struct PolicyFlags {
    /// Evaluate containers without a policy as if they had this policy; auto chooses a policy that
    /// fits the running tag
    #[arg(long, value_name = "auto|TYPE:EXPR")]
    assume: Option<String>,

    #[command(flatten)]
    decisions: DecisionFlags,
}

/// Flags that change the decisions of policies.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Decisions")]
pub(crate) struct DecisionFlags {
    /// Only elect images that are at least this old, such as 72h or 3d
    #[arg(long, value_name = "DURATION", value_parser = parse_age)]
    min_age: Option<SignedDuration>,

    #[command(flatten)]
    gate: GateFlags,

    /// Platforms that the workloads run on, such as linux/amd64, instead of those of the cluster's
    /// nodes; repeatable
    #[arg(long, value_name = "OS/ARCH")]
    platform: Vec<Platform>,

    /// Allow images older (lower) than the running one
    #[arg(long)]
    allow_downgrade: bool,

    /// Allow a different variant from the running one, such as 1.25.4 for 1.25.3-alpine
    #[arg(long)]
    allow_variant: bool,

    /// Only evaluate images whose name matches, as in 'ghcr.io/*'; repeatable
    #[arg(long, value_name = "GLOB", value_parser = image_glob)]
    include_image: Vec<String>,

    /// Skip images whose name matches, as in '*/nginx'; repeatable
    #[arg(long, value_name = "GLOB", value_parser = image_glob)]
    exclude_image: Vec<String>,

    #[command(flatten)]
    pub(crate) elected: ElectedFlag,
}

/// Flags about the checks that an elected image must pass.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Decisions")]
pub(crate) struct GateFlags {
    /// Which clock the minimum age uses: registry (the push time or Last-Modified, otherwise the
    /// time when the cache first saw the image) or image (the date in the image, which its author
    /// can set freely)
    #[arg(long, value_name = "registry|image")]
    pub(crate) min_age_clock: Option<MinAgeClock>,

    /// How many of the best tags may be rejected for their platform, age or content before the
    /// search ends [default: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    max_candidates: Option<u16>,
}

impl GateFlags {
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            min_age_clock: self.min_age_clock,
            max_candidates: self.max_candidates.map(usize::from),
            ..Settings::default()
        }
    }
}

impl PolicyFlags {
    /// No flag except `--assume`.
    pub(crate) fn assuming(assume: &str) -> Self {
        Self {
            assume: Some(assume.to_owned()),
            decisions: DecisionFlags::default(),
        }
    }

    pub(crate) fn settings(&self) -> Result<Settings, CommandError> {
        if let Some(assume) = &self.assume {
            assume
                .parse::<Assume>()
                .map_err(|error| CommandError::failed(format!("--assume {assume:?}: {error}")))?;
        }
        Ok(Settings {
            assume: self.assume.clone(),
            ..self.decisions.settings()
        })
    }

    /// A warning with the probable meaning of `--assume`, if it matches nothing.
    pub(crate) fn likely_typo(&self) -> Option<String> {
        let assume = self.assume.as_deref().filter(|assume| *assume != "auto")?;
        typo_warning("--assume", assume)
    }

    pub(crate) fn assumes(&self) -> bool {
        self.assume.is_some()
    }
}

impl DecisionFlags {
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            assume: None,
            min_age: self.min_age,
            platforms: self.platform.clone(),
            allow_downgrade: self.allow_downgrade,
            allow_variant_change: self.allow_variant,
            include_images: self.include_image.clone(),
            exclude_images: self.exclude_image.clone(),
            image: None,
            elected: self.elected.elected(),
            ..self.gate.settings()
        }
    }
}

/// Parses a glob on canonical image names. A glob without `*` must be a canonical name,
/// because anything else would silently match nothing.
fn image_glob(text: &str) -> Result<String, String> {
    let glob = Glob::new(text).map_err(|error| error.to_string())?;
    if !glob.is_exact() {
        return Ok(text.to_owned());
    }
    match text.parse::<ImageReference>() {
        Ok(image) if image.canonical().to_string() == text => Ok(text.to_owned()),
        Ok(image) => Err(format!(
            "use the full image name without a tag: {}",
            image.canonical()
        )),
        Err(error) => Err(error.to_string()),
    }
}

/// A warning about a policy that is parsed as a glob and matches nothing.
pub(crate) fn typo_warning(flag: &str, text: &str) -> Option<String> {
    let meant = Rule::likely_typo(text)?;
    Some(format!(
        "warning: {flag} {text:?} is read as a glob; did you mean {meant:?}?"
    ))
}
