//! Man pages: one for the program and one for each command.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_mangen::Man;

use crate::help::{built, examples, subcommands};

/// Writes the pages into a folder, as `kubectl-imgpolicy-status.1`.
pub(crate) fn write(command: Command, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let root = built(command);
    let name = root.get_name().to_owned();
    let source = format!("{name} {}", root.get_version().unwrap_or_default());
    // The flags that every command takes stand in the page of the program.
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

/// Writes one page; the flags are those of `flags`.
fn page(command: &Command, flags: &Command, source: &str, folder: &Path) -> io::Result<()> {
    // No date: the same commit makes the same page on every day.
    let man = Man::new(command.clone())
        .source(source)
        .manual("kubectl imgpolicy");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    write_examples(&examples(command), &mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    Man::new(flags.clone()).render_options_section(&mut text)?;
    if !std::ptr::eq(command, flags) {
        return fs::write(folder.join(man.get_filename()), text);
    }
    writeln!(text, ".SH SEE ALSO")?;
    writeln!(
        text,
        "\\fBkubectl\\-imgpolicy\\fR(1) has the flags that every command takes."
    )?;
    fs::write(folder.join(man.get_filename()), text)
}

/// Examples keep their lines and blanks.
fn write_examples(lines: &[String], text: &mut Vec<u8>) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(text, ".SH EXAMPLES\n.EX")?;
    for line in lines {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        // A dot or a quote at the start would be a request to roff.
        let start = if line.starts_with(['.', '\'']) {
            "\\&"
        } else {
            ""
        };
        writeln!(text, "{start}{line}")?;
    }
    writeln!(text, ".EE")
}
