//! Why a text is not edited.

use crate::manifest::Problem;
use crate::workload::SEALED;

/// A text that is left as it is, with the place that stood in the way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct EditError {
    /// The object, by its position among [`objects`](crate::manifest::objects);
    /// without its edits the others may still be made.
    pub index: usize,
    /// The line of that place, from 1.
    pub line: usize,
    /// What stood in the way, and what to do by hand.
    pub problem: EditProblem,
}

/// What stood in the way of an edit. A `place` is written as `metadata.annotations`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditProblem {
    /// The caller's slip: the text has fewer objects.
    #[error("the manifest has no object number {0}")]
    NoSuchObject(usize),
    /// The object to be edited cannot be read.
    #[error("{0}")]
    Unreadable(Problem),
    /// The caller's slip: one place is to become two things.
    #[error("{place} is to be changed in two ways")]
    TwoWays {
        /// Where.
        place: String,
    },
    /// The place is written as `*name`.
    #[error(
        "{place} is a YAML alias; write its value out there by hand, \
         or change it where its anchor stands"
    )]
    Alias {
        /// Where.
        place: String,
    },
    /// The place lies under `&name`, and `*name` repeats it elsewhere.
    #[error(
        "{place} has a YAML anchor that is used elsewhere too, where a change would show as well; \
         change it by hand"
    )]
    SharedAnchor {
        /// The node with the anchor.
        place: String,
    },
    /// The place is not written there, but merged in by `<<`.
    #[error("{place} comes from a YAML merge key (<<); write it out there by hand")]
    Merged {
        /// Where.
        place: String,
    },
    /// The value has a tag, such as `!!binary`.
    #[error("{place} has a YAML tag; remove the tag or change the value by hand")]
    Tag {
        /// Where.
        place: String,
    },
    /// SOPS keeps a checksum over the document.
    #[error("{SEALED}")]
    Sealed,
    /// SOPS has encrypted the value, or would refuse one there that is not.
    #[error("{place} is encrypted by SOPS; change it with sops edit")]
    Encrypted {
        /// Where.
        place: String,
    },
    /// It is written in a form that is not edited, such as `? key`.
    #[error(
        "{place} is written in a form that is not edited here; \
         write it as `key: value` on a line of its own, or change it by hand"
    )]
    Form {
        /// Where.
        place: String,
    },
    /// A list, a mapping or a text stands where another kind is needed.
    #[error("{place} is {found}, and {wanted} is needed there; change it by hand")]
    Kind {
        /// Where.
        place: String,
        /// What stands there.
        found: &'static str,
        /// What should.
        wanted: &'static str,
    },
    /// The list is shorter.
    #[error("{place} is no item of its list")]
    NoSuchItem {
        /// Where.
        place: String,
    },
    /// The text was edited, and read again it says something else than it should.
    #[error(
        "an edit of {place} would change more than that place, so nothing was changed; \
         change it by hand"
    )]
    Unsafe {
        /// The first of the object's places.
        place: String,
    },
}
