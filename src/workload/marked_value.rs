//! A value in a file with a marker of Flux's image automation, whatever the document.

use std::fmt;

use super::container::ContainerType;
use super::object::{ManifestSource, Workload};

/// What a marker refers to: `namespace:name`, or `namespace:name:tag` for a part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MarkerTarget {
    /// The ImagePolicy's namespace.
    pub namespace: String,
    /// The ImagePolicy's name.
    pub name: String,
    /// Which part of its image is written.
    pub part: MarkerPart,
}

/// Which part of an image a marker stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkerPart {
    /// The whole image, with its tag and, if there is one, its digest.
    Image,
    /// `:name`: the image without its tag and its digest.
    Name,
    /// `:tag`.
    Tag,
    /// `:digest`.
    Digest,
}

impl MarkerPart {
    /// The part's word, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Name => "name",
            Self::Tag => "tag",
            Self::Digest => "digest",
        }
    }
}

impl MarkerTarget {
    /// Parses the value of a marker. The parts are case-sensitive, and no blank is
    /// ignored.
    ///
    /// # Errors
    ///
    /// What is wrong, as a sentence. Flux ignores such a marker without a word.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains(char::is_whitespace) {
            return Err(format!("{text:?} contains blanks; remove them"));
        }
        if text.contains('/') {
            return Err(format!(
                "{text:?} contains a slash; write namespace:name with a colon"
            ));
        }
        let mut words = text.splitn(3, ':');
        let namespace = words.next().unwrap_or_default();
        let name = words.next().unwrap_or_default();
        if namespace.is_empty() || name.is_empty() {
            return Err(format!(
                "{text:?} does not name a policy; write namespace:name"
            ));
        }
        let part = match words.next() {
            None => MarkerPart::Image,
            Some("name") => MarkerPart::Name,
            Some("tag") => MarkerPart::Tag,
            Some("digest") => MarkerPart::Digest,
            Some(other) => {
                return Err(format!(
                    "{other:?} is no part of an image; the parts are name, tag and digest"
                ));
            }
        };
        Ok(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            part,
        })
    }

    /// `namespace:name`, without the part.
    #[must_use]
    pub fn policy(&self) -> String {
        format!("{}:{}", self.namespace, self.name)
    }
}

/// As a marker spells it.
impl fmt::Display for MarkerTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            namespace,
            name,
            part,
        } = self;
        match part {
            MarkerPart::Image => write!(f, "{namespace}:{name}"),
            part => write!(f, "{namespace}:{name}:{}", part.as_str()),
        }
    }
}

/// A value with a marker, or a marker without effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkedValue {
    /// The file, and the line of the value, or of the comment if the marker has no effect.
    pub source: ManifestSource,
    /// What the marker refers to, or why it has no effect.
    pub marker: Result<MarkerTarget, String>,
    /// The value as it is read, without quotes. Empty for a marker without effect.
    pub value: String,
    /// The list or mapping that contains the value; equal for all values in it.
    pub parent: Vec<String>,
    /// The container whose image this is, or a part of it.
    pub container: Option<MarkedContainer>,
    /// Why the value cannot be written.
    pub obstacle: Option<MarkerObstacle>,
}

/// The container of a marked image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkedContainer {
    /// Its workload, with its place in the file.
    pub workload: Box<Workload>,
    /// Its name.
    pub name: String,
    /// In which list of the Pod's spec it is.
    pub container_type: ContainerType,
}

/// Why a marked value cannot be written, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarkerObstacle {
    /// A document of the file cannot be read as Flux reads it. Flux then leaves the whole
    /// file unchanged.
    UnreadableFile(String),
    /// The value itself cannot be edited.
    NotWritable(String),
}
