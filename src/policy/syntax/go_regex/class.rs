//! Character classes and escapes of Go's syntax.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use super::cursor::Cursor;
use super::error::GoRegexError;

/// A class that matches nothing.
const NOTHING: &str = r"[^\x{0}-\x{10FFFF}]";

/// The code points that cannot occur in UTF-8 text. Go accepts them in expressions.
const SURROGATES: RangeInclusive<u32> = 0xD800..=0xDFFF;

/// The names between `[:` and `:]`.
const ASCII_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// Writes one code point so that it matches only itself, inside and outside of classes.
pub(crate) fn push_literal(pattern: &mut String, point: u32) {
    match char::from_u32(point) {
        Some(c) if c.is_ascii_alphanumeric() => pattern.push(c),
        Some(_) => push_point(pattern, point),
        None => pattern.push_str(NOTHING),
    }
}

fn push_point(pattern: &mut String, point: u32) {
    // Writing to a string cannot fail.
    let _ = write!(pattern, r"\x{{{point:X}}}");
}

/// Writes a range of code points as an item of a class.
fn push_range(pattern: &mut String, low: u32, high: u32) {
    let low = if SURROGATES.contains(&low) {
        SURROGATES.end() + 1
    } else {
        low
    };
    let high = if SURROGATES.contains(&high) {
        SURROGATES.start() - 1
    } else {
        high
    };
    if low <= high {
        push_point(pattern, low);
        pattern.push('-');
        push_point(pattern, high);
    }
}

/// Reads an escape such as `\d` or `\pL` and returns it as a bracketed class; `None` for any other
/// escape.
pub(crate) fn class_escape(cursor: &mut Cursor<'_>) -> Result<Option<String>, GoRegexError> {
    let class = match cursor.rest().as_bytes() {
        [b'\\', b'd', ..] => "[0-9]",
        [b'\\', b'D', ..] => "[^0-9]",
        [b'\\', b's', ..] => r"[\t\n\f\r ]",
        [b'\\', b'S', ..] => r"[^\t\n\f\r ]",
        [b'\\', b'w', ..] => "[0-9A-Za-z_]",
        [b'\\', b'W', ..] => "[^0-9A-Za-z_]",
        [b'\\', b'p' | b'P', ..] => return unicode_class(cursor).map(Some),
        _ => return Ok(None),
    };
    cursor.bump();
    cursor.bump();
    Ok(Some(class.to_owned()))
}

/// Reads `\pL`, `\P{Greek}`, `\p{^Letter}`.
fn unicode_class(cursor: &mut Cursor<'_>) -> Result<String, GoRegexError> {
    let start = cursor.offset();
    cursor.eat("\\");
    let mut negated = cursor.bump() == Some('P');
    let mut letter = [0; 4];
    let name = if cursor.eat("{") {
        let name = cursor.eat_until("}");
        name.ok_or_else(|| cursor.invalid(start, "an unclosed Unicode class"))?
    } else {
        match cursor.bump() {
            Some(c) => c.encode_utf8(&mut letter),
            None => return Err(cursor.invalid(start, "an unclosed Unicode class")),
        }
    };
    let name = match name.strip_prefix('^') {
        Some(name) => {
            negated = !negated;
            name
        }
        None => name,
    };
    let letter = if negated { 'P' } else { 'p' };
    // The crate also supports properties and a prefix `Is`; Go does not.
    let has_is = name
        .get(..2)
        .is_some_and(|is| is.eq_ignore_ascii_case("is"));
    let is_name = name
        .chars()
        .all(|c| c.is_ascii_alphabetic() || matches!(c, '_' | '-' | ' '));
    if is_name && !has_is {
        for property in ["gc", "sc"] {
            let class = format!(r"[\{letter}{{{property}={name}}}]");
            if regex_syntax::parse(&class).is_ok() {
                return Ok(class);
            }
        }
    }
    Err(cursor.invalid(start, "an unknown Unicode class"))
}

/// Reads a class from its `[` to its `]`.
pub(crate) fn bracketed(cursor: &mut Cursor<'_>) -> Result<String, GoRegexError> {
    let start = cursor.offset();
    cursor.eat("[");
    let opening = *cursor;
    let negated = cursor.eat("^");
    let mut items = String::new();
    let mut is_first = true;
    // A `]` at the start is a literal.
    while is_first || cursor.peek() != Some(']') {
        is_first = false;
        if cursor.peek().is_none() {
            return Err(opening.invalid(start, "an unclosed character class"));
        }
        if let Some(class) = ascii_class(cursor)? {
            items.push_str(class);
        } else if let Some(class) = class_escape(cursor)? {
            items.push_str(&class);
        } else {
            range(cursor, opening, start, &mut items)?;
        }
    }
    cursor.eat("]");
    Ok(match (items.is_empty(), negated) {
        (false, false) => format!("[{items}]"),
        (false, true) => format!("[^{items}]"),
        (true, false) => NOTHING.to_owned(),
        (true, true) => r"[\x{0}-\x{10FFFF}]".to_owned(),
    })
}

/// Reads `[:name:]` or `[:^name:]`. If `:]` does not follow, `[:` is two literals.
fn ascii_class<'a>(cursor: &mut Cursor<'a>) -> Result<Option<&'a str>, GoRegexError> {
    let start = cursor.offset();
    let whole = cursor.rest();
    let mut ahead = *cursor;
    if !ahead.eat("[:") {
        return Ok(None);
    }
    let Some(name) = ahead.eat_until(":]") else {
        return Ok(None);
    };
    if !ASCII_CLASSES.contains(&name.strip_prefix('^').unwrap_or(name)) {
        return Err(ahead.invalid(start, "an unknown character class"));
    }
    *cursor = ahead;
    Ok(whole.get(..name.len() + 4))
}

/// Reads one character or a range of them.
fn range(
    cursor: &mut Cursor<'_>,
    opening: Cursor<'_>,
    class_start: usize,
    items: &mut String,
) -> Result<(), GoRegexError> {
    let start = cursor.offset();
    let low = class_point(cursor, opening, class_start)?;
    let mut high = low;
    // A hyphen at the end is a literal.
    if cursor.rest().starts_with('-') && cursor.rest().len() > 1 && !cursor.rest().starts_with("-]")
    {
        cursor.eat("-");
        high = class_point(cursor, opening, class_start)?;
    }
    if high < low {
        return Err(cursor.invalid(start, "a reversed range"));
    }
    push_range(items, low, high);
    Ok(())
}

/// Reads one character of a class.
fn class_point(
    cursor: &mut Cursor<'_>,
    opening: Cursor<'_>,
    class_start: usize,
) -> Result<u32, GoRegexError> {
    match cursor.peek() {
        Some('\\') => escape(cursor),
        Some(c) => {
            cursor.bump();
            Ok(u32::from(c))
        }
        None => Err(opening.invalid(class_start, "an unclosed character class")),
    }
}

/// Reads an escape for one code point.
pub(crate) fn escape(cursor: &mut Cursor<'_>) -> Result<u32, GoRegexError> {
    let start = cursor.offset();
    cursor.eat("\\");
    let at_letter = *cursor;
    let Some(letter) = cursor.bump() else {
        return Err(cursor.invalid(start, "a trailing backslash"));
    };
    match letter {
        '0' => Ok(octal(at_letter, cursor)),
        '1'..='7' if cursor.peek().is_some_and(|c| c.is_digit(8)) => Ok(octal(at_letter, cursor)),
        '1'..='9' | 'k' | 'g' => Err(cursor.unsupported(start, "a back-reference")),
        'x' => hexadecimal(cursor, start),
        'a' => Ok(0x07),
        't' => Ok(0x09),
        'n' => Ok(0x0A),
        'v' => Ok(0x0B),
        'f' => Ok(0x0C),
        'r' => Ok(0x0D),
        'u' | 'U' => Err(cursor.unsupported(start, "a Unicode escape")),
        'Z' | 'G' | 'K' => Err(cursor.unsupported(start, "an anchor")),
        'b' | 'B' | 'A' | 'z' | 'Q' => Err(cursor.invalid(start, "a class with the escape")),
        punctuation if punctuation.is_ascii() && !punctuation.is_ascii_alphanumeric() => {
            Ok(u32::from(punctuation))
        }
        _ => Err(cursor.unsupported(start, "an escape")),
    }
}

/// Reads up to three octal digits.
fn octal<'a>(at_first: Cursor<'a>, cursor: &mut Cursor<'a>) -> u32 {
    *cursor = at_first;
    // Three octal digits are far below the largest code point.
    u32::from_str_radix(cursor.eat_digits(8, 3), 8).unwrap_or_default()
}

/// Reads `41` or `{1F600}` after `\x`.
fn hexadecimal(cursor: &mut Cursor<'_>, start: usize) -> Result<u32, GoRegexError> {
    let point = if cursor.eat("{") {
        let digits = cursor.eat_digits(16, usize::MAX);
        // Any number of leading zeros is allowed.
        let point = match digits.trim_start_matches('0') {
            "" if !digits.is_empty() => Some(0),
            digits => u32::from_str_radix(digits, 16).ok(),
        };
        point.filter(|point| cursor.eat("}") && *point <= u32::from(char::MAX))
    } else {
        let digits = cursor.eat_digits(16, 2);
        let point = u32::from_str_radix(digits, 16).ok();
        point.filter(|_| digits.len() == 2)
    };
    point.ok_or_else(|| cursor.invalid(start, "a malformed hexadecimal escape"))
}
