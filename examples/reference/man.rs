//! Man pages: one for the program and one for each command.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_mangen::Man;

use crate::help::{build, examples, subcommands};

/// Writes the pages into a folder, named like `kubectl-imgpolicy-status.1`.
pub(crate) fn write(command: Command, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let root = build(command);
    let name = root.get_name().to_owned();
    let source = format!("{name} {}", root.get_version().unwrap_or_default());
    // The page of the program describes the flags of every command.
    let shown = root.clone().mut_args(|flag| {
        let is_global = flag.is_global_set();
        flag.hide(!is_global)
    });
    page(&root, &shown, &source, folder)?;
    let mut open: Vec<&Command> = subcommands(&root).collect();
    while let Some(command) = open.pop() {
        page(command, command, &source, folder)?;
        open.extend(subcommands(command));
    }
    Ok(())
}

/// Writes one page for a command, with the flags of `flags`.
fn page(command: &Command, flags: &Command, source: &str, folder: &Path) -> io::Result<()> {
    let man = Man::new(command.clone());
    let mut text = Vec::new();
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    write_examples(&examples(command), &mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    Man::new(flags.clone()).render_options_section(&mut text)?;
    if std::ptr::eq(command, flags) {
        let sentence = "(1) has the flags that every command takes.";
        writeln!(text, ".SH SEE ALSO\n\\fBkubectl\\-imgpolicy\\fR{sentence}")?;
    }
    let file = man.get_filename();
    let name = file.trim_end_matches(".1");
    // Without a date, because one commit must always generate the same page.
    let title = format!(".TH \"{name}\" \"1\" \"\" \"{source}\" \"kubectl imgpolicy\"\n");
    let text = String::from_utf8_lossy(&text).replace(PREAMBLE, "");
    fs::write(
        folder.join(&file),
        ascii(&format!("{PREAMBLE}{title}{text}")),
    )
}

/// The definition of the apostrophe, which clap_mangen writes at the start of each section
/// that is rendered separately. A page needs it only once.
const PREAMBLE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// Escapes characters outside ASCII, because roff reads bytes.
fn ascii(text: &str) -> String {
    let mut page = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() {
            page.push(letter);
        } else {
            page.push_str(&format!("\\[u{:04X}]", u32::from(letter)));
        }
    }
    page
}

/// Writes examples with their lines and blanks, and with all characters unchanged, so that
/// they can be copied.
fn write_examples(lines: &[String], text: &mut Vec<u8>) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(text, ".SH EXAMPLES\n.EX")?;
    for line in lines {
        let mut line = line.replace('\\', "\\e");
        for (character, escape) in [
            ("-", "\\-"),
            ("'", "\\(aq"),
            ("`", "\\(ga"),
            ("^", "\\(ha"),
            ("~", "\\(ti"),
        ] {
            line = line.replace(character, escape);
        }
        // roff would read a line that begins with a dot as a request.
        let start = if line.starts_with('.') { "\\&" } else { "" };
        writeln!(text, "{start}{line}")?;
    }
    writeln!(text, ".EE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_page() {
        let folder = tempfile::tempdir().expect("a folder");
        write(kubectl_imgpolicy::cli::command(), folder.path()).expect("written");
        let [program, status, info] = ["", "-status", "-cache-info"].map(|command| {
            let name = format!("kubectl-imgpolicy{command}.1");
            fs::read_to_string(folder.path().join(&name)).expect(&name)
        });
        assert!(program.contains("\n\\fB\\-\\-kubeconfig\\fR"), "{program}");
        assert!(status.contains("\n.SH EXAMPLES\n.EX\n# "), "{status}");
        assert!(!status.contains("kubeconfig"), "{status}");
        assert!(
            info.contains("\n.TH \"kubectl-imgpolicy-cache-info\" \"1\" \"\" "),
            "{info}"
        );
        assert!([program, status, info].iter().all(|page| page.is_ascii()));
    }

    #[test]
    fn example_can_be_copied_from_the_page() {
        let mut text = Vec::new();
        let typed = "  printf '1\\n' | a -f - --x '^~`'".to_owned();
        write_examples(&[typed, ".x".to_owned()], &mut text).expect("written");
        let text = String::from_utf8(text).expect("text");
        let expected =
            "  printf \\(aq1\\en\\(aq | a \\-f \\- \\-\\-x \\(aq\\(ha\\(ti\\(ga\\(aq\n\\&.x\n";
        assert_eq!(text, format!(".SH EXAMPLES\n.EX\n{expected}.EE\n"));
    }
}
