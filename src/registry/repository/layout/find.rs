//! Which layout a repository is read from.

use std::path::PathBuf;

use super::option::OciLayout;
use super::read::LayoutReader;
use crate::image::CanonicalName;

/// Returns the layout of a repository, if one is configured. Of the layouts that
/// exist, the one with the longest prefix is used.
pub(crate) fn find(layouts: &[OciLayout], name: &CanonicalName) -> Option<LayoutReader> {
    let mut found: Vec<(usize, PathBuf)> =
        layouts.iter().filter_map(|l| l.directory(name)).collect();
    found.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
    let existing = found
        .iter()
        .find(|(_, dir)| dir.join("index.json").is_file());
    let (_, dir) = existing.or(found.first())?;
    Some(LayoutReader::new(name, dir.clone()))
}
