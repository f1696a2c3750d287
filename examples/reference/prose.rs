//! Text of the help as Markdown.

/// The longest line of prose, in characters, as `tests/docs` has it.
const WIDTH: usize = 100;

/// What no plain word has: patterns, placeholders, assignments.
const OF_CODE: &[char] = &['*', '_', '=', '|', '<', '>', '~', '$', '@', '\\'];

/// Text as code.
pub(crate) fn code(text: &str) -> String {
    format!("`{text}`")
}

/// A paragraph, broken into lines.
pub(crate) fn paragraph(text: &str) -> String {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in words(text) {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
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

/// The same in one line.
pub(crate) fn sentence(text: &str) -> String {
    words(text).join(" ")
}

/// A row of a table.
pub(crate) fn row(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(marked).collect()
}

/// A word, marked as code where it is.
fn marked(word: &str) -> String {
    // Links and code that the caller has made.
    if word.contains("](") || word.contains('`') {
        return word.to_owned();
    }
    let inside = word.trim_start_matches(['(', '"', '\'']);
    let before = &word[..word.len() - inside.len()];
    // A quote inside, as in `app='$v'`, is closed inside.
    let is_end = |sign: char| match sign {
        '\'' => before.ends_with('\''),
        sign => matches!(sign, ',' | '.' | ';' | ':' | ')' | '"'),
    };
    let core = inside.trim_end_matches(is_end);
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
    if !(is_flag || is_policy || is_name || is_optional || core.contains(OF_CODE)) {
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
    fn what_is_no_plain_word_is_marked_as_code() {
        for (help, shown) in [
            (
                "whatever the rows say; see --exit-code.",
                "whatever the rows say; see `--exit-code`.",
            ),
            ("as in -l app=web", "as in `-l` `app=web`"),
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
    fn a_paragraph_has_short_lines_and_loses_no_word() {
        let text = "word ".repeat(60);
        let broken = paragraph(&text);
        assert!(broken.lines().count() == 3);
        assert!(broken.lines().all(|line| line.len() <= WIDTH));
        assert_eq!(broken.split_whitespace().count(), 60);
    }

    #[test]
    fn a_bar_does_not_end_the_cell_of_a_table() {
        let cells = ["`FILE|-`".to_owned(), "what".to_owned()];
        assert_eq!(row(&cells), "| `FILE\\|-` | what |\n");
    }
}
