//! The configs of images: what their JSON says, and no more.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::image::Platform;

/// The annotation and the label that name the time of a build.
pub(crate) const CREATED: &str = "org.opencontainers.image.created";
/// The label that named it before.
const BUILD_DATE: &str = "org.label-schema.build-date";
/// How Go prints a time that was never set.
const GO_ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// What a config says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Config {
    pub(crate) created: Option<Timestamp>,
    /// When its label says that it was built.
    pub(crate) label: Option<Timestamp>,
    pub(crate) platform: Option<Platform>,
}

impl Config {
    /// Reads an image's config. An odd time is no time; an odd platform none.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct ConfigJson {
            created: Option<Value>,
            os: Option<Value>,
            architecture: Option<Value>,
            variant: Option<Value>,
            config: Option<Value>,
        }
        let document: ConfigJson = serde_json::from_slice(bytes)
            .map_err(|error| format!("the image's config is malformed: {}", json_error(&error)))?;
        let text = |value: &Option<Value>| {
            let text = value.as_ref().and_then(Value::as_str).unwrap_or_default();
            text.to_owned()
        };
        let labels = document.config.as_ref().and_then(|c| c.get("Labels"));
        let label = |name: &str| labels.and_then(|labels| time(labels.get(name)));
        Ok(Self {
            created: time(document.created.as_ref()),
            label: label(CREATED).or_else(|| label(BUILD_DATE)),
            platform: platform(
                &text(&document.os),
                &text(&document.architecture),
                &text(&document.variant),
            ),
        })
    }
}

/// A platform by its parts, if they make one; an odd variant is left out.
pub(crate) fn platform(os: &str, arch: &str, variant: &str) -> Option<Platform> {
    let plain: Platform = format!("{os}/{arch}").parse().ok()?;
    if variant.is_empty() {
        return Some(plain);
    }
    let full = format!("{os}/{arch}/{variant}").parse();
    Some(full.unwrap_or(plain))
}

/// A time as builders write it: RFC 3339.
pub(crate) fn time(value: Option<&Value>) -> Option<Timestamp> {
    let text = value?.as_str()?.trim();
    (text != GO_ZERO_TIME).then(|| text.parse().ok()).flatten()
}

/// Where JSON is broken, without a word of it.
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
    fn an_odd_time_is_no_time_and_an_odd_platform_none() {
        let parse = |text: &str| Config::parse(text.as_bytes()).expect(text);
        let good = parse(
            r#"{"created":"2024-01-02T03:04:05.678901234Z","os":"linux","architecture":"arm","variant":"v7"}"#,
        );
        assert_eq!(good.created, "2024-01-02T03:04:05.678901234Z".parse().ok());
        assert_eq!(good.platform, "linux/arm/v7".parse().ok());
        for odd in [
            "{}",
            r#"{"created":null,"os":"linux"}"#,
            r#"{"created":"yesterday","os":"li nux","architecture":"amd64"}"#,
            r#"{"created":1700000000,"os":7,"architecture":"amd64"}"#,
            r#"{"created":"0001-01-01T00:00:00Z"}"#,
        ] {
            assert_eq!(parse(odd), Config::default(), "{odd}");
        }
        assert!(Config::parse(b"[]").is_err());
    }

    #[test]
    fn a_label_names_the_time_of_a_build_and_the_older_one_too() {
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
