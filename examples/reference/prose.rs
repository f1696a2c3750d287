//! Formats help text as Markdown.

/// The maximum length of a line of prose, in characters, as in `tests/docs`.
const WIDTH: usize = 100;

/// Characters of code that no word of prose has: patterns, placeholders, assignments.
const CODE_CHARACTERS: &[char] = &['*', '_', '=', '|', '<', '>', '~', '$', '@', '\\'];

/// Formats text as code.
pub(crate) fn code(text: &str) -> String {
    format!("`{text}`")
}

/// Wraps a paragraph into lines.
pub(crate) fn paragraph(text: &str) -> String {
    wrapped(text, WIDTH)
}

/// An item of a list, wrapped into lines.
pub(crate) fn item(text: &str) -> String {
    const INDENT: &str = "  ";
    let lines = wrapped(text, WIDTH - INDENT.len());
    format!("- {}", lines.replace('\n', &format!("\n{INDENT}")))
}

fn wrapped(text: &str, width: usize) -> String {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in words(text) {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    lines.push(line);
    lines.join("\n")
}

/// The same, on one line.
pub(crate) fn sentence(text: &str) -> String {
    words(text).join(" ")
}

/// A row of a table.
pub(crate) fn row(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// The words of a text, in which code that contains spaces counts as one word.
fn words(text: &str) -> Vec<String> {
    let mut marked = Vec::new();
    let mut rest: &[&str] = &text.split_whitespace().collect::<Vec<_>>();
    while let [first, after @ ..] = rest {
        let more = words_of_the_same_code(first, after);
        let (together, others) = rest.split_at(1 + more);
        if more == 0 {
            marked.push(mark_code(first));
        } else {
            let spaced = together.join(" ");
            let core = spaced.trim_end_matches([',', '.', ';', ')']);
            marked.push(format!("{}{}", code(core), &spaced[core.len()..]));
        }
        rest = others;
    }
    marked
}

/// How many of the following words belong to the code that begins with this one: the rest of a
/// JSON object, the value of an annotation, or the value of a short flag.
fn words_of_the_same_code(first: &str, after: &[&str]) -> usize {
    let Some(next) = after.first() else {
        return 0;
    };
    if first.starts_with("{\"") {
        return after
            .iter()
            .position(|word| word.contains('}'))
            .map_or(0, |last| last + 1);
    }
    let is_annotation = first.contains('/') && first.ends_with(':') && next.starts_with('"');
    let is_short_flag = first.len() == 2 && first.starts_with('-') && next.contains('=');
    usize::from(is_annotation || is_short_flag)
}

/// Marks a word as code if it looks like code.
fn mark_code(word: &str) -> String {
    // The caller has formatted links and code already.
    if word.contains("](") || word.contains('`') {
        return word.to_owned();
    }
    let inside = word.trim_start_matches(['(', '"', '\'']);
    let before = &word[..word.len() - inside.len()];
    // A quote that is opened within the word, as in `app='$v'`, belongs to the code.
    let core = inside.trim_end_matches(|character| match character {
        '\'' => before.ends_with('\''),
        character => ",.;:)\"".contains(character),
    });
    let after = &inside[core.len()..];
    let is_flag = core.starts_with('-') && core.len() > 1;
    let is_policy = core
        .split_once(':')
        .is_some_and(|(before, after)| !before.is_empty() && !after.is_empty());
    // A domain with a path: an annotation, an image.
    let is_name = core
        .split_once('/')
        .is_some_and(|(domain, path)| domain.contains('.') && !path.is_empty());
    let is_optional = core.contains('[') && core.contains(']');
    if !(is_flag || is_policy || is_name || is_optional || core.contains(CODE_CHARACTERS)) {
        return word.to_owned();
    }
    // Code needs no quotes around it.
    let before = before.trim_end_matches('\'');
    let after = after.trim_start_matches('\'');
    format!("{before}{}{after}", code(core))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_in_prose_is_marked() {
        for (help, shown) in [
            (
                "whatever the rows say; see --exit-code.",
                "whatever the rows say; see `--exit-code`.",
            ),
            ("as in -l app=web", "as in `-l app=web`"),
            (
                "writes fluxcd.io/automated: \"true\", and",
                "writes `fluxcd.io/automated: \"true\"`, and",
            ),
            (
                "lines {\"tag\": …, \"platforms\": […]}; or",
                "lines `{\"tag\": …, \"platforms\": […]}`; or",
            ),
            (
                "as in 'ghcr.io/*'; repeatable",
                "as in `ghcr.io/*`; repeatable",
            ),
            ("those under [PREFIX=]DIR", "those under `[PREFIX=]DIR`"),
            ("semver:RANGE, glob:GLOB", "`semver:RANGE`, `glob:GLOB`"),
            ("(memcached://HOST:PORT,…)", "(`memcached://HOST:PORT,…`)"),
            ("as in app='$v'; repeatable", "as in `app='$v'`; repeatable"),
            (
                "the annotation fluxcd.io/locked,",
                "the annotation `fluxcd.io/locked`,",
            ),
            ("unless NO_COLOR is set", "unless `NO_COLOR` is set"),
        ] {
            assert_eq!(sentence(help), shown);
        }
        for plain in [
            "TYPE/NAME…, or TYPE NAME…",
            "a file, or - for stdin",
            "at once: it says",
        ] {
            assert_eq!(sentence(plain), plain);
        }
    }

    #[test]
    fn paragraph_is_wrapped_and_loses_no_word() {
        let text = "word ".repeat(60);
        let broken = paragraph(&text);
        assert!(broken.lines().count() == 3);
        assert!(broken.lines().all(|line| line.len() <= WIDTH));
        assert_eq!(broken.split_whitespace().count(), 60);
    }

    #[test]
    fn lines_of_an_item_are_indented_and_not_longer() {
        // Two words fill a line of a paragraph, but not one of an item.
        let word = "w".repeat(WIDTH / 2 - 1);
        let broken = item(&format!("{word} {word} {word}"));
        assert!(broken.lines().all(|line| line.len() <= WIDTH), "{broken}");
        assert!(broken.lines().skip(1).all(|line| line.starts_with("  w")));
        assert_eq!(broken.lines().count(), 3);
    }

    #[test]
    fn bar_in_a_table_cell_is_escaped() {
        let cells = ["`FILE|-`".to_owned(), "what".to_owned()];
        assert_eq!(row(&cells), "| `FILE\\|-` | what |\n");
    }
}
