//! What `-o` takes, and how data becomes text.

use std::fmt::Write;
use std::str::FromStr;

use serde::Serialize;

use super::text::sanitize::is_unsafe;
use crate::named_enum::named_enum;

named_enum! {
    /// A value of `-o`. Without the flag it is `table`.
    pub enum Format {
        /// The table.
        Table = "table",
        /// The table with more columns.
        Wide = "wide",
        /// JSON.
        Json = "json",
        /// YAML.
        Yaml = "yaml",
        /// One line a workload.
        Name = "name",
    }
}

/// A word that is no format: wrong usage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unable to match a printer suitable for the output format {word:?}, allowed formats are: {allowed}"
)]
pub struct UnknownFormat {
    /// As given.
    pub word: String,
    /// Those there are, joined by commas.
    pub allowed: String,
}

impl Format {
    /// What describes one thing, and so has no rows and no wider table.
    pub const OF_ONE: &[Self] = &[Self::Table, Self::Json, Self::Yaml];

    /// Reads one of these formats.
    ///
    /// # Errors
    ///
    /// The word is none of them.
    pub fn among(word: &str, allowed: &[Self]) -> Result<Self, UnknownFormat> {
        let found = allowed.iter().find(|format| format.as_str() == word);
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = allowed.iter().map(|format| format.as_str()).collect();
            UnknownFormat {
                word: word.to_owned(),
                allowed: names.join(","),
            }
        })
    }

    /// Reads one of [`Self::OF_ONE`].
    ///
    /// # Errors
    ///
    /// The word is none of them.
    pub fn of_one(word: &str) -> Result<Self, UnknownFormat> {
        Self::among(word, Self::OF_ONE)
    }

    /// Whether the output is data, and in which spelling.
    #[must_use]
    pub fn data(self) -> Option<DataFormat> {
        match self {
            Self::Json => Some(DataFormat::Json),
            Self::Yaml => Some(DataFormat::Yaml),
            Self::Table | Self::Wide | Self::Name => None,
        }
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::among(word, Self::ALL)
    }
}

/// A spelling of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataFormat {
    /// Indented by four, as kubectl does.
    Json,
    /// Block style, one line a scalar.
    Yaml,
}

/// Data that cannot be spelled: our own fault, since the structures here all can.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// By the JSON writer.
    #[error("the output cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// By the YAML writer.
    #[error("the output cannot be written as YAML")]
    Yaml(#[from] serde_saphyr::ser::Error),
}

/// The structure as text that ends with a line break. Characters that a
/// terminal would obey are escaped, so nothing is lost and nothing is obeyed.
pub fn encode(value: &impl Serialize, format: DataFormat) -> Result<String, EncodeError> {
    match format {
        DataFormat::Json => json(value),
        DataFormat::Yaml => yaml(value),
    }
}

fn json(value: &impl Serialize) -> Result<String, EncodeError> {
    let mut bytes = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    value.serialize(&mut serde_json::Serializer::with_formatter(
        &mut bytes, indent,
    ))?;
    // The writer escapes only what JSON forbids. What is left stands within
    // strings, except for the line breaks between the fields.
    let stays = |c: char| c == '\n' || !is_unsafe(c);
    let mut text = match String::from_utf8(bytes) {
        // A long list is not copied for what it seldom holds.
        Ok(text) if text.chars().all(stays) => {
            return Ok(text + "\n");
        }
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    };
    text.push('\n');
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if !stays(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    Ok(escaped)
}

fn yaml(value: &impl Serialize) -> Result<String, EncodeError> {
    // Sentences stay on one line, so that a line is a field.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let mut text = serde_saphyr::to_string_with_options(value, options)?;
    if text.chars().any(|c| c != '\n' && is_unsafe(c)) {
        // The writer leaves some of them as they are, and outside of double
        // quotes there is no way to escape them. JSON is YAML as well.
        return json(value);
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read_back() {
        for format in Format::ALL {
            assert_eq!(format.as_str().parse(), Ok(*format));
        }
        let error = "jsonpath".parse::<Format>().expect_err("no format");
        assert!(error.to_string().ends_with("table,wide,json,yaml,name"));
    }

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        let text = "\u{1b}[31m \u{202e} \u{9b} \u{7f} \u{e0041} \n é";
        for format in [DataFormat::Json, DataFormat::Yaml] {
            let encoded = encode(&[text], format).expect("text");
            assert!(
                !encoded.chars().any(|c| c != '\n' && is_unsafe(c)),
                "{encoded:?}"
            );
            let back: Vec<String> = match format {
                DataFormat::Json => serde_json::from_str(&encoded).expect("JSON"),
                DataFormat::Yaml => serde_saphyr::from_str(&encoded).expect("YAML"),
            };
            assert_eq!(back, [text]);
        }
    }
}
