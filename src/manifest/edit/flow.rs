//! Adds and removes entries of flow mappings in YAML and JSON, with their commas, and with
//! their lines if each entry has its own.

use granit_parser::ScalarStyle;

use super::block::{entry_above, kept_entries};
use super::change::NodeChange;
use super::error::EditError;
use super::scalar::{double_quoted, format_scalar, json_scalar};
use super::splicer::{Removal, Splicer, is_removed, key_style};
use super::tree::{Mapping, TreeEntry, TreeNode};

/// How a new entry is written: like its sibling.
struct FlowStyle<'a> {
    /// With double quotes around keys and strings.
    is_quoted: bool,
    /// Without blanks.
    is_compact: bool,
    /// On a line of its own.
    line: Option<FlowLine<'a>>,
}

/// How an entry on a line of its own is written.
#[derive(Clone)]
struct FlowLine<'a> {
    newline: &'static str,
    indentation: String,
    /// The additional indentation of a mapping within it.
    unit: &'a str,
}

impl Splicer<'_> {
    /// Removes and adds entries. At least one entry remains.
    pub(crate) fn change_flow(
        &mut self,
        node: &TreeNode,
        mapping: &Mapping,
        removals: &[Removal],
        additions: &[(&str, &NodeChange)],
    ) -> Result<(), EditError> {
        let entries = &mapping.entries;
        for removal in removals {
            let entry = &entries[removal.index];
            if entry.key.anchor.is_some() || entry.key.is_tagged {
                return self.form_error(entry);
            }
        }
        let Some(last) = (0..entries.len()).rfind(|index| !is_removed(removals, *index)) else {
            self.replace_all(node, mapping, additions);
            return Ok(());
        };
        let kept = kept_entries(entries, removals);
        let loses_comma = self.remove_tail(entries, last);
        for removal in removals {
            // A tail that shares lines with the kept entries was removed as a whole.
            if removal.index < last || loses_comma != Some(Tail::Whole) {
                self.remove_entry(&entries[removal.index], removal.index == 0);
            }
        }
        for (index, sibling) in kept.iter().enumerate() {
            let new: Vec<_> = additions
                .iter()
                .copied()
                .filter(|(key, _)| {
                    entry_above(&kept, key).is_some_and(|at| std::ptr::eq(at, *sibling))
                })
                .collect();
            if !new.is_empty() {
                let is_last = index + 1 == kept.len();
                self.add_after(node, sibling, &new, is_last && loses_comma.is_some());
            }
        }
        Ok(())
    }

    /// Removes the comma after the last kept entry, and the entries after it if they have
    /// no lines of their own.
    fn remove_tail(&mut self, entries: &[TreeEntry], last: usize) -> Option<Tail> {
        let (tail, end) = (entries.get(last + 1..)?, entries.last()?.end());
        if tail.is_empty() || self.lines.comma(end).is_some() {
            return None;
        }
        let comma = self.lines.comma(entries[last].end())?;
        let between = &self.lines.text[comma..tail[0].start()];
        if between.contains('#') || tail.iter().any(|entry| self.has_own_lines(entry)) {
            self.splices.remove(comma..comma + 1);
            return Some(Tail::CommaOnly);
        }
        self.splices.remove(comma..end);
        Some(Tail::Whole)
    }

    /// The end of an entry, including its comma.
    fn end_with_comma(&self, entry: &TreeEntry) -> usize {
        let end = entry.end();
        self.lines.comma(end).map_or(end, |comma| comma + 1)
    }

    fn has_own_lines(&self, entry: &TreeEntry) -> bool {
        self.lines.begins_line(entry.start()) && self.lines.ends_line(self.end_with_comma(entry))
    }

    /// Removes an entry with its comma, and with its lines or the blanks next to it.
    fn remove_entry(&mut self, entry: &TreeEntry, is_first: bool) {
        let range = entry.start()..self.end_with_comma(entry);
        let range = if self.has_own_lines(entry) {
            self.lines.whole(&range)
        } else if is_first {
            range.start..self.lines.skip_blanks(range.end)
        } else {
            let head = &self.lines.text[..range.start];
            head.trim_end_matches([' ', '\t']).len()..range.end
        };
        self.splices.remove(range);
    }

    /// Replaces all entries by new ones.
    fn replace_all(
        &mut self,
        node: &TreeNode,
        mapping: &Mapping,
        additions: &[(&str, &NodeChange)],
    ) {
        let (Some(first), Some(last)) = (mapping.entries.first(), mapping.entries.last()) else {
            return;
        };
        let style = self.style(node, first);
        let new: Vec<String> = additions
            .iter()
            .map(|(key, change)| style.entry(key, change))
            .collect();
        let separator = style.separator();
        self.splices
            .replace(first.start()..last.end(), new.join(&separator));
    }

    /// Writes new entries after a kept one, which may lose its comma.
    fn add_after(
        &mut self,
        node: &TreeNode,
        sibling: &TreeEntry,
        additions: &[(&str, &NodeChange)],
        loses_comma: bool,
    ) {
        let style = self.style(node, sibling);
        let separator = style.separator();
        let new: Vec<String> = additions
            .iter()
            .map(|(key, change)| style.entry(key, change))
            .collect();
        let new = new.join(&separator);
        let blank = &separator[1..];
        let comma = self.lines.comma(sibling.end()).filter(|_| !loses_comma);
        let end = comma.map_or(sibling.end(), |comma| comma + 1);
        let at = if style.line.is_some() && self.lines.ends_line(end) {
            self.lines.end(end)
        } else {
            end
        };
        if comma.is_some() {
            self.splices.insert(at, format!("{blank}{new},"));
        } else {
            self.splices.insert(end, ",");
            self.splices.insert(at, format!("{blank}{new}"));
        }
    }

    /// The text of a mapping as the value of an entry that had none.
    pub(crate) fn flow_value(
        &self,
        node: &TreeNode,
        entry: &TreeEntry,
        change: &NodeChange,
    ) -> String {
        self.style(node, entry).value(change)
    }

    /// The style of an entry of the mapping `node`.
    fn style(&self, node: &TreeNode, entry: &TreeEntry) -> FlowStyle<'_> {
        let text = self.lines.text;
        let is_quoted = self.root.is_json || key_style(entry) == ScalarStyle::DoubleQuoted;
        let has_blank = entry
            .colon
            .is_none_or(|colon| text[colon + 1..].starts_with([' ', '\t', '\r', '\n']));
        let line = self.lines.begins_line(entry.start()).then(|| {
            let indentation = self.lines.indentation(entry.start());
            let outer = self.lines.indentation(node.range.start);
            let unit = indentation.strip_prefix(outer).filter(|u| !u.is_empty());
            FlowLine {
                newline: self.lines.newline(entry.start()),
                indentation: indentation.to_owned(),
                unit: unit.unwrap_or("  "),
            }
        });
        FlowStyle {
            is_quoted,
            is_compact: is_quoted && !has_blank,
            line,
        }
    }
}

/// How the last entries are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    /// The comma before them is removed, but they are not.
    CommaOnly,
    /// They are removed with the comma before them.
    Whole,
}

impl FlowStyle<'_> {
    /// The text between two entries. Its first character is the comma.
    fn separator(&self) -> String {
        match &self.line {
            Some(line) => format!(",{}{}", line.newline, line.indentation),
            None if self.is_compact => ",".to_owned(),
            None => ", ".to_owned(),
        }
    }

    fn entry(&self, key: &str, change: &NodeChange) -> String {
        let colon = if self.is_compact { ":" } else { ": " };
        format!("{}{colon}{}", self.scalar(key), self.value(change))
    }

    fn scalar(&self, text: &str) -> String {
        if self.is_quoted {
            double_quoted(text)
        } else {
            format_scalar(text, ScalarStyle::Plain, true)
        }
    }

    fn value(&self, change: &NodeChange) -> String {
        let children = match change {
            NodeChange::Set(text) => return self.scalar(text),
            NodeChange::SetPlain(text) if self.is_quoted => return json_scalar(text),
            NodeChange::SetPlain(text) => return text.clone(),
            NodeChange::Remove => return String::new(),
            NodeChange::Within(children) => children,
        };
        let inner = FlowStyle {
            line: self.line.as_ref().map(|line| FlowLine {
                indentation: format!("{}{}", line.indentation, line.unit),
                ..line.clone()
            }),
            ..*self
        };
        let entries: Vec<String> = children
            .iter()
            .filter(|(_, change)| change.sets())
            .map(|(key, change)| inner.entry(key, change))
            .collect();
        let separator = inner.separator();
        let entries = entries.join(&separator);
        match &self.line {
            Some(line) => {
                let (newline, indentation) = (line.newline, &line.indentation);
                format!("{{{}{entries}{newline}{indentation}}}", &separator[1..])
            }
            None => format!("{{{entries}}}"),
        }
    }
}
