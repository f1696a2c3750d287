//! The values of `-o`, and the encoding of data.

use std::io;
use std::str::FromStr;

use serde::Serialize;

use super::text::sanitize::is_unsafe;
use crate::named_enum::named_enum;

named_enum! {
    /// A value of `-o`. The default is `table`.
    pub enum Format {
        /// The table.
        Table = "table",
        /// The table with more columns.
        Wide = "wide",
        /// JSON.
        Json = "json",
        /// YAML.
        Yaml = "yaml",
        /// One line per workload.
        Name = "name",
    }
}

/// A word that is not an allowed format: a usage error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unable to match a printer suitable for the output format {word:?}, allowed formats are: {allowed}"
)]
pub struct UnknownFormat {
    /// The word as given.
    pub word: String,
    /// The allowed formats, separated by commas.
    pub allowed: String,
}

impl Format {
    /// The formats of a command that describes one thing, and so has neither rows nor
    /// a wide table.
    pub const DESCRIPTION: &[Self] = &[Self::Table, Self::Json, Self::Yaml];

    /// The formats of a command that reports results line by line without `-o`.
    pub const RESULTS: &[Self] = &[Self::Json, Self::Yaml, Self::Name];

    /// The formats of a command that prints a line without `-o`.
    pub const DATA: &[Self] = &[Self::Json, Self::Yaml];

    /// Parses a word as one of the allowed formats.
    ///
    /// # Errors
    ///
    /// The word is not one of them.
    pub fn parse(word: &str, allowed: &[Self]) -> Result<Self, UnknownFormat> {
        let found = allowed.iter().find(|format| format.as_str() == word);
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = allowed.iter().map(|format| format.as_str()).collect();
            UnknownFormat {
                word: word.to_owned(),
                allowed: names.join(","),
            }
        })
    }

    /// The encoding if the output is data.
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
        Self::parse(word, Self::ALL)
    }
}

/// An encoding of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataFormat {
    /// JSON, indented by four spaces as in kubectl.
    Json,
    /// YAML in block style, one line per scalar.
    Yaml,
}

/// Data that cannot be encoded. This would be a bug, because all structures here can be.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The JSON encoder failed.
    #[error("the output cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// The YAML encoder failed.
    #[error("the output cannot be written as YAML")]
    Yaml(#[from] serde_saphyr::ser::Error),
}

/// Encodes a structure as text that ends with a line break. Characters that a terminal
/// would interpret are escaped, so they are neither lost nor interpreted.
pub fn encode(value: &impl Serialize, format: DataFormat) -> Result<String, EncodeError> {
    match format {
        DataFormat::Json => json(value),
        DataFormat::Yaml => yaml(value),
    }
}

fn json(value: &impl Serialize) -> Result<String, EncodeError> {
    let mut bytes = Vec::new();
    write_json(value, &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes a structure as JSON that ends with a line break, as [`encode`] does. A long list is
/// never in memory as a whole.
///
/// # Errors
///
/// The writer fails.
pub fn write_json(value: &impl Serialize, out: &mut impl io::Write) -> Result<(), EncodeError> {
    let mut out = EscapingWriter { out };
    let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    value.serialize(&mut serde_json::Serializer::with_formatter(
        &mut out, indent,
    ))?;
    out.out.write_all(b"\n").map_err(serde_json::Error::io)?;
    Ok(())
}

/// Escapes what serde_json does not, because JSON allows it: the remaining characters that a
/// terminal would interpret. All of them are within strings, except for the line breaks
/// between the fields. The encoder writes whole characters at a time.
struct EscapingWriter<'w, W> {
    out: &'w mut W,
}

impl<W: io::Write> io::Write for EscapingWriter<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        if !text.chars().any(must_escape) {
            self.out.write_all(text.as_bytes())?;
            return Ok(bytes.len());
        }
        for c in text.chars() {
            if must_escape(c) {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(self.out, "\\u{unit:04x}")?;
                }
            } else {
                self.out.write_all(c.encode_utf8(&mut [0; 4]).as_bytes())?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Whether the character must not be printed as it is.
fn must_escape(c: char) -> bool {
    c != '\n' && is_unsafe(c)
}

fn yaml(value: &impl Serialize) -> Result<String, EncodeError> {
    // Long sentences stay on one line, so that each line is a field.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let mut text = serde_saphyr::to_string_with_options(value, options)?;
    if text.chars().any(must_escape) {
        // The YAML encoder does not escape all of them, and outside double quotes they
        // cannot be escaped. JSON is also valid YAML.
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
    fn formats_are_parsed_back() {
        for format in Format::ALL {
            assert_eq!(format.as_str().parse(), Ok(*format));
        }
        let error = "jsonpath".parse::<Format>().expect_err("not a format");
        assert!(error.to_string().ends_with("table,wide,json,yaml,name"));
    }

    #[test]
    fn control_characters_are_escaped() {
        let text = "\u{1b}[31m \u{202e} \u{9b} \u{7f} \u{e0041} \n é";
        for format in [DataFormat::Json, DataFormat::Yaml] {
            let encoded = encode(&[text], format).expect("text");
            assert!(!encoded.chars().any(must_escape), "{encoded:?}");
            let back: Vec<String> = match format {
                DataFormat::Json => serde_json::from_str(&encoded).expect("JSON"),
                DataFormat::Yaml => serde_saphyr::from_str(&encoded).expect("YAML"),
            };
            assert_eq!(back, [text]);
        }
    }
}
