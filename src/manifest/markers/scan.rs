//! Reads a document into its scalars and its comments, with their places.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle, options};

use crate::manifest::lenient;

/// The scalars, aliases and comments of a document, in the order of the text. All
/// positions are bytes of the document.
#[derive(Debug, Default)]
pub(crate) struct ScannedDocument {
    /// The scalars and the aliases.
    pub(crate) scalars: Vec<ScannedScalar>,
    /// The comments.
    pub(crate) comments: Vec<ScannedComment>,
}

/// A scalar or an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScannedScalar {
    /// The keys and list indexes from the root to it.
    pub(crate) path: Vec<String>,
    /// Its bytes, with its quotes. Those of a block scalar begin below its header.
    pub(crate) range: Range<usize>,
    /// Its text, without quotes.
    pub(crate) text: String,
    /// How it is written.
    pub(crate) style: ScalarStyle,
    /// The bytes of its tag, such as `!!str`.
    pub(crate) tag: Option<Range<usize>>,
    /// Its role.
    pub(crate) role: ScalarRole,
    /// Whether it is an alias (`*name`).
    pub(crate) is_alias: bool,
    /// Whether it is in a list or mapping in flow style.
    pub(crate) in_flow: bool,
    /// Where the content before it ends.
    pub(crate) previous_end: usize,
    /// Whether the content before it is the key of the value that it is or begins.
    pub(crate) follows_key: bool,
    /// Whether a deeper block list or mapping ends before it.
    pub(crate) follows_deeper: bool,
}

/// The role of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScalarRole {
    /// The key of a mapping.
    Key,
    /// The value of a key.
    Value,
    /// An item of a list.
    Item,
    /// The whole document.
    Root,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScannedComment {
    /// The byte of its `#`.
    pub(crate) start: usize,
    /// The text after the `#`, without the line break.
    pub(crate) text: String,
}

/// Reads a document. `None` if it cannot be parsed.
pub(crate) fn scan(document: &str) -> Option<ScannedDocument> {
    let mut scanner = Scanner::default();
    let text = &*lenient::joined(document);
    // A licence comment may exceed the parser's own limit. The text itself is limited.
    let options = options! { max_buffered_comment_events: text.len() };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.ok()?;
        scanner.event(&event, span)?;
    }
    // The parser may report a comment before the content that it follows.
    scanner.found.comments.sort_by_key(|comment| comment.start);
    Some(scanner.found)
}

/// A list or a mapping that has begun but not ended.
struct OpenCollection {
    /// The next index; `None` for a mapping.
    next: Option<usize>,
    /// The current key of a mapping.
    key: Option<String>,
    at_key: bool,
    is_flow: bool,
}

#[derive(Default)]
struct Scanner {
    open: Vec<OpenCollection>,
    previous_end: usize,
    follows_key: bool,
    follows_deeper: bool,
    found: ScannedDocument,
}

impl Scanner {
    /// Adds an event; `None` if its place is not known.
    fn event(&mut self, event: &Event<'_>, span: Span) -> Option<()> {
        match event {
            Event::Scalar(text, style, ..) => self.scalar(event, text, *style, span)?,
            Event::Alias(_) => self.scalar(event, "", ScalarStyle::Plain, span)?,
            Event::MappingStart(style, ..) => self.begin(None, *style, span)?,
            Event::SequenceStart(style, ..) => self.begin(Some(0), *style, span)?,
            Event::MappingEnd | Event::SequenceEnd => self.end(span)?,
            Event::Comment(text, _) => {
                let start = span.byte_range()?.start;
                let text = text.clone().into_owned();
                self.found.comments.push(ScannedComment { start, text });
            }
            _ => {}
        }
        Some(())
    }

    fn begin(&mut self, next: Option<usize>, style: StructureStyle, span: Span) -> Option<()> {
        let is_flow = style == StructureStyle::Flow;
        if is_flow {
            self.previous_end = span.byte_range()?.start + 1;
            self.follows_key = false;
            self.follows_deeper = false;
        }
        self.open.push(OpenCollection {
            next,
            key: None,
            at_key: next.is_none(),
            is_flow,
        });
        Some(())
    }

    fn end(&mut self, span: Span) -> Option<()> {
        let ended = self.open.pop()?;
        if ended.is_flow {
            self.previous_end = span.byte_range()?.end;
            self.follows_key = false;
            self.follows_deeper = false;
        } else {
            self.follows_deeper = true;
        }
        self.advance();
        Some(())
    }

    fn scalar(
        &mut self,
        event: &Event<'_>,
        text: &str,
        style: ScalarStyle,
        span: Span,
    ) -> Option<()> {
        let range = span.byte_range()?;
        let role = match self.open.last() {
            None => ScalarRole::Root,
            Some(OpenCollection { at_key: true, .. }) => ScalarRole::Key,
            Some(OpenCollection { next: None, .. }) => ScalarRole::Value,
            Some(OpenCollection { next: Some(_), .. }) => ScalarRole::Item,
        };
        let is_empty = range.is_empty();
        let end = range.end;
        self.found.scalars.push(ScannedScalar {
            path: self.path(role),
            range,
            text: text.to_owned(),
            style,
            tag: span.tag_span().and_then(|tag| tag.byte_range()),
            role,
            is_alias: matches!(event, Event::Alias(_)),
            in_flow: self.open.iter().any(|collection| collection.is_flow),
            previous_end: self.previous_end,
            follows_key: self.follows_key,
            follows_deeper: self.follows_deeper,
        });
        if let Some(innermost) = self.open.last_mut().filter(|_| role == ScalarRole::Key) {
            innermost.key = Some(text.to_owned());
        }
        self.advance();
        if !is_empty {
            self.previous_end = end;
            self.follows_deeper = false;
        }
        self.follows_key = role == ScalarRole::Key;
        Some(())
    }

    /// Advances the innermost list or mapping after a key or a value.
    fn advance(&mut self) {
        if let Some(innermost) = self.open.last_mut() {
            match &mut innermost.next {
                Some(next) => *next += 1,
                None => innermost.at_key = !innermost.at_key,
            }
        }
    }

    fn path(&self, role: ScalarRole) -> Vec<String> {
        let count = self.open.len() - usize::from(role == ScalarRole::Key);
        let open = self.open[..count].iter();
        open.map(|collection| match collection.next {
            Some(next) => next.to_string(),
            None => collection.key.clone().unwrap_or_default(),
        })
        .collect()
    }
}
