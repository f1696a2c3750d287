//! Cutting a YAML stream into documents, each with its place in the file.
//!
//! The cut is made before anything is parsed, so that a broken document spoils
//! itself only. YAML allows it: `---` and `...` at the beginning of a line,
//! followed by a blank or the line's end, are markers wherever they stand, even
//! where a block scalar or a quoted text is open.

/// A document's text as it stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk<'a> {
    /// From its directives or its `---` to the next document, line ends kept.
    pub(crate) text: &'a str,
    /// The byte of the file at which `text` begins.
    pub(crate) start: usize,
    /// The line of the file on which `text` begins, from 1.
    pub(crate) first_line: usize,
    /// The line of the first content, from 1: neither blank nor a comment, a
    /// directive or a bare marker.
    pub(crate) content_line: usize,
    /// The byte of `text` at which that line begins.
    pub(crate) content: usize,
}

/// The documents of a text, without those that hold nothing but comments.
pub(crate) fn chunks(text: &str) -> Vec<Chunk<'_>> {
    let mut splitter = Splitter {
        text,
        start: 0,
        first_line: 1,
        has_marker: false,
        content: None,
        chunks: Vec::new(),
    };
    let mut offset = 0;
    let mut number = 0;
    for line in text.split_inclusive('\n') {
        number += 1;
        splitter.line(line, offset, number);
        offset += line.len();
    }
    splitter.cut(offset, number + 1);
    splitter.chunks
}

/// The open document while lines go by.
struct Splitter<'a> {
    text: &'a str,
    start: usize,
    first_line: usize,
    has_marker: bool,
    /// The line and the byte of the first content.
    content: Option<(usize, usize)>,
    chunks: Vec<Chunk<'a>>,
}

impl Splitter<'_> {
    fn line(&mut self, line: &str, offset: usize, number: usize) {
        let bare = line.trim_start_matches('\u{feff}').trim_end();
        let in_body = self.has_marker || self.content.is_some();
        if let Some(rest) = after_marker(bare, "---") {
            // Directives and comments above the marker belong to it.
            if in_body {
                self.cut(offset, number);
            }
            self.has_marker = true;
            if is_content(rest) {
                self.content = Some((number, offset));
            }
        } else if after_marker(bare, "...").is_some() {
            self.cut(offset + line.len(), number + 1);
        } else if is_content(bare) && (in_body || !bare.starts_with('%')) {
            self.content.get_or_insert((number, offset));
        }
    }

    /// Ends the open document before `offset` and opens one on `line`.
    fn cut(&mut self, offset: usize, line: usize) {
        if let Some((content_line, content)) = self.content {
            self.chunks.push(Chunk {
                text: &self.text[self.start..offset],
                start: self.start,
                first_line: self.first_line,
                content_line,
                content: content - self.start,
            });
        }
        self.start = offset;
        self.first_line = line;
        self.has_marker = false;
        self.content = None;
    }
}

/// What follows a marker that begins a line, if one does.
fn after_marker<'a>(line: &'a str, marker: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(marker)?;
    (rest.is_empty() || rest.starts_with([' ', '\t'])).then_some(rest)
}

fn is_content(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}
