//! Parses the configs of images.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::MapAccess;

use crate::image::{CodeVersion, Platform};

use super::lenient::{Excerpt, Fields, Text};

/// The annotation and the label that contain the build time.
pub(crate) const CREATED: &str = "org.opencontainers.image.created";
/// The older label for the build time.
const BUILD_DATE: &str = "org.label-schema.build-date";
/// The label with the address of the source code.
const SOURCE: &str = "org.opencontainers.image.source";
/// The label with the version of the source code.
const REVISION: &str = "org.opencontainers.image.revision";
/// How Go prints a time that was not set.
const GO_ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// The relevant fields of a config.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Config {
    pub(crate) created: Option<Timestamp>,
    /// The build time in its labels.
    pub(crate) label: Option<Timestamp>,
    pub(crate) platform: Option<Platform>,
    /// What it was built from, by its labels.
    pub(crate) code: Option<CodeVersion>,
}

/// The settings of the container in a config.
#[derive(Default)]
struct ContainerSettings {
    labels: BuildLabels,
}

/// The labels that are read.
#[derive(Default)]
struct BuildLabels {
    created: Text,
    build_date: Text,
    source: Text,
    revision: Text,
}

impl Fields for ContainerSettings {
    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        if key != "Labels" {
            return Ok(false);
        }
        self.labels = map.next_value::<Excerpt<BuildLabels>>()?.0;
        Ok(true)
    }
}

impl Fields for BuildLabels {
    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            CREATED => self.created = map.next_value()?,
            BUILD_DATE => self.build_date = map.next_value()?,
            SOURCE => self.source = map.next_value()?,
            REVISION => self.revision = map.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Config {
    /// Parses the config of an image. Invalid times and platforms are ignored.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct ConfigJson {
            created: Option<Text>,
            os: Option<Text>,
            architecture: Option<Text>,
            variant: Option<Text>,
            config: Option<Excerpt<ContainerSettings>>,
        }
        let document: ConfigJson = serde_json::from_slice(bytes)
            .map_err(|error| format!("the image's config is malformed: {}", json_error(&error)))?;
        let labels = document.config.unwrap_or_default().0.labels;
        Ok(Self {
            created: document.created.as_ref().and_then(time),
            code: CodeVersion::new(text(Some(&labels.source)), text(Some(&labels.revision))),
            label: time(&labels.created).or_else(|| time(&labels.build_date)),
            platform: platform(
                text(document.os.as_ref()),
                text(document.architecture.as_ref()),
                text(document.variant.as_ref()),
            ),
        })
    }
}

/// Returns the text, or the empty string if there is none.
fn text(text: Option<&Text>) -> &str {
    text.and_then(|text| text.0.as_deref()).unwrap_or_default()
}

/// Creates a platform from its parts, if they are valid. An invalid variant is
/// left out.
pub(crate) fn platform(os: &str, arch: &str, variant: &str) -> Option<Platform> {
    let plain: Platform = format!("{os}/{arch}").parse().ok()?;
    if variant.is_empty() {
        return Some(plain);
    }
    let full = format!("{os}/{arch}/{variant}").parse();
    Some(full.unwrap_or(plain))
}

/// Parses a time in the format that builders write: RFC 3339.
pub(crate) fn time(text: &Text) -> Option<Timestamp> {
    let text = text.0.as_deref()?.trim();
    (text != GO_ZERO_TIME).then(|| text.parse().ok()).flatten()
}

/// Describes the kind and the position of a JSON error, without quoting the text.
pub(crate) fn json_error(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it is not JSON",
        serde_json::error::Category::Data => "a field has the wrong type",
    };
    format!("{kind} (line {}, column {})", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_times_and_platforms_are_ignored() {
        let parse = |text: &str| Config::parse(text.as_bytes()).expect(text);
        let good = parse(
            r#"{"created":"2024-01-02T03:04:05.678901234Z","os":"linux","architecture":"arm","variant":"v7"}"#,
        );
        assert_eq!(good.created, "2024-01-02T03:04:05.678901234Z".parse().ok());
        assert_eq!(good.platform, "linux/arm/v7".parse().ok());
        for invalid in [
            "{}",
            r#"{"created":null,"os":"linux"}"#,
            r#"{"created":"yesterday","os":"li nux","architecture":"amd64"}"#,
            r#"{"created":1700000000,"os":7,"architecture":"amd64"}"#,
            r#"{"created":"0001-01-01T00:00:00Z"}"#,
        ] {
            assert_eq!(parse(invalid), Config::default(), "{invalid}");
        }
        assert!(Config::parse(b"[]").is_err());
    }

    #[test]
    fn build_time_is_read_from_the_label_or_the_older_label() {
        for (labels, expected) in [
            (
                r#"{"org.opencontainers.image.created":"2026-01-02T03:04:05Z"}"#,
                true,
            ),
            (
                r#"{"org.label-schema.build-date":"2026-01-02T03:04:05Z"}"#,
                true,
            ),
            (
                r#"{"org.opencontainers.image.created":"soon","org.label-schema.build-date":"2026-01-02 03:04:05Z"}"#,
                true,
            ),
            (r#"{"org.opencontainers.image.created":7}"#, false),
            ("null", false),
            ("[]", false),
        ] {
            let text = format!(r#"{{"config":{{"Labels":{labels}}}}}"#);
            let config = Config::parse(text.as_bytes()).expect("a config");
            let time = "2026-01-02T03:04:05Z".parse().ok();
            assert_eq!(config.label, time.filter(|_| expected), "{labels}");
        }
    }
}
