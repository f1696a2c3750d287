//! The order in which a policy ranks tags.

use crate::named_enum::named_enum;

named_enum! {
    /// The order of a policy, with the best tag first. Tags that are equal in it are
    /// ranked by their bytes, the greater first, even with `desc`.
    pub enum Order {
        /// By semantic version, the highest first.
        Semver = "semver",
        /// By the image's creation time, the newest first.
        Created = "created",
        /// By text, the greatest first.
        Alphabetical = "alphabetical",
        /// By text, the smallest first.
        AlphabeticalDesc = "alphabetical-desc",
        /// By decimal number, the greatest first.
        Numerical = "numerical",
        /// By decimal number, the smallest first.
        NumericalDesc = "numerical-desc",
        /// The policy selects one image, so there is nothing to rank.
        Digest = "digest",
    }
}

named_enum! {
    /// The direction of an order by text or by number, with the meaning of Flux: `asc`
    /// selects the greatest, the last tag in ascending order.
    pub enum Direction {
        /// The greatest is elected.
        Ascending = "asc",
        /// The smallest is elected.
        Descending = "desc",
    }
}
