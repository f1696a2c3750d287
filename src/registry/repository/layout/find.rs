//! Which layout a repository is read from.

use std::path::PathBuf;

use crate::image::CanonicalName;

use super::option::OciLayout;
use super::read::Layout;

/// The layout in which a repository is to be looked for, if any is set up for
/// it: of those that hold it the one with the longest prefix.
pub(crate) fn find(layouts: &[OciLayout], name: &CanonicalName) -> Option<Layout> {
    let mut found: Vec<(usize, PathBuf)> =
        layouts.iter().filter_map(|l| l.directory(name)).collect();
    found.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
    let holds = |(_, dir): &&(usize, PathBuf)| dir.join("index.json").is_file();
    let (_, dir) = found.iter().find(holds).or(found.first())?;
    Some(Layout::new(name, dir.clone()))
}
