//! Adds and removes the lines of entries in block mappings.

use granit_parser::ScalarStyle;

use super::change::{ANNOTATIONS, NodeChange};
use super::error::{EditError, EditProblem};
use super::scalar::format_scalar;
use super::splicer::{Removal, Splicer, is_removed, key_style};
use super::tree::{Mapping, TreeEntry};

impl Splicer<'_> {
    /// Removes and adds the lines of entries.
    pub(crate) fn change_block(
        &mut self,
        mapping: &Mapping,
        removals: &[Removal],
        additions: &[(&str, &NodeChange)],
    ) -> Result<(), EditError> {
        for removal in removals {
            let entry = &mapping.entries[removal.index];
            self.remove_lines(entry, removal.is_key_only)?;
        }
        let kept = kept_entries(&mapping.entries, removals);
        for (key, change) in additions {
            let mut lines = Vec::new();
            let sibling = entry_above(&kept, key).or(mapping.entries.last());
            let style = sibling.map_or(ScalarStyle::Plain, key_style);
            self.add_lines(key, change, mapping.column, style, &mut lines);
            if let Some(entry) = entry_above(&kept, key) {
                self.insert_below(entry.end(), &lines);
            } else if let Some(first) = mapping.entries.first() {
                // All entries are removed, so the new lines replace the first one.
                let newline = self.lines.newline(first.start());
                let lines: String = lines.iter().flat_map(|line| [line, newline]).collect();
                self.splices.insert(self.lines.start(first.start()), lines);
            }
        }
        Ok(())
    }

    /// Removes the lines of an entry, with the comments on them.
    fn remove_lines(&mut self, entry: &TreeEntry, is_key_only: bool) -> Result<(), EditError> {
        let end = match entry.colon {
            Some(colon) if is_key_only => self.lines.end(colon),
            _ => entry.end(),
        };
        if !self.lines.begins_line(entry.start()) || !self.lines.ends_line(end) {
            return self.form_error(entry);
        }
        self.splices.remove(self.lines.whole(&(entry.start()..end)));
        Ok(())
    }

    /// Adds the lines of a mapping to a key that has no value or an empty one.
    pub(crate) fn fill_block(
        &mut self,
        mapping: &Mapping,
        entry: &TreeEntry,
        change: &NodeChange,
    ) -> Result<(), EditError> {
        let Some(colon) = entry.colon else {
            return self.fail(entry.start(), |place| EditProblem::Form { place });
        };
        let value = &entry.value.range;
        let NodeChange::Within(children) = change else {
            return Ok(());
        };
        if self.lines.text[value.clone()].contains(['\n', '#']) {
            // Comments within the braces must be kept.
            return self.fail(entry.start(), |place| EditProblem::Form { place });
        }
        if !value.is_empty() {
            self.splices.remove(colon + 1..value.end);
        }
        let mut lines = Vec::new();
        let column = mapping.column + self.unit;
        for (key, change) in children {
            self.add_lines(key, change, column, ScalarStyle::Plain, &mut lines);
        }
        self.insert_below(entry.end(), &lines);
        Ok(())
    }

    /// Inserts lines below the line that contains `end`.
    fn insert_below(&mut self, end: usize, lines: &[String]) {
        let newline = self.lines.newline(end);
        let lines: String = lines.iter().flat_map(|line| [newline, line]).collect();
        self.splices.insert(self.lines.end(end), lines);
    }

    /// Adds the lines of a new entry to `lines`.
    fn add_lines(
        &self,
        key: &str,
        change: &NodeChange,
        column: usize,
        style: ScalarStyle,
        lines: &mut Vec<String>,
    ) {
        let indentation = " ".repeat(column);
        let name = format_scalar(key, style, false);
        match change {
            NodeChange::Remove => {}
            NodeChange::Set(text) => {
                let text = format_scalar(text, ScalarStyle::Plain, false);
                lines.push(format!("{indentation}{name}: {text}"));
            }
            NodeChange::SetPlain(text) => lines.push(format!("{indentation}{name}: {text}")),
            NodeChange::Within(children) if change.sets() => {
                lines.push(format!("{indentation}{name}:"));
                for (key, change) in children {
                    let column = column + self.unit;
                    self.add_lines(key, change, column, ScalarStyle::Plain, lines);
                }
            }
            NodeChange::Within(_) => {}
        }
    }
}

/// The entries that are not removed.
pub(crate) fn kept_entries<'e>(
    entries: &'e [TreeEntry],
    removals: &[Removal],
) -> Vec<&'e TreeEntry> {
    let entries = entries.iter().enumerate();
    entries
        .filter(|(index, _)| !is_removed(removals, *index))
        .map(|(_, entry)| entry)
        .collect()
}

/// The entry below which a new key is written: the last one, except that annotations come
/// after the name, the namespace and the labels.
pub(crate) fn entry_above<'e>(kept: &[&'e TreeEntry], key: &str) -> Option<&'e TreeEntry> {
    let before: &[&str] = match key {
        ANNOTATIONS => &["name", "generateName", "namespace", "labels"],
        "metadata" => &["apiVersion", "kind"],
        _ => &[],
    };
    let sibling = kept
        .iter()
        .rfind(|entry| entry.name().is_some_and(|name| before.contains(&name)));
    sibling.or(kept.last()).copied()
}
