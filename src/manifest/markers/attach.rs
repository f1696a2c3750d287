//! Which value a comment belongs to, by the rules of Flux's YAML parser (go-yaml).
//!
//! A comment behind a scalar belongs to it; in flow style, a comma may be between them. So
//! does the comment behind the header of a block scalar, or behind an anchor or a tag if the
//! value is on the line below. Comments on
//! lines of their own belong to the scalar below them if it is an item of a list or the
//! value of the key above them, and count only if there is exactly one and no comment
//! behind the scalar. They belong to what is above them instead if they are directly below
//! it and an empty line follows.

use super::comment::{self, KEY, MarkerComment};
use super::scan::{ScalarRole, ScannedComment, ScannedDocument, ScannedScalar};
use crate::workload::MarkerTarget;

/// A marker in a document. Positions are bytes of the document.
#[derive(Debug)]
pub(crate) enum Attached {
    /// The marker of the scalar with this index.
    Live(usize, MarkerTarget),
    /// A marker without effect: its place, and why.
    Dead(usize, String),
}

/// Finds the markers of a scanned document, in the order of the text.
pub(crate) fn attach(text: &str, document: &ScannedDocument) -> Vec<Attached> {
    let mut attacher = Attacher {
        text,
        document,
        is_taken: vec![false; document.comments.len()],
        found: Vec::new(),
    };
    for (index, scalar) in document.scalars.iter().enumerate() {
        attacher.scalar(index, scalar);
    }
    attacher.rest();
    let mut found = attacher.found;
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, attached)| attached).collect()
}

struct Attacher<'a> {
    text: &'a str,
    document: &'a ScannedDocument,
    /// Whether each comment has been reported.
    is_taken: Vec<bool>,
    found: Vec<(usize, Attached)>,
}

impl Attacher<'_> {
    fn scalar(&mut self, index: usize, scalar: &ScannedScalar) {
        if matches!(scalar.role, ScalarRole::Key | ScalarRole::Root) || scalar.range.is_empty() {
            return;
        }
        let heads = self.heads(scalar);
        let Some(behind) = self.behind(scalar) else {
            return self.above(index, scalar, &heads);
        };
        for head in heads {
            self.dead(head, "the comment behind the value counts instead");
        }
        let Some(read) = self.read(behind) else {
            return self.in_block(scalar);
        };
        self.is_taken[behind] = true;
        let at = self.document.comments[behind].start;
        self.push(index, scalar, at, read);
    }

    /// The marker above a scalar.
    fn above(&mut self, index: usize, scalar: &ScannedScalar, heads: &[usize]) {
        if let [head] = heads
            && let Some(read) = self.read(*head).filter(|read| read.is_object)
        {
            self.is_taken[*head] = true;
            let at = self.document.comments[*head].start;
            return self.push(index, scalar, at, read);
        }
        for head in heads {
            self.dead(*head, "there are several comment lines above the value");
        }
        self.in_block(scalar);
    }

    fn push(&mut self, index: usize, scalar: &ScannedScalar, at: usize, read: MarkerComment) {
        let attached = match read.marker {
            Ok(_) if scalar.is_alias => Attached::Dead(
                at,
                "it is at a YAML alias; put it at the value with the anchor".to_owned(),
            ),
            Ok(target) => Attached::Live(index, target),
            Err(why) => Attached::Dead(at, why),
        };
        self.found.push((at, attached));
    }

    /// Reports a comment that is a marker as one without effect.
    fn dead(&mut self, comment: usize, why: &str) {
        let Some(read) = self.read(comment).filter(|read| read.is_object) else {
            return;
        };
        let at = self.document.comments[comment].start;
        self.is_taken[comment] = true;
        let why = read.marker.err().unwrap_or_else(|| why.to_owned());
        self.found.push((at, Attached::Dead(at, why)));
    }

    /// A block scalar that contains what looks like a marked value.
    fn in_block(&mut self, scalar: &ScannedScalar) {
        let source = &self.text[scalar.range.clone()];
        let is_block = source.contains('\n') && !source.starts_with(['"', '\'']);
        let marker = format!("# {{{KEY:?}");
        let Some(at) = source.find(&marker).filter(|_| is_block) else {
            return;
        };
        let at = scalar.range.start + at;
        let why = "it is inside a text, which is not read as YAML";
        self.found.push((at, Attached::Dead(at, why.to_owned())));
    }

    /// Reports the markers that belong to no scalar.
    fn rest(&mut self) {
        for index in 0..self.document.comments.len() {
            if self.is_taken[index] {
                continue;
            }
            let start = self.document.comments[index].start;
            let before = self.text[..start].trim_end_matches([' ', '\t']);
            let line = before.rsplit('\n').next().unwrap_or_default();
            let why = match line.chars().last() {
                _ if line == "---" => "it is behind a document marker, not behind a value",
                None | Some('-') => {
                    "a comment line counts only directly above a single value in a list"
                }
                Some(']' | '}') => {
                    "it is behind a list or mapping in one line; write each value on its own line"
                }
                Some(':') => "it is behind a key; put it behind the value, which must not be empty",
                Some(_) => "it is not behind a single value",
            };
            self.dead(index, why);
        }
    }

    fn read(&self, comment: usize) -> Option<MarkerComment> {
        comment::read(&self.document.comments[comment].text)
    }

    /// The comments between two bytes, with their indexes.
    fn between(&self, from: usize, to: usize) -> impl Iterator<Item = (usize, &ScannedComment)> {
        let comments = &self.document.comments;
        let first = comments.partition_point(|comment| comment.start < from);
        let rest = comments[first..].iter().enumerate();
        rest.map(move |(index, comment)| (first + index, comment))
            .take_while(move |(_, comment)| comment.start < to)
    }

    /// The comment behind a scalar.
    fn behind(&self, scalar: &ScannedScalar) -> Option<usize> {
        if let Some(header) = block_header(self.text, self.document, scalar) {
            let line_end = self.line_end(header);
            return self.between(header, line_end).next().map(|found| found.0);
        }
        let end = scalar.range.end;
        if let Some((index, comment)) = self.between(end, self.line_end(end)).next() {
            let gap = self.text[end..comment.start].trim_matches([' ', '\t']);
            return (gap.is_empty() || scalar.in_flow && gap == ",").then_some(index);
        }
        // The value may be on the line below its anchor or its tag.
        let mut above = self.between(scalar.previous_end, scalar.range.start);
        let found = above.find(|(_, comment)| {
            let line = &self.text[self.line_start(comment.start)..comment.start];
            let last = line.split_whitespace().last().unwrap_or_default();
            last.starts_with(['&', '!'])
        });
        found.map(|(index, _)| index)
    }

    /// The comment lines above a scalar that belong to it.
    fn heads(&self, scalar: &ScannedScalar) -> Vec<usize> {
        let start = scalar.range.start;
        let limit = block_header(self.text, self.document, scalar).unwrap_or(start);
        let (item_column, previous) = (self.column(limit), scalar.previous_end);
        let mut heads: Vec<(usize, &ScannedComment)> = self
            .between(previous, limit)
            .filter(|(_, comment)| self.is_alone(comment.start, previous))
            .filter(|(_, comment)| {
                // One at another column belongs to the deeper content above.
                !scalar.follows_deeper || self.column(comment.start) == item_column
            })
            .collect();
        if !scalar.follows_key {
            self.drop_foot(&mut heads, previous);
        }
        heads.into_iter().map(|(index, _)| index).collect()
    }

    /// Drops the comments directly below the previous content if an empty line follows:
    /// they belong to it.
    fn drop_foot(&self, heads: &mut Vec<(usize, &ScannedComment)>, previous: usize) {
        let mut next_line = self.line_end(previous) + 1;
        let mut foot = 0;
        for (_, comment) in heads.iter() {
            if self.line_start(comment.start) != next_line {
                break;
            }
            foot += 1;
            next_line = self.line_end(comment.start) + 1;
        }
        let next = self.text.get(next_line..).unwrap_or_default();
        let is_empty = next
            .split('\n')
            .next()
            .is_some_and(|line| line.trim().is_empty());
        if is_empty {
            heads.drain(..foot);
        }
    }

    /// Whether a line has only blanks, and the dashes of list items, before this place.
    fn is_alone(&self, at: usize, after: usize) -> bool {
        let start = self.line_start(at);
        start >= after
            && self.text[start..at]
                .chars()
                .all(|c| matches!(c, ' ' | '\t' | '-'))
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    fn line_end(&self, at: usize) -> usize {
        self.text[at..]
            .find('\n')
            .map_or(self.text.len(), |newline| at + newline)
    }

    /// The column of the first character of a line that is not a blank.
    fn column(&self, at: usize) -> usize {
        let line = &self.text[self.line_start(at)..];
        line.len() - line.trim_start_matches([' ', '\t']).len()
    }
}

/// Where the header (`|-`, `>`) of a block scalar begins; `None` for any other scalar.
pub(crate) fn block_header(
    text: &str,
    document: &ScannedDocument,
    scalar: &ScannedScalar,
) -> Option<usize> {
    use granit_parser::ScalarStyle::{Folded, Literal};
    if !matches!(scalar.style, Literal | Folded) {
        return None;
    }
    let gap = scalar.previous_end..scalar.range.start;
    let mut line_start = gap.start;
    for line in text.get(gap.clone())?.split_inclusive('\n') {
        let line_end = line_start + line.len();
        let comments = &document.comments;
        let first = comments.partition_point(|comment| comment.start < line_start);
        let comment = comments
            .get(first)
            .map_or(line_end, |comment| comment.start);
        let content = text[line_start..comment.min(line_end)].trim_end();
        let indicators = ['+', '-', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
        let bare = content.trim_end_matches(indicators);
        if bare.ends_with(['|', '>']) {
            return Some(line_start + bare.len() - 1);
        }
        line_start = line_end;
    }
    None
}
