//! In which order a policy ranks the tags that pass.

use crate::named_enum::named_enum;

named_enum! {
    /// The order of a policy; the best tag stands first. Tags that are equal in
    /// it are ranked by their bytes, the greater first, also under `desc`.
    pub enum Order {
        /// By semantic version, the highest first.
        Semver = "semver",
        /// By the image's time of creation, the newest first.
        Created = "created",
        /// By text, the greatest first.
        Alphabetical = "alphabetical",
        /// By text, the smallest first.
        AlphabeticalDesc = "alphabetical-desc",
        /// By decimal number, the greatest first.
        Numerical = "numerical",
        /// By decimal number, the smallest first.
        NumericalDesc = "numerical-desc",
        /// One image is named; there is nothing to rank.
        Digest = "digest",
    }
}

named_enum! {
    /// The direction of an order by text or by number, in Flux's words: `asc`
    /// elects the greatest, as if the tags stood in ascending order and the last
    /// were taken.
    pub enum Direction {
        /// The greatest is elected.
        Ascending = "asc",
        /// The smallest is elected.
        Descending = "desc",
    }
}
