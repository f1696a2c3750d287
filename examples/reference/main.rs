//! Makes the reference from the parser, so that it says what the program says:
//!
//! ```text
//! reference commands FILE    docs/commands.md
//! reference man DIR          a man page for each command
//! ```
//!
//! An example and no subcommand: the shipped program need not carry it.

mod help;
mod man;
mod markdown;
mod prose;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let command = kubectl_imgpolicy::cli::command();
    let made = match words[..] {
        ["commands", file] => std::fs::write(file, markdown::page(command)),
        ["man", folder] => man::write(command, Path::new(folder)),
        _ => Err(std::io::Error::other(
            "usage: reference commands FILE | reference man DIR",
        )),
    };
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing else hears it.
            let _ =
                std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("error: {error}\n"));
            ExitCode::FAILURE
        }
    }
}
