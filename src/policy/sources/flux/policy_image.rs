//! The image that an ImagePolicy stands for: recorded in its status, or elected now.

use serde_json::Value;

use crate::image::ImageReference;
use crate::workload::MarkerPart;

/// An image of an ImagePolicy, in the spelling of its ImageRepository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyImage {
    /// The name, without tag and digest.
    pub name: String,
    /// The tag.
    pub tag: String,
    /// The digest, if the policy reflects it.
    pub digest: Option<String>,
}

impl PolicyImage {
    /// The text that a marker of this part stands for. Without a digest, `:digest` is empty.
    #[must_use]
    pub fn part(&self, part: MarkerPart) -> String {
        let digest = self.digest.as_deref().unwrap_or_default();
        match part {
            MarkerPart::Name => self.name.clone(),
            MarkerPart::Tag => self.tag.clone(),
            MarkerPart::Digest => digest.to_owned(),
            MarkerPart::Image => {
                let mut image = self.name.clone();
                for (separator, part) in [(':', self.tag.as_str()), ('@', digest)] {
                    if !part.is_empty() {
                        image.push(separator);
                        image.push_str(part);
                    }
                }
                image
            }
        }
    }
}

/// An image as a policy names it.
impl From<&ImageReference> for PolicyImage {
    fn from(image: &ImageReference) -> Self {
        Self {
            name: image.name().to_string(),
            tag: image.tag().map(ToString::to_string).unwrap_or_default(),
            digest: image.digest().map(ToString::to_string),
        }
    }
}

/// The image in the status of an ImagePolicy. `.status.latestRef` is written since v1beta2;
/// before, `.status.latestImage` was.
pub(crate) fn recorded(status: &Value) -> Result<Option<PolicyImage>, String> {
    let reference = &status["latestRef"];
    let image = if reference.is_object() {
        let text = |field: &str| match &reference[field] {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.clone()),
            _ => Err(format!(
                "status.latestRef.{field} must be a string; quote it"
            )),
        };
        PolicyImage {
            name: text("name")?,
            tag: text("tag")?,
            digest: Some(text("digest")?).filter(|digest| !digest.is_empty()),
        }
    } else {
        match status["latestImage"]
            .as_str()
            .filter(|image| !image.is_empty())
        {
            Some(text) => split(text)?,
            None => return Ok(None),
        }
    };
    let whole = image.part(MarkerPart::Image);
    match whole.parse::<ImageReference>() {
        Ok(_) if image.tag.is_empty() && image.digest.is_none() => {
            Err(format!("the recorded image {whole:?} has no tag"))
        }
        Ok(parsed) if parsed.name().to_string() != image.name => {
            Err(format!("the recorded name {:?} is not valid", image.name))
        }
        Ok(_) => Ok(Some(image)),
        Err(error) => Err(format!(
            "the recorded image {whole:?} is not valid: {error}"
        )),
    }
}

/// Splits a `latestImage`.
fn split(text: &str) -> Result<PolicyImage, String> {
    let image: ImageReference = text
        .parse()
        .map_err(|error| format!("the recorded image {text:?} is not valid: {error}"))?;
    Ok(PolicyImage::from(&image))
}
