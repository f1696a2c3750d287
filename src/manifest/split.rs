//! Splits a YAML stream into documents, each with its position in the file.
//!
//! The text is split before it is parsed, so that a broken document affects only itself.
//! YAML allows this: `---` and `...` at the beginning of a line, followed by a blank or the
//! end of the line, are always markers, even within a block scalar or a quoted scalar.

/// The text of a document, unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk<'a> {
    /// From its directives or its `---` to the next document, including line breaks.
    pub(crate) text: &'a str,
    /// The byte of the file at which `text` begins.
    pub(crate) start: usize,
    /// The line of the file on which `text` begins, from 1.
    pub(crate) first_line: usize,
    /// The line of the first content, from 1. Blank lines, comments, directives and bare
    /// markers are not content.
    pub(crate) content_line: usize,
    /// The byte of `text` at which that line begins.
    pub(crate) content: usize,
}

/// The documents of a text, without those that contain only comments.
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

/// The document that the current line belongs to.
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
            // Directives and comments above the marker belong to its document.
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

    /// Ends the current document before `offset` and begins the next one on `line`.
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

/// Whether a text begins with the marker `...`.
pub(crate) fn ends_document(text: &str) -> bool {
    let line = text.lines().next().unwrap_or_default();
    after_marker(line.trim_end(), "...").is_some()
}

/// The rest of a line that begins with a marker; `None` for any other line.
fn after_marker<'a>(line: &'a str, marker: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(marker)?;
    (rest.is_empty() || rest.starts_with([' ', '\t'])).then_some(rest)
}

fn is_content(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}
