//! Writes marked values: only the bytes of the value change.
//!
//! A value keeps its quotes. A plain value gets double quotes if YAML would not read the new text as
//! a string. The text of a block scalar is replaced by one line below its header, which
//! loses a final line break (`|` becomes `|-`), because an image has none. A tag such as
//! `!!int` is removed, because it does not fit a string. An anchor stays, so the aliases of
//! the value change with it.

use granit_parser::ScalarStyle;

use super::attach::{Attached, attach, block_header};
use super::quoting::{is_read_as_text, plain_or_quoted};
use super::scan::{ScannedDocument, ScannedScalar, scan};
use crate::manifest::document::located;
use crate::manifest::edit::{Splices, TextLines, double_quoted, format_scalar};
use crate::workload::MarkerTarget;

/// A new text for a marked value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkerEdit {
    /// The line of the value, from 1. If other edits have moved it, the value is found by
    /// its marker and its old text, if only one value has both.
    pub line: usize,
    /// What its marker refers to.
    pub target: MarkerTarget,
    /// Its old text.
    pub old: String,
    /// Its new text.
    pub new: String,
}

/// Writes marked values in a text. Returns the new text, and for each edit why it was not
/// made. An edit that fails changes nothing, and does not prevent the others.
#[must_use]
pub fn edit_markers(text: &str, edits: &[MarkerEdit]) -> (String, Vec<Option<String>>) {
    let mut errors: Vec<Option<String>> = edits.iter().map(|_| Some(MOVED.to_owned())).collect();
    let mut roots: Vec<_> = located(text)
        .into_iter()
        .filter(|found| !found.root.is_json)
        .map(|found| found.root.range)
        .collect();
    roots.dedup();
    let mut documents: Vec<MarkedDocument<'_>> = roots
        .iter()
        .filter_map(|range| MarkedDocument::read(text, range.start, &text[range.clone()]))
        .collect();
    for (number, edit) in edits.iter().enumerate() {
        if let Some((document, scalar)) = find(&documents, edit) {
            errors[number] = None;
            documents[document].edits.push((number, scalar));
        }
    }
    let mut edited = text.to_owned();
    // From the last to the first, so that the places of the others stay.
    for document in documents.iter().rev().filter(|d| !d.edits.is_empty()) {
        for (number, error) in document.refusals(edits) {
            errors[number] = Some(error);
        }
        match document.edited(edits, &errors) {
            Some(new) => {
                let range = document.start..document.start + document.text.len();
                edited.replace_range(range, &new);
            }
            None => {
                for (number, _) in &document.edits {
                    errors[*number].get_or_insert_with(|| UNSAFE.to_owned());
                }
            }
        }
    }
    (edited, errors)
}

const MOVED: &str = "the marked value is no longer in its place; run the command again";
const UNSAFE: &str = "the edit would change more than the value; change it by hand";

/// A document with its markers.
struct MarkedDocument<'a> {
    text: &'a str,
    /// Where it begins in the whole text.
    start: usize,
    scanned: ScannedDocument,
    /// The marked scalars: their indexes, their lines and their markers.
    marked: Vec<(usize, usize, MarkerTarget)>,
    /// The edits in it, each with the index of its scalar.
    edits: Vec<(usize, usize)>,
}

/// The document and the scalar of an edit.
fn find(documents: &[MarkedDocument<'_>], edit: &MarkerEdit) -> Option<(usize, usize)> {
    let all = documents.iter().enumerate().flat_map(|(number, document)| {
        let marked = document.marked.iter();
        marked
            .filter(|(scalar, _, target)| {
                *target == edit.target
                    && document.scanned.scalars[*scalar].text == edit.old
                    && !document.edits.iter().any(|(_, taken)| taken == scalar)
            })
            .map(move |(scalar, line, _)| (number, *scalar, *line))
    });
    let all: Vec<_> = all.collect();
    let at_line = all.iter().find(|(_, _, line)| *line == edit.line);
    let found = at_line.or(all.first().filter(|_| all.len() == 1))?;
    Some((found.0, found.1))
}

impl<'a> MarkedDocument<'a> {
    fn read(whole: &str, start: usize, text: &'a str) -> Option<Self> {
        let scanned = scan(text)?;
        let lines = TextLines { text: whole };
        let marked = attach(text, &scanned).into_iter();
        let marked = marked.filter_map(|attached| match attached {
            Attached::Live(scalar, target) => {
                let at = start + scanned.scalars[scalar].range.start;
                Some((scalar, lines.number(at), target))
            }
            Attached::Dead(..) => None,
        });
        Some(Self {
            text,
            start,
            marked: marked.collect(),
            scanned,
            edits: Vec::new(),
        })
    }

    /// The edits whose values have a form that cannot be edited.
    fn refusals(&self, edits: &[MarkerEdit]) -> Vec<(usize, String)> {
        let refused = self.edits.iter().filter_map(|(number, scalar)| {
            let scalar = &self.scanned.scalars[*scalar];
            self.splice(scalar, &edits[*number].new, &mut Splices::default())
                .err()
                .map(|error| (*number, error.to_owned()))
        });
        refused.collect()
    }

    /// The text with the edits that have no error; `None` if more would change.
    fn edited(&self, edits: &[MarkerEdit], errors: &[Option<String>]) -> Option<String> {
        let mut splices = Splices::default();
        let mut expected: Vec<&str> = self.scanned.scalars.iter().map(|s| &*s.text).collect();
        for (number, index) in &self.edits {
            if errors[*number].is_none() {
                let new = &edits[*number].new;
                self.splice(&self.scanned.scalars[*index], new, &mut splices)
                    .ok()?;
                expected[*index] = new;
            }
        }
        let edited = splices.apply(self.text)?;
        let again = scan(&edited)?;
        let is_as_expected = again.scalars.len() == expected.len()
            && again.comments.len() == self.scanned.comments.len()
            && again
                .scalars
                .iter()
                .zip(&expected)
                .all(|(s, text)| s.text == *text)
            && self
                .scanned
                .scalars
                .iter()
                .zip(&again.scalars)
                .all(|(old, new)| {
                    (old.role, old.is_alias, &old.path.len())
                        == (new.role, new.is_alias, &new.path.len())
                })
            && self
                .scanned
                .comments
                .iter()
                .zip(&again.comments)
                .all(|(a, b)| a.text == b.text);
        is_as_expected.then_some(edited)
    }

    /// Replaces the bytes of a scalar.
    fn splice(
        &self,
        scalar: &ScannedScalar,
        new: &str,
        splices: &mut Splices,
    ) -> Result<(), &'static str> {
        let is_plain = scalar.style == ScalarStyle::Plain;
        if let Some(tag) = &scalar.tag {
            let name = &self.text[tag.clone()];
            let is_text = name == "!!str" && (!is_plain || new.is_empty() || is_read_as_text(new));
            // Only YAML's own tags have a meaning that is known not to fit.
            let fits = is_text || !name.starts_with("!!") && is_read_as_text(new);
            if !fits {
                let rest = &self.text[tag.end..];
                let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
                splices.remove(tag.start..tag.end + blanks);
            }
        }
        let text = match scalar.style {
            ScalarStyle::Plain => plain_or_quoted(new, scalar.in_flow),
            ScalarStyle::Literal | ScalarStyle::Folded => {
                return self.splice_block(scalar, new, splices);
            }
            style => format_scalar(new, style, scalar.in_flow),
        };
        splices.replace(scalar.range.clone(), text);
        Ok(())
    }

    /// Replaces the lines of a block scalar by one.
    fn splice_block(
        &self,
        scalar: &ScannedScalar,
        new: &str,
        splices: &mut Splices,
    ) -> Result<(), &'static str> {
        const FORM: &str = "its block scalar has a form that cannot be edited; change it by hand";
        let header = block_header(self.text, &self.scanned, scalar).ok_or(FORM)?;
        let lines = TextLines { text: self.text };
        let rest = &self.text[header..lines.end(header)];
        let indicators: String = rest
            .chars()
            .take_while(|c| "|>+-123456789".contains(*c))
            .collect();
        let body = lines.next(header);
        let end = self.text[..scalar.range.end].trim_end().len();
        let content = self.text.get(body..end).ok_or(FORM)?;
        let first = content
            .lines()
            .find(|line| !line.trim().is_empty())
            .ok_or(FORM)?;
        let indentation = &first[..first.len() - first.trim_start_matches(' ').len()];
        let has_width = indicators.contains(|c: char| c.is_ascii_digit());
        let is_line = !new.is_empty() && new.trim() == new && !new.contains(['\n', '\r', '\t']);
        let range = header..header + indicators.len();
        if is_line && !has_width {
            let style = &indicators[..1];
            splices.replace(range, format!("{style}-"));
            splices.replace(body..end, format!("{indentation}{new}"));
        } else {
            splices.replace(range, double_quoted(new));
            splices.remove(lines.end(header)..end);
        }
        Ok(())
    }
}
