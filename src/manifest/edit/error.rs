//! Why a text cannot be edited.

use crate::manifest::Problem;
use crate::workload::SEALED;

/// An edit that cannot be made, with its place. The text is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct EditError {
    /// The position of the object among [`objects`](crate::manifest::objects). The edits of
    /// other objects may still be possible without those of this one.
    pub index: usize,
    /// The line of the place, from 1.
    pub line: usize,
    /// The problem, and what to do by hand.
    pub problem: EditProblem,
}

/// Why an edit cannot be made. A `place` is a path such as `metadata.annotations`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditProblem {
    /// A bug of the caller: the text has fewer objects.
    #[error("the manifest has no object number {0}")]
    NoSuchObject(usize),
    /// The object to be edited cannot be read.
    #[error("{0}")]
    Unreadable(Problem),
    /// A bug of the caller: two edits change one place in different ways.
    #[error("two edits change {place} in different ways")]
    TwoWays {
        /// The place.
        place: String,
    },
    /// The place is written as `*name`.
    #[error(
        "{place} is a YAML alias; replace it by its value, \
         or change the value at its anchor"
    )]
    Alias {
        /// The place.
        place: String,
    },
    /// The place is below an anchor `&name`, and an alias `*name` repeats it elsewhere.
    #[error(
        "{place} has a YAML anchor that is used elsewhere, so a change would also apply there; \
         change it by hand"
    )]
    SharedAnchor {
        /// The node with the anchor.
        place: String,
    },
    /// The place is not written there but merged by `<<`.
    #[error("{place} comes from a YAML merge key (<<); add it to the mapping itself by hand")]
    Merged {
        /// The place.
        place: String,
    },
    /// The value has a tag, such as `!!binary`.
    #[error("{place} has a YAML tag; remove the tag or change the value by hand")]
    Tag {
        /// The place.
        place: String,
    },
    /// A SOPS checksum covers the document.
    #[error("{SEALED}")]
    Sealed,
    /// SOPS has encrypted the value, or would reject a plaintext value there.
    #[error("{place} is encrypted by SOPS; change it with sops edit")]
    Encrypted {
        /// The place.
        place: String,
    },
    /// It is written in a form that is not supported, such as `? key`.
    #[error(
        "{place} is written in a form that cannot be edited; \
         write it as `key: value` on a line of its own, or change it by hand"
    )]
    Form {
        /// The place.
        place: String,
    },
    /// The value is a list, a mapping or a scalar where another kind is required.
    #[error("{place} is {found}, but must be {wanted}; change it by hand")]
    Kind {
        /// The place.
        place: String,
        /// The kind of the value.
        found: &'static str,
        /// The required kind.
        wanted: &'static str,
    },
    /// The list is shorter.
    #[error("{place} is not an item of its list")]
    NoSuchItem {
        /// The place.
        place: String,
    },
    /// The edited text was read again and differs from the expected value.
    #[error(
        "editing {place} would change more than that place, so nothing was changed; \
         change it by hand"
    )]
    Unsafe {
        /// The first edited place of the object.
        place: String,
    },
}
