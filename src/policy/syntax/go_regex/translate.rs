//! Translates Go's syntax into the basic syntax of the `regex` crate.
//!
//! Go applies a repetition to the last atom, even if flags (`a(?i)*`) or an empty quotation
//! (`a\Q\E*`) are between them. Therefore, flags are not written where they are read, but before
//! the next atom that needs them. `(?U)` is not written at all: it inverts the laziness of each
//! repetition.

use super::class;
use super::cursor::Cursor;
use super::error::GoRegexError;

/// The largest count of a repetition, and the largest product of nested repetitions.
const MAX_REPEAT: u32 = 1000;

/// How deep groups may be nested. Go allows 1000, but the compiler of the crate is recursive: in
/// a debug build, somewhat more than 100 groups overflow a stack of 2 MiB.
pub(crate) const MAX_NESTING: usize = 50;

/// An expression in the crate's syntax.
pub(crate) struct Translation {
    pub(crate) pattern: String,
    /// The name of each group, the whole match first.
    pub(crate) names: Vec<String>,
}

/// Translates a whole expression.
pub(crate) fn translate(text: &str) -> Result<Translation, GoRegexError> {
    let mut translator = Translator {
        cursor: Cursor::new(text),
        pattern: String::with_capacity(text.len() * 2),
        names: vec![String::new()],
        flags: Flags::default(),
        written_flags: Flags::default(),
        group: GroupState::default(),
        open_groups: Vec::new(),
    };
    // Go rejects a repetition only if the token directly before it was also one.
    let mut after_repetition = false;
    while let Some(next) = translator.cursor.peek() {
        after_repetition = translator.token(next, after_repetition)?;
    }
    if let Some(group) = translator.open_groups.last() {
        let mut at_group = Cursor::new(text);
        while at_group.offset() <= group.offset && at_group.bump().is_some() {}
        return Err(at_group.invalid(group.offset, "an unclosed group"));
    }
    Ok(Translation {
        pattern: translator.pattern,
        names: translator.names,
    })
}

/// The flags that are on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Flags {
    ignore_case: bool,
    multi_line: bool,
    dot_newline: bool,
    swap_greed: bool,
}

/// The state of the group that is being read.
#[derive(Debug, Default)]
struct GroupState {
    /// The last atom, to which a repetition would apply.
    atom: Option<Atom>,
    /// The greatest weight of the atoms before it.
    weight: u32,
}

#[derive(Debug, Clone, Copy)]
struct Atom {
    /// Where it begins in the pattern.
    start: usize,
    /// The greatest product of the counts of nested repetitions.
    weight: u32,
    is_repeated: bool,
}

/// A group that is open.
#[derive(Debug)]
struct OpenGroup {
    /// Where its parenthesis is in the expression.
    offset: usize,
    /// Where it begins in the pattern.
    start: usize,
    /// The flags around it.
    flags: Flags,
    written_flags: Flags,
    /// The state of the group around it.
    enclosing: GroupState,
}

/// The counts of a repetition.
#[derive(Debug, Clone, Copy)]
struct RepeatCounts {
    min: u32,
    max: Option<u32>,
}

struct Translator<'a> {
    cursor: Cursor<'a>,
    pattern: String,
    names: Vec<String>,
    /// The flags that are on in Go's expression here.
    flags: Flags,
    /// The flags that are on in the written pattern here.
    written_flags: Flags,
    group: GroupState,
    open_groups: Vec<OpenGroup>,
}

impl Translator<'_> {
    /// Translates one token and returns whether it was a repetition.
    fn token(&mut self, next: char, after_repetition: bool) -> Result<bool, GoRegexError> {
        let start = self.cursor.offset();
        match next {
            '(' => self.open()?,
            ')' => self.close()?,
            '|' => {
                self.cursor.bump();
                self.end_atom();
                self.pattern.push('|');
            }
            '^' | '$' | '.' => {
                self.cursor.bump();
                self.begin_atom();
                self.pattern.push(next);
            }
            '[' => {
                let class = class::bracketed(&mut self.cursor)?;
                self.push_atom(&class);
            }
            '\\' => self.backslash()?,
            '*' | '+' | '?' => {
                self.cursor.bump();
                self.repeat(start, &next.to_string(), None, after_repetition)?;
                return Ok(true);
            }
            '{' => {
                let Some(counts) = self.counts()? else {
                    self.cursor.bump();
                    self.push_literal(u32::from(next));
                    return Ok(false);
                };
                let sign = match counts.max {
                    Some(max) => format!("{{{},{max}}}", counts.min),
                    None => format!("{{{},}}", counts.min),
                };
                self.repeat(start, &sign, Some(counts), after_repetition)?;
                return Ok(true);
            }
            literal => {
                self.cursor.bump();
                self.push_literal(u32::from(literal));
            }
        }
        Ok(false)
    }

    /// Ends the last atom, so that a repetition no longer applies to it.
    fn end_atom(&mut self) {
        if let Some(atom) = self.group.atom.take() {
            self.group.weight = self.group.weight.max(atom.weight);
        }
    }

    /// Begins an atom of weight one at the end of the pattern, under the flags that are on.
    fn begin_atom(&mut self) {
        self.end_atom();
        self.write_flags();
        self.group.atom = Some(Atom {
            start: self.pattern.len(),
            weight: 1,
            is_repeated: false,
        });
    }

    fn push_atom(&mut self, text: &str) {
        self.begin_atom();
        self.pattern.push_str(text);
    }

    fn push_literal(&mut self, point: u32) {
        self.begin_atom();
        class::push_literal(&mut self.pattern, point);
    }

    /// Writes the flags in which the pattern differs from Go's expression.
    fn write_flags(&mut self) {
        let (now, before) = (self.flags, self.written_flags);
        let flags = [
            ('i', now.ignore_case, before.ignore_case),
            ('m', now.multi_line, before.multi_line),
            ('s', now.dot_newline, before.dot_newline),
        ];
        for (letter, now, before) in flags {
            if now != before {
                self.pattern.push_str(if now { "(?" } else { "(?-" });
                self.pattern.push(letter);
                self.pattern.push(')');
            }
        }
        self.written_flags = now;
    }

    /// Translates an escape outside of classes.
    fn backslash(&mut self) -> Result<(), GoRegexError> {
        // The crate's `\b` would look at Unicode words.
        for (escape, atom) in [
            (r"\A", r"\A"),
            (r"\z", r"\z"),
            (r"\b", r"(?-u:\b)"),
            (r"\B", r"(?-u:\B)"),
        ] {
            if self.cursor.eat(escape) {
                self.push_atom(atom);
                return Ok(());
            }
        }
        if self.cursor.eat(r"\Q") {
            // A quotation without an end extends to the end of the expression.
            while !self.cursor.eat(r"\E")
                && let Some(literal) = self.cursor.bump()
            {
                self.push_literal(u32::from(literal));
            }
            return Ok(());
        }
        if let Some(class) = class::class_escape(&mut self.cursor)? {
            self.push_atom(&class);
        } else {
            let point = class::escape(&mut self.cursor)?;
            self.push_literal(point);
        }
        Ok(())
    }

    /// Reads `{2}`, `{2,}` or `{2,3}`. If the brace is a literal, it reads nothing and returns
    /// `None`.
    fn counts(&mut self) -> Result<Option<RepeatCounts>, GoRegexError> {
        let start = self.cursor.offset();
        let mut ahead = self.cursor;
        ahead.eat("{");
        let Some(min) = count(&mut ahead) else {
            return Ok(None);
        };
        let max = if !ahead.eat(",") {
            Some(min)
        } else if ahead.peek() == Some('}') {
            None
        } else {
            match count(&mut ahead) {
                Some(max) => Some(max),
                None => return Ok(None),
            }
        };
        if !ahead.eat("}") {
            return Ok(None);
        }
        self.cursor = ahead;
        if min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT) {
            return Err(self.cursor.invalid(start, "a repeat count over 1000"));
        }
        if max.is_some_and(|max| max < min) {
            return Err(self.cursor.invalid(start, "a reversed repeat range"));
        }
        Ok(Some(RepeatCounts { min, max }))
    }

    /// Repeats the last atom. The cursor is after the sign.
    fn repeat(
        &mut self,
        start: usize,
        sign: &str,
        counts: Option<RepeatCounts>,
        after_repetition: bool,
    ) -> Result<(), GoRegexError> {
        let is_lazy = self.cursor.eat("?") != self.flags.swap_greed;
        if after_repetition {
            let construct = "a repetition of a repetition, without parentheses,";
            return Err(self.cursor.unsupported(start, construct));
        }
        let Some(atom) = &mut self.group.atom else {
            let problem = "nothing to repeat before";
            return Err(self.cursor.invalid(start, problem));
        };
        if let Some(counts) = counts {
            match counts.max {
                // Go ignores repetitions inside an atom that is repeated zero times.
                Some(0) => atom.weight = 1,
                max => atom.weight *= max.unwrap_or(counts.min).max(1),
            }
            if atom.weight > MAX_REPEAT {
                let problem = "nested repeats that multiply to over 1000 with";
                return Err(self.cursor.invalid(start, problem));
            }
        }
        if atom.is_repeated {
            self.pattern.insert_str(atom.start, "(?:");
            self.pattern.push(')');
        }
        atom.is_repeated = true;
        self.pattern.push_str(sign);
        if is_lazy {
            self.pattern.push('?');
        }
        Ok(())
    }

    /// Translates an opening parenthesis with its prefix, or flags.
    fn open(&mut self) -> Result<(), GoRegexError> {
        let start = self.cursor.offset();
        let around = self.flags;
        self.cursor.eat("(");
        if !self.cursor.rest().starts_with('?') {
            self.names.push(String::new());
            return self.open_group(start, "(", around);
        }
        self.refuse_foreign_group(start)?;
        if self.cursor.eat("?P<") || self.cursor.eat("?<") {
            let name = self.cursor.eat_until(">").unwrap_or_default();
            let is_word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if name.is_empty() || !is_word {
                return Err(self.cursor.invalid(start, "a malformed group name"));
            }
            self.names.push(name.to_owned());
            return self.open_group(start, "(", around);
        }
        if self.read_flags(start)? {
            self.open_group(start, "(?:", around)?;
        }
        Ok(())
    }

    /// Rejects the special groups of other engines, by name.
    fn refuse_foreign_group(&mut self, start: usize) -> Result<(), GoRegexError> {
        const FOREIGN: [(&str, &str); 13] = [
            ("?=", "a look-ahead"),
            ("?!", "a look-ahead"),
            ("?<=", "a look-behind"),
            ("?<!", "a look-behind"),
            ("?>", "an atomic group"),
            ("?#", "a comment"),
            ("?x", "the verbose flag"),
            ("?|", "a branch reset"),
            ("?(", "a condition"),
            ("?R", "a recursion"),
            ("?&", "a recursion"),
            ("?P=", "a back-reference"),
            ("?P>", "a recursion"),
        ];
        for (sign, construct) in FOREIGN {
            if self.cursor.eat(sign) {
                return Err(self.cursor.unsupported(start, construct));
            }
        }
        Ok(())
    }

    /// Reads `?i-s:` or `?i-s)` and returns whether a group follows.
    fn read_flags(&mut self, start: usize) -> Result<bool, GoRegexError> {
        self.cursor.eat("?");
        let mut flags = self.flags;
        let mut is_on = true;
        // A minus must be followed by a flag.
        let mut is_complete = true;
        loop {
            match self.cursor.bump() {
                Some('i') => flags.ignore_case = is_on,
                Some('m') => flags.multi_line = is_on,
                Some('s') => flags.dot_newline = is_on,
                Some('U') => flags.swap_greed = is_on,
                Some('-') if is_on => {
                    is_on = false;
                    is_complete = false;
                    continue;
                }
                Some(end @ (':' | ')')) if is_complete => {
                    self.flags = flags;
                    return Ok(end == ':');
                }
                _ => {
                    return Err(self
                        .cursor
                        .invalid(start, "an unknown kind of group or flag"));
                }
            }
            is_complete = true;
        }
    }

    fn open_group(&mut self, offset: usize, sign: &str, around: Flags) -> Result<(), GoRegexError> {
        if self.open_groups.len() >= MAX_NESTING {
            return Err(self.cursor.invalid(offset, "a group nested too deeply"));
        }
        self.end_atom();
        self.open_groups.push(OpenGroup {
            offset,
            start: self.pattern.len(),
            flags: around,
            written_flags: self.written_flags,
            enclosing: std::mem::take(&mut self.group),
        });
        self.pattern.push_str(sign);
        Ok(())
    }

    /// Translates a closing parenthesis. The group becomes an atom of the group around it.
    fn close(&mut self) -> Result<(), GoRegexError> {
        let start = self.cursor.offset();
        self.cursor.bump();
        let Some(group) = self.open_groups.pop() else {
            return Err(self.cursor.invalid(start, "an unopened group"));
        };
        self.pattern.push(')');
        self.end_atom();
        let atom = Atom {
            start: group.start,
            weight: self.group.weight.max(1),
            is_repeated: false,
        };
        self.group = group.enclosing;
        self.group.atom = Some(atom);
        self.flags = group.flags;
        self.written_flags = group.written_flags;
        Ok(())
    }
}

/// Reads a count without leading zeros. A count that does not fit is `u32::MAX`.
fn count(cursor: &mut Cursor<'_>) -> Option<u32> {
    let digits = cursor.eat_digits(10, usize::MAX);
    let has_leading_zero = digits.len() > 1 && digits.starts_with('0');
    (!digits.is_empty() && !has_leading_zero).then(|| digits.parse().unwrap_or(u32::MAX))
}
